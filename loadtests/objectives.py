"""What a test must show to pass: named measures, held against bounds. Pure.

A scenario states ``{"error_rate": 0, "p99_ms": 500}``. Whether a bound is a ceiling, a floor or the exact value is
the measure's own nature and stands here once.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["at most", "at least", "exactly"]

_HOLDS: dict[Kind, Callable[[float, float], bool]] = {
    "at most": operator.le,
    "at least": operator.ge,
    "exactly": operator.eq,
}


@dataclass(frozen=True, slots=True)
class Measure:
    kind: Kind
    unit: str
    """``%``: the value itself is a fraction of one."""
    says: str


MEASURES: dict[str, Measure] = {
    "error_rate": Measure("at most", "%", "failed requests and jobs, as a part of all"),
    "p50_ms": Measure("at most", "ms", "half of all answers came within this time"),
    "p99_ms": Measure("at most", "ms", "99 of 100 answers came within this time"),
    "rps": Measure("at least", "/s", "requests answered per second, over the whole test"),
    "jobs": Measure("at least", "", "jobs followed to their end"),
    "job_p95_s": Measure("at most", "s", "95 of 100 jobs took this long from asking to done"),
    "extractions": Measure("exactly", "", "times the most often fetched video was fetched from its site"),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    name: str
    bound: float
    value: float | None
    """None: it could not be measured here, e.g. the extractions of a platform whose origin is not ours."""

    @property
    def measure(self) -> Measure:
        return MEASURES[self.name]

    @property
    def passed(self) -> bool | None:
        """None when there is nothing to judge."""
        return None if self.value is None else _HOLDS[self.measure.kind](self.value, self.bound)

    def line(self) -> str:
        """``PASS  p99_ms       at most 500 ms     41 ms``."""
        word = {True: "PASS", False: "FAIL", None: "----"}[self.passed]
        return f"{word}  {self.name:<12} {self.wanted:<18} {self.shown}"

    @property
    def wanted(self) -> str:
        return f"{self.measure.kind} {self._figure(self.bound)}"

    @property
    def shown(self) -> str:
        return "not measured" if self.value is None else self._figure(self.value)

    def _figure(self, value: float) -> str:
        if self.measure.unit == "%":
            value *= 100
        return f"{value:.4g} {self.measure.unit}".rstrip()


def judge(objectives: Mapping[str, float], measured: Mapping[str, float | None]) -> tuple[Verdict, ...]:
    """Hold what was measured against the objectives. Raises KeyError for an objective that is no measure."""
    for name in objectives:
        if name not in MEASURES:
            raise KeyError(f"{name!r} is no measure; there are: {', '.join(MEASURES)}")
    return tuple(Verdict(name, bound, measured.get(name)) for name, bound in objectives.items())
