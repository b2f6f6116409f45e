"""Rules across fields: each is kept by its right example, broken by its wrong one, and speaks of fields that exist."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import yaml
from pydantic import ValidationError

from reelplane_crds.kinds import KINDS
from reelplane_crds.kinds.common import ApiModel
from reelplane_crds.kinds.platform_stores import Database
from reelplane_crds.rules import Rule, RulesBroken
from reelplane_crds.schema import crd


def models(base: type[ApiModel] = ApiModel) -> Iterator[type[ApiModel]]:
    for model in base.__subclasses__():
        yield model
        yield from models(model)


RULES = [
    pytest.param(model, rule, id=f"{model.__name__}-{rule.field or index}")
    for model in models()
    for index, rule in enumerate(model.rules)
]


def broken(model: type[ApiModel], fragment: str) -> set[Rule]:
    try:
        model.model_validate(yaml.safe_load(fragment))
    except ValidationError as error:
        causes = [each["ctx"]["error"] for each in error.errors()]
        assert all(isinstance(cause, RulesBroken) for cause in causes), causes
        return {rule for cause in causes for rule in cause.broken}
    return set()


@pytest.mark.parametrize(("model", "rule"), RULES)
def test_a_rule_accepts_its_right_and_refuses_its_wrong_example(model: type[ApiModel], rule: Rule) -> None:
    assert broken(model, rule.right) == set()
    assert rule in broken(model, rule.wrong)


@pytest.mark.parametrize(("model", "rule"), RULES)
def test_a_rule_speaks_of_fields_that_exist_and_asks_before_reading_what_may_be_absent(
    model: type[ApiModel], rule: Rule
) -> None:
    fields = {info.alias or name: info for name, info in model.model_fields.items()}
    assert rule.fields
    assert rule.fields <= set(fields)
    assert not rule.field or rule.field in fields
    unguarded = set(re.findall(r"(?<!has\()self\.(\w+)", rule.cel))
    absent = {name for name, info in fields.items() if not info.is_required() and info.default is None}
    assert all(f"has(self.{name})" in rule.cel for name in unguarded & absent)


def test_every_rule_reaches_the_api_server() -> None:
    schemas = "".join(yaml.safe_dump(crd(kind), width=10_000) for kind in KINDS)
    declared = {rule.cel for model in models() for rule in model.rules}
    assert declared
    assert {
        cel for cel in declared if yaml.safe_dump({"rule": cel}, width=10_000).strip() not in schemas
    } == set()


def test_a_union_refuses_both_choices_as_it_refuses_none() -> None:
    both = "{embedded: {}, postgres: {urlFrom: {secret: reels-db, key: url}}}"
    assert broken(Database, both) == broken(Database, "{}") != set()


@pytest.mark.parametrize(
    ("kind", "immutable"),
    [("VideoPipeline", {"platform"}), ("RegionDeployment", {"platform", "region"})],
)
def test_what_an_object_is_named_and_kept_by_cannot_be_changed(kind: str, immutable: set[str]) -> None:
    (found,) = (crd(each) for each in KINDS if each.__name__ == kind)
    spec = found["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    fixed = {
        name
        for name, node in spec["properties"].items()
        if "self == oldSelf" in [rule["rule"] for rule in node.get("x-kubernetes-validations", ())]
    }
    assert fixed == immutable
    assert fixed <= set(spec["required"]), (
        "the API server judges a change only where the field stands on both sides"
    )
