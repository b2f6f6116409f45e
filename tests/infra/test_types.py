"""What the check of types promises: whatever the SDK takes and a provider would refuse is found before an ``up``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from reelplane_infra.checks.types import check_types
from reelplane_infra.record import Mode, Record, RecordedPlan

Program = Callable[..., Record]
IMPORT = "from pulumi_aws import ec2, s3\n"


def found(dev: RecordedPlan, record: Record) -> dict[str, str]:
    plan = replace(dev, records=(record,))
    return {f"{each.path} {each.rule}": each.message for each in check_types(plan)}


def test_a_number_for_a_name_and_a_text_for_tags_are_found(program: Program, dev: RecordedPlan) -> None:
    record = program(IMPORT + 's3.Bucket("films", region="eu-west-1", bucket=12345, tags="nope")')
    said = found(dev, record)
    assert said == {
        "bucket types-value": "is 12345 (int); it takes a string",
        "tags types-value": "is 'nope' (text); it takes a map of strings to a string",
    }


@pytest.mark.parametrize(
    ("source", "place", "message"),
    [
        (
            's3.BucketVersioning("v", bucket="b", versioning_configuration={"status": "Enabled", "mfa_delet": "no"})',
            "versioningConfiguration.mfa_delet types-key",
            "did you mean mfaDelete?",
        ),
        (
            's3.BucketVersioning("v", bucket="b", versioning_configuration={})',
            "versioningConfiguration.status types-missing",
            "is required: a string",
        ),
        (
            'ec2.SecurityGroup("g", ingress=[{"protocol": "tcp", "from_port": "https", "to_port": 443}])',
            "ingress[0].fromPort types-value",
            "it takes a whole number",
        ),
        (
            'ec2.Subnet("s", vpc_id="v", map_public_ip_on_launch="no")',
            "mapPublicIpOnLaunch types-value",
            "true or false",
        ),
        ('s3.Bucket("b", tags={"size": 3})', "tags.size types-value", "is 3 (int)"),
    ],
)
def test_each_kind_of_fault_is_found_by_its_path(
    program: Program, dev: RecordedPlan, source: str, place: str, message: str
) -> None:
    said = found(dev, program(IMPORT + source))
    assert list(said) == [place]
    assert message in said[place]


def test_a_secret_of_the_wrong_type_is_found_and_not_shown(program: Program, dev: RecordedPlan) -> None:
    source = 's3.Bucket("films", bucket=pulumi.Output.secret(8675309))'
    said = found(dev, program(IMPORT + source))
    assert list(said) == ["bucket types-value"]
    assert "8675309" not in said["bucket types-value"]


def test_what_a_preview_does_not_know_is_no_fault(program: Program, dev: RecordedPlan) -> None:
    source = 's3.BucketVersioning("v", bucket=s3.Bucket("films").id, versioning_configuration={"status": "Enabled"})'
    assert found(dev, program(IMPORT + source, mode=Mode.PREVIEW)) == {}


@pytest.mark.parametrize("name", ["dev", "global"])
def test_the_shipped_environments_have_no_input_of_a_wrong_type(
    plan: Callable[[str, Mode], RecordedPlan], name: str
) -> None:
    assert check_types(plan(name, Mode.UPDATE)) == []
