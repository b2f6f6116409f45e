"""What the comparison promises: no protected resource is lost by a rename, and no resource is made inside apply."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from reelplane_infra.checks.diff import check_modes, check_urns, golden
from reelplane_infra.record import Mode, Record, RecordedPlan

Program = Callable[..., Record]
GOLDEN = Path(__file__).parent / "golden"
BUCKET = """
from pulumi_aws import s3
class Store(pulumi.ComponentResource):
    def __init__(self, name, opts=None):
        super().__init__("reelplane:store:Store", name, None, opts)
        s3.Bucket({name}, opts=pulumi.ResourceOptions(parent=self, protect=True, {aliases}))
        self.register_outputs({{}})
Store("{store}", opts=pulumi.ResourceOptions({around}))
"""


def source(name: str = 'f"{name}-films"', store: str = "media", aliases: str = "", around: str = "") -> str:
    return BUCKET.format(name=name, store=store, aliases=aliases, around=around)


@pytest.fixture
def rules(program: Program, dev: RecordedPlan) -> Callable[[str], list[str]]:
    """Rules that a changed program breaks, after the golden file of the unchanged one."""
    before = golden(replace(dev, records=(program(source()),)))

    def broken(changed: str) -> list[str]:
        return sorted(each.rule for each in check_urns(replace(dev, records=(program(changed),)), before))

    return broken


def test_an_unchanged_program_is_as_before(rules: Callable[[str], list[str]]) -> None:
    assert rules(source()) == []


def test_a_renamed_protected_resource_without_an_alias_fails(rules: Callable[[str], list[str]]) -> None:
    assert rules(source(name="'pictures'")) == ["urn-lost", "urn-new"]


def test_a_renamed_protected_resource_with_an_alias_passes(rules: Callable[[str], list[str]]) -> None:
    alias = 'aliases=[pulumi.Alias(name="media-films")]'
    assert rules(source(name="'pictures'", aliases=alias)) == []


def test_a_renamed_component_without_an_alias_loses_its_children(rules: Callable[[str], list[str]]) -> None:
    assert rules(source(store="stuff")) == ["urn-lost", "urn-new"]


def test_children_inherit_the_alias_of_a_renamed_component(rules: Callable[[str], list[str]]) -> None:
    assert rules(source(store="stuff", around='aliases=[pulumi.Alias(name="media")]')) == []


def test_a_reparented_protected_resource_needs_an_alias_of_its_parent(
    rules: Callable[[str], list[str]],
) -> None:
    moved = (
        "from pulumi_aws import s3\ns3.Bucket('media-films', opts=pulumi.ResourceOptions(protect=True, {}))"
    )
    assert rules(moved.format("")) == ["urn-lost", "urn-new"]
    urn = (
        "urn:pulumi:dev.region.us-west-2::reelplane::reelplane:store:Store$aws:s3/bucket:Bucket::media-films"
    )
    assert rules(moved.format(f"aliases=[{urn!r}]")) == []


def test_a_resource_made_inside_apply_is_found(program: Program, dev: RecordedPlan) -> None:
    made = """
    from pulumi_aws import s3
    first = s3.Bucket("first")
    first.arn.apply(lambda arn: s3.Bucket("second"))
    """
    preview = replace(dev, records=(program(made, mode=Mode.PREVIEW),))
    (finding,) = check_modes(preview, replace(dev, records=(program(made),)))
    assert finding.urn.endswith("::second")
    assert "outside of apply" in finding.message


@pytest.mark.parametrize("name", ["dev", "startup", "global"])
def test_the_shipped_environments_lose_no_protected_resource(
    plan: Callable[[str, Mode], RecordedPlan], name: str
) -> None:
    """``reelplane-infra urns --write`` writes the files again."""
    written = (GOLDEN / f"urns-{name}.txt").read_text(encoding="utf-8")
    assert check_urns(plan(name, Mode.UPDATE), written) == []


def test_the_shipped_environments_register_the_same_in_both_modes(
    plan: Callable[[str, Mode], RecordedPlan],
) -> None:
    assert check_modes(plan("dev", Mode.PREVIEW), plan("dev", Mode.UPDATE)) == []
