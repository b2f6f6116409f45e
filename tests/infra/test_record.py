"""What the recorder promises: the program's own registrations, answered as a provider would and never echoed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reelplane_infra.record import (
    UNKNOWN,
    Mode,
    Record,
    RecordedPlan,
    RecordError,
    Secret,
    plan_from_json,
    plan_to_json,
)

BUCKET = """
from pulumi_aws import s3
name = pulumi.Output.secret("films-1")
made = s3.Bucket("films", region="eu-west-1", bucket=name, opts=pulumi.ResourceOptions(protect=True))
pulumi.export("arn", made.arn)
pulumi.export("hidden", made.bucket)
"""
FOUNDATION: dict[str, Any] = {
    "dev.foundation": {
        "key_arns": {"us-west-2": "arn:aws:kms:us-west-2:111122223333:key/mrk-1"},
        "repository_urls": {},
        "zone_id": "Z1",
        "name_servers": [],
    }
}
READS = """
pulumi.export("key", inputs.foundation().key_arns["us-west-2"])
pulumi.export("zone", inputs.foundation().zone_id)
"""
Program = Callable[..., Record]
Plan = Callable[[str, Mode], RecordedPlan]


def test_an_update_gives_computed_outputs_in_the_documented_shape(program: Program) -> None:
    record = program(BUCKET)
    (bucket,) = record.of_type("aws:s3/bucket:Bucket")
    assert bucket.outputs["arn"] == "arn:aws:s3:::films-1"
    assert bucket.protect
    assert bucket.region == "eu-west-1"


def test_a_secret_stays_marked_in_inputs_and_outputs(program: Program) -> None:
    record = program(BUCKET)
    assert record.of_type("aws:s3/bucket:Bucket")[0].inputs["bucket"] == Secret("films-1")
    assert record.outputs["hidden"] == Secret("films-1")


def test_a_preview_knows_nothing_that_a_provider_computes(program: Program) -> None:
    record = program(BUCKET, mode=Mode.PREVIEW)
    assert record.of_type("aws:s3/bucket:Bucket")[0].id is UNKNOWN
    assert record.outputs["arn"] is UNKNOWN


def test_an_input_that_is_no_output_of_the_type_is_not_echoed(program: Program) -> None:
    record = program("""
        from pulumi_aws import s3
        pulumi.CustomResource("aws:s3/bucket:Bucket", "films", {"bucket": "films", "nonsense": 1})
    """)
    (bucket,) = record.of_type("aws:s3/bucket:Bucket")
    assert bucket.inputs["nonsense"] == 1
    assert "nonsense" not in bucket.outputs


def test_a_type_that_the_sdk_does_not_have_ends_the_program_with_its_urn(program: Program) -> None:
    with pytest.raises(RecordError, match="aws:s3/pail:Pail::films"):
        program("""pulumi.CustomResource("aws:s3/pail:Pail", "films", {})""")


def test_an_error_of_the_program_names_the_resource_and_the_line(program: Program) -> None:
    with pytest.raises(RecordError) as error:
        program("""
            from pulumi_aws import s3
            s3.BucketVersioning("films")
        """)
    assert error.value.resource == "films"
    path, _, line = error.value.source.rpartition(":")
    assert Path(path).read_text().splitlines()[int(line) - 1] == 's3.BucketVersioning("films")'
    assert "bucket" in error.value.reason


def test_a_resource_that_is_made_twice_is_refused_with_both_places(program: Program) -> None:
    with pytest.raises(RecordError, match=r"registered twice; the first is at .*program\.py"):
        program("""
            from pulumi_aws import kms
            kms.Key("one")
            kms.Key("one")
        """)


def test_a_function_that_needs_an_account_is_refused_by_name(program: Program) -> None:
    with pytest.raises(RecordError, match="ecr/getImage:getImage asks an account"):
        program("""
            import pulumi_aws
            pulumi.export("image", pulumi_aws.ecr.get_image_output(repository_name="workloads").id)
        """)


def test_a_stack_reference_is_answered_from_the_stack_before(program: Program) -> None:
    record = program(READS, before=FOUNDATION)
    assert record.outputs == {"key": "arn:aws:kms:us-west-2:111122223333:key/mrk-1", "zone": "Z1"}


def test_an_unknown_output_of_one_layer_is_unknown_in_the_next(program: Program) -> None:
    before = {"dev.foundation": {**FOUNDATION["dev.foundation"], "zone_id": UNKNOWN}}
    assert program(READS, before=before, mode=Mode.PREVIEW).outputs["zone"] is UNKNOWN


def test_only_what_was_secret_in_one_layer_is_secret_in_the_next(program: Program) -> None:
    before = {"dev.foundation": {**FOUNDATION["dev.foundation"], "zone_id": Secret("Z1")}}
    outputs = program(READS, before=before).outputs
    assert outputs == {"key": "arn:aws:kms:us-west-2:111122223333:key/mrk-1", "zone": Secret("Z1")}


def test_what_is_known_beside_an_unknown_output_stays_known(program: Program) -> None:
    before = {"dev.foundation": {**FOUNDATION["dev.foundation"], "zone_id": UNKNOWN}}
    outputs = program(READS, before=before, mode=Mode.PREVIEW).outputs
    assert outputs["key"] == "arn:aws:kms:us-west-2:111122223333:key/mrk-1"


@pytest.mark.parametrize("mode", list(Mode))
def test_a_missing_output_names_both_layers(program: Program, mode: Mode) -> None:
    before = {name: value for name, value in FOUNDATION["dev.foundation"].items() if name != "zone_id"}
    if mode is Mode.PREVIEW:
        before["name_servers"] = UNKNOWN
    with pytest.raises(
        RecordError, match=r"dev\.region\.us-west-2 reads the output zone_id of dev\.foundation"
    ):
        program(READS, before={"dev.foundation": before}, mode=mode)


def test_an_output_of_another_type_names_both_layers(program: Program) -> None:
    before = {"dev.foundation": {**FOUNDATION["dev.foundation"], "zone_id": 7}}
    with pytest.raises(
        RecordError, match=r"dev\.region\.us-west-2 reads the output zone_id of dev\.foundation"
    ):
        program(READS, before=before)


def test_a_layer_that_reads_outside_of_the_graph_is_refused(program: Program) -> None:
    with pytest.raises(RecordError, match=r"does not read dev\.data"):
        program("inputs.data()")


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("name", ["dev", "global"])
def test_every_layer_is_recorded_and_the_plan_survives_json(plan: Plan, name: str, mode: Mode) -> None:
    recorded = plan(name, mode)
    assert len(recorded.records) == (6 if name == "dev" else 14)
    assert plan_from_json(plan_to_json(recorded)) == recorded


def test_preview_and_update_register_the_same_resources(plan: Plan) -> None:
    before, after = plan("global", Mode.PREVIEW), plan("global", Mode.UPDATE)
    for one, other in zip(before.records, after.records, strict=True):
        assert [each.urn for each in one.resources] == [each.urn for each in other.resources]


def test_what_others_depend_on_comes_first(everywhere: RecordedPlan) -> None:
    for record in everywhere.records:
        seen: set[str] = set()
        for each in record.resources:
            assert {each.parent, *each.dependencies} - {""} <= seen
            seen.add(each.urn)
