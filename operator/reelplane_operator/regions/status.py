"""The status of a RegionDeployment, from what came of a run. Pure.

A region that cannot be reached is neither ready nor broken: nothing is known of it (Ready: Unknown), and what runs
there goes on by itself. So ``lastContactTime`` is written when contact is lost, and stays until it is lost again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from reelplane_operator.reconcile.conditions import (
    AVAILABLE,
    PAUSED,
    READY,
    RECONCILING,
    STALLED,
    Condition,
    false,
    find,
    merge,
    true,
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one run."""

    state: Literal["applied", "stalled", "unreachable", "waiting", "paused"]
    reason: str = ""
    message: str = ""
    objects: Sequence[Mapping[str, Any]] = ()
    """What was read in the region after applying: whole objects with their status."""
    inventory: Sequence[Mapping[str, str]] = field(default_factory=tuple)
    contact: str | None = None
    """When the region was last reached (RFC 3339), of an unreachable one."""


def status(outcome: Outcome, previous: Mapping[str, Any], *, generation: int, now: str) -> dict[str, Any]:
    """The whole status. ``previous`` is the one that stands; figures of an unreachable region are kept from it."""
    wanted = _CONDITIONS[outcome.state](outcome)
    made: dict[str, Any] = {
        "observedGeneration": generation,
        "conditions": merge(previous.get("conditions", ()), wanted, generation=generation, now=now),
    }
    if outcome.state == "applied":
        made.update(_figures(outcome.objects))
        made["inventory"] = [dict(entry) for entry in outcome.inventory]
        kept: tuple[str, ...] = ("lastContactTime",)
    else:
        kept = ("workers", "queue", "endpoint", "inventory", "lastContactTime")
    made.update({name: previous[name] for name in kept if name in previous and name not in made})
    reached_before = (find(previous.get("conditions", ()), READY) or {}).get("status") != "Unknown"
    if outcome.state == "unreachable" and outcome.contact and reached_before:
        made["lastContactTime"] = outcome.contact
    return made


def _applied(outcome: Outcome) -> list[Condition]:
    behind = [_name(each) for each in outcome.objects if not _ready(each)]
    stalled = [each for each in outcome.objects if _is(each, STALLED)]
    available = all(
        _is(each, AVAILABLE) or _ready(each) for each in outcome.objects if each["kind"] == "VideoPlatform"
    )
    serving = (
        true(AVAILABLE, "Serving", "the platform answers in the region")
        if available and outcome.objects
        else false(AVAILABLE, "NotServing", "the platform does not answer in the region")
    )
    if stalled:
        told = find(stalled[0]["status"]["conditions"], STALLED) or {}
        message = f"{_name(stalled[0])} in the region: {told.get('message', '')}"
        return [
            false(READY, "RegionStalled", message),
            false(RECONCILING, "RegionStalled", message),
            true(STALLED, str(told.get("reason", "RegionStalled")), message),
            serving,
            _RUNNING,
        ]
    if behind:
        message = f"the region's operator is at work on {', '.join(behind)}"
        return [
            false(READY, "RegionProgressing", message),
            true(RECONCILING, "RegionProgressing", message),
            _NOT_STALLED,
            serving,
            _RUNNING,
        ]
    return [
        true(READY, "RegionReady", f"{len(outcome.objects)} objects are as they should be"),
        false(RECONCILING, "RegionReady"),
        _NOT_STALLED,
        serving,
        _RUNNING,
    ]


def _stalled(outcome: Outcome) -> list[Condition]:
    return [
        false(READY, outcome.reason, outcome.message),
        false(RECONCILING, outcome.reason, outcome.message),
        true(STALLED, outcome.reason, outcome.message),
        _RUNNING,
    ]


def _unreachable(outcome: Outcome) -> list[Condition]:
    message = (
        f"{outcome.message}; what runs there goes on, and is brought up to date when it is reached again"
    )
    return [
        Condition(READY, "Unknown", "RegionUnreachable", message),
        true(RECONCILING, "RegionUnreachable", message),
        _NOT_STALLED,
        Condition(AVAILABLE, "Unknown", "RegionUnreachable", message),
        _RUNNING,
    ]


def _waiting(outcome: Outcome) -> list[Condition]:
    return [
        false(READY, outcome.reason, outcome.message),
        true(RECONCILING, outcome.reason, outcome.message),
        _NOT_STALLED,
        _RUNNING,
    ]


def _paused(outcome: Outcome) -> list[Condition]:
    message = "nothing is written to the region until reelplane.io/paused is removed"
    return [
        Condition(READY, "Unknown", "Paused", message),
        false(RECONCILING, "Paused"),
        _NOT_STALLED,
        true(PAUSED, "Annotated", message),
    ]


_NOT_STALLED = false(STALLED, "NoObstacle")
_RUNNING = false(PAUSED, "NotPaused")
_CONDITIONS = {
    "applied": _applied,
    "stalled": _stalled,
    "unreachable": _unreachable,
    "waiting": _waiting,
    "paused": _paused,
}


def _figures(objects: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Ready and wanted workers and waiting jobs of all pipelines, and where the platform answers."""
    found: dict[str, Any] = {}
    statuses = [each.get("status", {}) for each in objects if each["kind"] == "VideoPipeline"]
    copies = [each["workers"].split("/") for each in statuses if "workers" in each]
    if copies:
        found["workers"] = "/".join(str(sum(int(pair[at]) for pair in copies)) for at in (0, 1))
    queues = [each["queue"] for each in statuses if "queue" in each]
    if queues:
        found["queue"] = sum(queues)
    for each in objects:
        if each["kind"] == "VideoPlatform" and each.get("status", {}).get("url"):
            found["endpoint"] = each["status"]["url"]
    return found


def _ready(obj: Mapping[str, Any]) -> bool:
    """As its own operator says, about the generation that stands there. A ProxyPool has no work to be done."""
    condition = find(obj.get("status", {}).get("conditions", ()), READY)
    if condition is None:
        return bool(obj["kind"] == "ProxyPool")
    current = condition.get("observedGeneration") == obj["metadata"].get("generation")
    return bool(current and condition["status"] == "True")


def _is(obj: Mapping[str, Any], kind: str) -> bool:
    condition = find(obj.get("status", {}).get("conditions", ()), kind)
    return condition is not None and condition["status"] == "True"


def _name(obj: Mapping[str, Any]) -> str:
    return f"{obj['kind']}/{obj['metadata']['name']}"
