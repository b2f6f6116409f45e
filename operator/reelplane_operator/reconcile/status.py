"""The status of an object, from what a reconcile found and did. Pure: the same findings give the same status.

    paused, problems, failures, workloads ──► one Verdict ──► conditions      kstatus, kubectl wait and people agree
    figures, inventory, renewal           ───────────────► the other fields

Exactly one of three things is said. Ready: as its spec says, and working. Reconciling: on its way there. Stalled:
it needs a person. Available stands beside them: whether it serves right now, with older or fewer pods, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from reelplane_operator.cluster.errors import ClusterError, Forbidden, Invalid
from reelplane_operator.reconcile import conditions
from reelplane_operator.reconcile.apply import Failure, NotOurs
from reelplane_operator.reconcile.conditions import Condition, false, true
from reelplane_operator.reconcile.keys import ChildId
from reelplane_operator.reconcile.observed import Declared
from reelplane_operator.reconcile.rollout import Workload
from reelplane_plan.types import Problem

_NAMED = 6
"""Things named in one message; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be said: done, on its way, or in need of a person; why, and in a sentence."""

    state: Literal["done", "working", "stuck"]
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Findings:
    """What a reconcile found out about one object."""

    problems: Sequence[Problem] = ()
    """Of the object itself."""
    waiting: Sequence[Problem] = ()
    """Of objects that it is planned together with."""
    failures: Sequence[Failure] = ()
    workloads: Sequence[Workload] = ()
    left: Sequence[ChildId] = ()
    """Children that somebody took out of our care."""
    held: int | None = None
    """Paused: how many children would be written. None: not paused."""
    serves: bool = False
    """Whether it has children that serve at all; a ProxyPool has none."""
    extra: Sequence[Condition] = ()
    """Conditions beyond those that every object has."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the status beside conditions; None leaves one out."""


def make(owner: Declared, findings: Findings, *, now: str) -> dict[str, Any]:
    """The whole status. ``now`` is RFC 3339; it shows only where a condition's status changed."""
    verdict = judge(findings)
    made = [*_three(verdict), *_available(findings), *_paused(findings), *findings.extra]
    before = owner.status.get("conditions") or ()
    return {
        "observedGeneration": owner.generation,
        "conditions": conditions.merge(before, made, generation=owner.generation, now=now),
        **{name: value for name, value in findings.fields.items() if value is not None},
    }


def judge(findings: Findings) -> Verdict:
    """The one thing to say. What needs a person goes before what others must do, and that before what goes on."""
    said = _stuck(findings) or _working(findings)
    if said:
        return said
    message = "everything is as it was asked for"
    if findings.left:
        message += f"; left alone, as their annotation asks: {_listed([str(each) for each in findings.left])}"
    return Verdict("done", "AsWanted", message)


def _stuck(findings: Findings) -> Verdict | None:
    if findings.problems:
        return Verdict("stuck", findings.problems[0].reason, _sentences(findings.problems))
    fatal = [each for each in findings.failures if is_fatal(each.error)]
    if fatal:
        return Verdict("stuck", _reason(fatal[0].error), _listed([str(each.error) for each in fatal]))
    problems = [each.problem for each in findings.workloads if each.problem]
    return Verdict("stuck", "RolloutStuck", _listed(problems)) if problems else None


def _working(findings: Findings) -> Verdict | None:
    if findings.waiting:
        return Verdict("working", f"WaitsFor{_kind(findings.waiting[0])}", _sentences(findings.waiting))
    if findings.failures:
        return Verdict("working", "Retrying", _listed([str(each.error) for each in findings.failures]))
    behind = [each.behind for each in findings.workloads if each.behind]
    return Verdict("working", "RollingOut", _listed(behind)) if behind else None


def _three(verdict: Verdict) -> list[Condition]:
    done, reason, message = verdict.state == "done", verdict.reason, verdict.message
    states = (
        (conditions.READY, done),
        (conditions.RECONCILING, verdict.state == "working"),
        (conditions.STALLED, verdict.state == "stuck"),
    )
    # A False one repeats the reason of the one that holds; only Ready repeats the words, since all tools show it.
    return [
        true(kind, reason, message)
        if holds
        else false(kind, reason, message if kind == conditions.READY else "")
        for kind, holds in states
    ]


def _available(findings: Findings) -> list[Condition]:
    if not findings.serves:
        return []
    missing = [str(each.id) for each in findings.workloads if not each.available]
    if not findings.workloads:
        return [false(conditions.AVAILABLE, "NothingRuns", "nothing was made yet")]
    if missing:
        return [false(conditions.AVAILABLE, "PodsMissing", f"no pod is available of {_listed(missing)}")]
    return [true(conditions.AVAILABLE, "PodsAvailable")]


def _paused(findings: Findings) -> list[Condition]:
    if findings.held is None:
        return [false(conditions.PAUSED, "NotPaused")]
    changes = "no change waits" if findings.held == 0 else f"{findings.held} changes of children wait"
    return [
        true(conditions.PAUSED, "Annotated", f"{changes}; remove the annotation reelplane.io/paused to go on")
    ]


def is_fatal(error: ClusterError) -> bool:
    """Whether trying again by itself does not mend it."""
    return bool(_reason(error))


def _reason(error: ClusterError) -> str:
    """The reason of an error that trying again does not mend; empty for others."""
    if isinstance(error, NotOurs):
        return "NameTaken"
    if isinstance(error, Invalid):
        return "ChildRejected"
    return "NotPermitted" if isinstance(error, Forbidden) else ""


def _sentences(problems: Sequence[Problem]) -> str:
    return _listed([f"{each.path}: {each.message}; {each.fix}" for each in problems], between=". ")


def _kind(problem: Problem) -> str:
    """The kind that the path of a problem begins with."""
    return problem.path.partition(":")[0].partition("/")[0]


def _listed(each: Sequence[str], between: str = ", ") -> str:
    shown = between.join(each[:_NAMED])
    return shown if len(each) <= _NAMED else f"{shown}{between}and {len(each) - _NAMED} more"
