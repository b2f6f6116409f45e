"""Conditions, the one way they are made: type, status, reason and message in, the list of a status out.

``lastTransitionTime`` is the time of the last change of the *status*, so a condition that only got a new message
keeps its time. What is not stated any more is dropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

READY = "Ready"
"""It is as its spec says, and works."""
RECONCILING = "Reconciling"
"""It is being brought there. kstatus: in progress."""
STALLED = "Stalled"
"""It cannot get there without a person. kstatus: failed."""
AVAILABLE = "Available"
"""It serves now, also while it is being changed."""
PAUSED = "Paused"
"""Nothing of its children is written until the annotation is gone."""
DEVELOPMENT_ONLY = "DevelopmentOnly"
"""It has stores that one pod's end would stop."""
EXTRACTOR_REJECTED = "ExtractorRejected"
"""The wanted version of the extractor failed on its canary; the one before runs on."""

_MESSAGE = 4000
"""Characters; the schema allows 4096."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One statement. ``reason`` is one CamelCase word, ``message`` a sentence for a person."""

    type: str
    status: Literal["True", "False", "Unknown"]
    reason: str
    message: str = ""


def true(kind: str, reason: str, message: str = "") -> Condition:
    return Condition(kind, "True", reason, message)


def false(kind: str, reason: str, message: str = "") -> Condition:
    return Condition(kind, "False", reason, message)


def merge(
    previous: Sequence[Mapping[str, Any]], wanted: Iterable[Condition], *, generation: int, now: str
) -> list[dict[str, Any]]:
    """``wanted`` as it stands in a status, in the given order. ``now`` is RFC 3339, in whole seconds."""
    before = {each.get("type"): each for each in previous}
    made = []
    for condition in wanted:
        old = before.get(condition.type)
        unchanged = old is not None and old.get("status") == condition.status
        message = condition.message
        made.append(
            {
                "type": condition.type,
                "status": condition.status,
                "reason": condition.reason,
                "message": message if len(message) <= _MESSAGE else f"{message[: _MESSAGE - 1]}…",
                "lastTransitionTime": old["lastTransitionTime"] if old and unchanged else now,
                "observedGeneration": generation,
            }
        )
    return made


def find(conditions: Sequence[Mapping[str, Any]], kind: str) -> Mapping[str, Any] | None:
    """The condition of a type in a status."""
    return next((each for each in conditions if each.get("type") == kind), None)
