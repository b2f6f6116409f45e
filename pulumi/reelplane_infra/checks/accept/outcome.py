"""What became of each resource in each emulator."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from reelplane_infra.checks.finding import Finding


class Outcome(StrEnum):
    CREATED = "created"
    REFUSED = "refused"
    """By the emulator, by AWS's model of the request, or because it names what does not exist."""
    BLOCKED = "blocked"
    """Something that it needs could not be made in this emulator."""
    UNSUPPORTED = "unsupported"
    """The emulator does not know the operation, or fails at it."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One resource in one emulator."""

    emulator: str
    stack: str
    urn: str
    type: str
    outcome: Outcome
    region: str = ""
    operation: str = ""
    """The last one, as ``ec2.CreateVpc``."""
    request: Mapping[str, Any] = field(default_factory=dict)
    """Of that operation; kept where it was not accepted."""
    path: str = ""
    """The input at fault, where one is."""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """All attempts, and the resource types for which no calls are written."""

    attempts: tuple[Attempt, ...]
    untranslated: Mapping[str, int] = field(default_factory=dict)
    """AWS resource type -> number of its resources."""
    seconds: float = 0.0

    def refused(self) -> Iterator[Attempt]:
        return (each for each in self.attempts if each.outcome is Outcome.REFUSED)

    def created(self) -> Mapping[str, set[str]]:
        """URN -> the emulators that have the resource."""
        made: dict[str, set[str]] = {}
        for each in self.attempts:
            if each.outcome is Outcome.CREATED:
                made.setdefault(each.urn, set()).add(each.emulator)
        return made

    def findings(self) -> list[Finding]:
        """A finding for every refusal."""
        return sorted(
            Finding(
                each.stack,
                each.urn,
                each.path,
                f"accept-{each.emulator}",
                f"{each.operation} in {each.region}: {each.error}",
            )
            for each in self.refused()
        )

    def counts(self) -> Mapping[str, Mapping[str, int]]:
        """Emulator -> outcome -> number of resources."""
        emulators = sorted({each.emulator for each in self.attempts})
        return {
            name: dict(Counter(each.outcome.value for each in self.attempts if each.emulator == name))
            for name in emulators
        }

    def to_json(self) -> dict[str, Any]:
        return {
            "seconds": round(self.seconds, 1),
            "counts": self.counts(),
            "untranslated": dict(self.untranslated),
            "attempts": [asdict(each) for each in self.attempts],
        }
