"""The strategies that other tests rely on: they reach every field, yield only valid specs, or only invalid ones."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from pydantic import ValidationError

from reelplane_crds.kinds import KINDS, Resource, VideoPlatform
from reelplane_crds.load import load_text
from tests.testbed.mistakes import mistakes
from tests.testbed.schemas import example, leaves, placed, reached, tree, walk
from tests.testbed.strategies import near_valid, specs

every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
MOST_ROUNDS = 30
"""Two to seven of them do."""


def examples(number: int) -> settings:
    """So many, always the same."""
    return settings(
        max_examples=number,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


def judged(kind: type[Resource], spec: dict[str, Any]) -> Resource:
    return kind.model_validate({"metadata": {"name": "x"}, "spec": spec})


@every_kind
def test_specs_are_valid_and_reach_every_field_that_can_be_set(kind: type[Resource]) -> None:
    """In rounds of few examples: Hypothesis makes a long round's later ones from parts of its earlier ones."""
    found: set[str] = set()

    def judge(spec: dict[str, Any]) -> None:
        judged(kind, spec)
        found.update(reached(tree(kind), spec))

    for number in range(MOST_ROUNDS):
        seed(number)(examples(10)(given(specs(kind))(judge)))()
        if found == leaves(kind):
            break
    assert leaves(kind) - found == set(), f"not reached in {MOST_ROUNDS} rounds"


@every_kind
def test_near_valid_specs_are_all_refused(kind: type[Resource]) -> None:
    @seed(4)
    @examples(40)
    @given(near_valid(kind))
    def draw(spec: dict[str, Any]) -> None:
        with pytest.raises(ValidationError):
            judged(kind, spec)

    draw()


@every_kind
def test_a_mistake_is_refused_where_it_stands_and_nothing_else_is_wrong(kind: type[Resource]) -> None:
    for mistake in mistakes(kind):
        with pytest.raises(ValidationError) as refused:
            judged(kind, mistake.spec)
        top = re.split(r"[.\[{]", mistake.path)[0]
        wrong = {each["loc"][1] for each in refused.value.errors() if len(each["loc"]) > 1}
        assert wrong == {top} if top else len(wrong) <= 1, mistake


@every_kind
def test_every_leaf_can_be_set_alone(kind: type[Resource]) -> None:
    for node in walk(tree(kind)):
        if node.is_leaf:
            spec = placed(kind, node.path, example(node))
            judged(kind, spec)
            assert node.path in set(reached(tree(kind), spec))


def test_leaves_are_what_a_person_would_name() -> None:
    named = leaves(VideoPlatform)
    assert {"domain", "api.replicas.min", "queue.embedded", "egress.allow[].cidr", "pods.labels{}"} <= named
    assert not {"api", "api.replicas", "egress.allow", "pods.labels"} & named


def test_every_kind_of_mistake_is_made() -> None:
    made = {mistake.what for kind in KINDS for mistake in mistakes(kind)}
    for what in (
        "an unknown field",
        "too large",
        "too many entries",
        "an entry twice",
        "above its bounds",
        "no choice",
    ):
        assert what in made
    assert any(what.endswith("is missing") for what in made)
    rules = {rule.message for kind in KINDS for node in walk(tree(kind)) for rule in node.rules}
    assert rules <= made


def test_near_valid_specs_are_refused_in_files_with_the_field_named() -> None:
    """One of them by the whole way a person takes."""
    (mistake,) = (each for each in mistakes(VideoPlatform) if str(each) == "api.port: too large")
    with pytest.raises(Exception, match=r"spec\.api\.port.*65535 is the most"):
        load_text(
            f"apiVersion: reelplane.io/v1alpha1\nkind: VideoPlatform\nmetadata: {{name: x}}\nspec: {mistake.spec}"
        )
