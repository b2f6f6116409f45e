"""What the mutations promise: every input that matters is made worse, and what no check notices has a reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from reelplane_infra.checks import operators
from reelplane_infra.checks.mutations import (
    Mutant,
    load_reasons,
    mutants,
    one_of_each,
    run_mutations,
    stale,
    unexplained,
)
from reelplane_infra.record import RecordedPlan, Resource, Secret


def made(**inputs: object) -> set[tuple[str, str]]:
    resource = Resource("urn:pulumi:dev.data::reelplane::aws:x/y:Y::n", "aws:x/y:Y", "n", inputs=dict(inputs))  # type: ignore[arg-type]
    return {(operator, path) for operator, path, _ in operators.changes(resource, ["us-west-2", "eu-west-1"])}


@pytest.mark.parametrize(
    ("inputs", "operator", "path"),
    [
        ({"storageEncrypted": True}, "flip", "storageEncrypted"),
        ({"deep": [{"atRest": {"enabled": True}}]}, "flip", "deep[0].atRest.enabled"),
        ({"encrypted": "true"}, "flip", "encrypted"),
        ({"key": "arn:aws:kms:us-west-2:1:key/a"}, "drop-key", "key"),
        ({"cidrBlocks": ["10.0.0.0/8"]}, "widen", "cidrBlocks[0]"),
        ({"minimumProtocolVersion": "TLSv1.2_2021"}, "weaken", "minimumProtocolVersion"),
        ({"retentionInDays": 30}, "keep-nothing", "retentionInDays"),
        ({"region": "us-west-2"}, "swap-region", "region"),
        ({"region": "us-west-2"}, "leave-environment", "region"),
        ({"tags": {"a": "b"}}, "drop-tags", "tags"),
        (
            {"policy": '{"Statement": [{"Effect": "Allow", "Action": "s3:GetObject"}]}'},
            "all-actions",
            "policy",
        ),
        ({"policy": '{"Statement": [{"Effect": "Deny", "Action": "*"}]}'}, "drop-denial", "policy"),
        ({"body": '{"Key": "arn:aws:kms:us-west-2:1:key/a"}'}, "drop-key", "body.Key"),
        ({"hidden": Secret({"publicAccess": False})}, "flip", "hidden.publicAccess"),
    ],
)
def test_an_input_is_made_worse_by_its_name_and_its_form(
    inputs: dict[str, object], operator: str, path: str
) -> None:
    assert (operator, path) in made(**inputs)


def test_what_is_neither_is_left_alone() -> None:
    assert made(description="films", timeout=3, http2=True) == set()


def test_a_mutant_differs_in_that_one_place() -> None:
    resource = Resource("u", "aws:x/y:Y", "n", inputs={"a": [{"encrypted": True, "size": 3}], "b": 1})
    changed = {operator: each for operator, _, each in operators.changes(resource, [])}
    flipped, dropped = changed["flip"], changed["drop"]
    assert flipped is not None
    assert flipped.inputs == {"a": [{"encrypted": False, "size": 3}], "b": 1}
    assert dropped is not None
    assert dropped.inputs == {"a": [{"size": 3}], "b": 1}


@pytest.mark.timeout(1800)
def test_no_mutation_survives_without_a_reason_and_no_reason_is_stale(
    dev: RecordedPlan, everywhere: RecordedPlan
) -> None:
    """Of those that differ only in a region or a number one each: the command in checks/mutations.py runs all."""
    outcomes = [run_mutations(dev, every=False), run_mutations(everywhere, every=False)]
    survivors = [each for outcome in outcomes for each in outcome.survivors]
    print([(each.run, sum(each.killed.values()), len(each.survivors)) for each in outcomes])
    assert [str(each) for each in unexplained(survivors, load_reasons())] == []
    assert stale(survivors, load_reasons()) == []


def test_one_of_each_has_every_kind_of_mutation_and_a_region_makes_no_kind(everywhere: RecordedPlan) -> None:
    every = list(mutants(everywhere))
    one = list(one_of_each(every))

    def kinds(found: list[Mutant]) -> set[tuple[str, str, str]]:
        return {(each.operator, each.original.type, operators.without_indices(each.path)) for each in found}

    assert kinds(one) == kinds(every)
    subnets = [each.record.stack.region for each in one if each.original.type == "aws:ec2/subnet:Subnet"]
    assert len(set(subnets)) == 1 < len(everywhere.environment["regions"])
    print(f"{len(one)} of {len(every)} mutations of global stand for all")


@pytest.mark.timeout(600)
def test_a_survivor_without_a_reason_and_a_reason_without_a_survivor_are_told(
    dev: RecordedPlan, tmp_path: Path
) -> None:
    path = tmp_path / "survivors.yaml"
    path.write_text('- {operator: flip, type: "aws:none:None", path: "*", reason: covers no mutation at all}')
    survivors = run_mutations(dev, schema=False).survivors
    reasons = load_reasons(path)
    assert stale(survivors, reasons) == list(reasons)
    assert unexplained(survivors, reasons) == list(survivors) != []


def test_a_reason_has_words(tmp_path: Path) -> None:
    path = tmp_path / "survivors.yaml"
    path.write_text('- {operator: flip, type: "*", path: "*", reason: fine}')
    with pytest.raises(ValueError, match="needs a reason"):
        load_reasons(path)
