"""What is said of an object: exactly one of Ready, Reconciling and Stalled, and in words that help."""

from __future__ import annotations

import itertools
from typing import Any

from reelplane_operator.cluster.errors import Conflict, Forbidden, Invalid, Unreachable
from reelplane_operator.reconcile import conditions, observed
from reelplane_operator.reconcile.apply import Failure, NotOurs
from reelplane_operator.reconcile.conditions import Condition
from reelplane_operator.reconcile.figures import read, rounded
from reelplane_operator.reconcile.keys import ChildId
from reelplane_operator.reconcile.observed import Declared, Rollout
from reelplane_operator.reconcile.rollout import Workload
from reelplane_operator.reconcile.status import Findings, make
from reelplane_plan.types import Problem
from tests.operator.reconcile.objects import resource

API = ChildId("apps/v1", "Deployment", "reels-api")
NOW = "2026-11-21T12:00:00Z"


def _owner(status: dict[str, Any] | None = None) -> Declared:
    return observed.declared({**resource("VideoPlatform", "reels"), "status": status or {}})


def _workload(least: int = 2, **changes: Any) -> Workload:
    numbers = {
        "generation": 3, "observed": 3, "wanted": 2, "current": 2, "updated": 2, "ready": 2, "available": 2,
    }  # fmt: skip
    return Workload(API, least, Rollout(**(numbers | changes)))


def _said(findings: Findings) -> dict[str, tuple[str, str, str]]:
    made = make(_owner(), findings, now=NOW)["conditions"]
    return {each["type"]: (each["status"], each["reason"], each["message"]) for each in made}


def test_exactly_one_of_three_holds_whatever_was_found() -> None:
    parts: list[list[dict[str, Any]]] = [
        [{}, {"problems": [Problem("VideoPlatform/reels: spec", "is wrong", "mend it")]}],
        [{}, {"waiting": [Problem("VideoPipeline", "none uses this platform", "add one")]}],
        [{}, {"failures": [Failure(API, Unreachable("h", "apply", "no answer"))]}],
        [{}, {"failures": [Failure(API, Invalid(422, "Invalid", "no"))]}],
        [{}, {"workloads": [_workload()]}, {"workloads": [_workload(available=0)]}],
    ]
    for choice in itertools.product(*parts):
        merged: dict[str, Any] = {"serves": True}
        for each in choice:
            merged |= each
        said = _said(Findings(**merged))
        holding = [kind for kind in ("Ready", "Reconciling", "Stalled") if said[kind][0] == "True"]
        assert len(holding) == 1
        assert len({said[kind][1] for kind in ("Ready", "Reconciling", "Stalled")}) == 1


def test_rollouts_are_told_in_pods() -> None:
    for changes, words in (
        ({"observed": 2}, "was changed a moment ago"),
        ({"updated": 1}, "1 of 2 pods are updated"),
        ({"available": 1}, "1 of 2 pods are available"),
    ):
        status, reason, message = _said(Findings(workloads=[_workload(**changes)], serves=True))[
            "Reconciling"
        ]
        assert (status, reason) == ("True", "RollingOut")
        assert words in message


def test_scaling_under_load_is_no_rollout() -> None:
    scaled = _workload(least=1, wanted=8, current=8, updated=8, ready=3, available=3)
    assert _said(Findings(workloads=[scaled], serves=True))["Ready"][0] == "True"
    none = _workload(least=0, wanted=0, current=0, updated=0, ready=0, available=0)
    said = _said(Findings(workloads=[none], serves=True))
    assert (said["Ready"][0], said["Available"][0]) == ("True", "True")


def test_available_says_whether_it_serves_also_while_it_is_stuck() -> None:
    problem = Problem(
        "VideoPlatform/reels: spec.cache", "Secret 'x' does not exist", "add it", "SecretNotFound"
    )
    said = _said(Findings(problems=[problem], workloads=[_workload()], serves=True))
    assert said["Stalled"][:2] == ("True", "SecretNotFound")
    assert "spec.cache: Secret 'x' does not exist; add it" in said["Stalled"][2]
    assert said["Available"][0] == "True"


def test_a_rollout_that_does_not_get_on_needs_a_person() -> None:
    stuck = _workload(available=0, problem="exceeded quota")
    assert _said(Findings(workloads=[stuck], serves=True))["Stalled"][:2] == ("True", "RolloutStuck")
    # A message from an earlier trouble, of a Deployment that is well again.
    assert _said(Findings(workloads=[_workload(problem="old")], serves=True))["Ready"][0] == "True"


def test_errors_that_time_mends_are_retried_and_others_need_a_person() -> None:
    for error, state, reason in (
        (Conflict(409, "Conflict", "x"), "Reconciling", "Retrying"),
        (Unreachable("h", "apply", "x"), "Reconciling", "Retrying"),
        (Invalid(422, "Invalid", "spec.x: bad"), "Stalled", "ChildRejected"),
        (Forbidden(403, "Forbidden", "x"), "Stalled", "NotPermitted"),
        (NotOurs(API), "Stalled", "NameTaken"),
    ):
        said = _said(Findings(failures=[Failure(API, error)], serves=True))
        assert said[state][:2] == ("True", reason)


def test_a_transition_time_changes_with_the_status_only() -> None:
    before = conditions.merge(
        [], [Condition("Ready", "True", "A", "one")], generation=1, now="2026-01-01T00:00:00Z"
    )
    same = conditions.merge(before, [Condition("Ready", "True", "B", "two")], generation=2, now=NOW)
    assert same[0]["lastTransitionTime"] == "2026-01-01T00:00:00Z"
    assert (same[0]["reason"], same[0]["observedGeneration"]) == ("B", 2)
    other = conditions.merge(before, [Condition("Ready", "False", "B", "two")], generation=2, now=NOW)
    assert other[0]["lastTransitionTime"] == NOW


def test_figures_are_rounded_so_that_noise_writes_nothing() -> None:
    assert [rounded(n) for n in (0, 7, 37, 99, 123, 1234, 98765)] == [0, 7, 37, 99, 120, 1200, 99000]
    answer = {
        "queue": {"backlog": 1234},
        "cache": {"hits": 1, "hitRate": 0.98234},
        "workers": [{"instance": "b", "busy": 2, "capacity": 2}, {"instance": "a", "busy": 0, "capacity": 2}],
        "proxies": {"healthy": 3, "total": 4, "bans": 1},
        "extractors": [{"version": "2026.10.26", "site": "a.example", "done": 4, "failed": 1}],
    }
    figures = read(answer)
    assert (figures.queue, figures.hit_rate, figures.proxies, figures.bans) == (1200, "98.2%", "3/4", 1)
    assert [(each.pod, each.busy) for each in figures.workers] == [("a", 0), ("b", 2)]
    assert read({}).hit_rate is None
