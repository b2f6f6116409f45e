"""One measured figure, and the file that collects them."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

OUTPUT = Path("build/bench.json")


@dataclass(frozen=True, slots=True)
class Result:
    """``ratio`` is value / baseline; ``target`` is what the figure is held to, in words; ``met`` whether it is."""

    value: float
    unit: str
    baseline: float | None
    target: str
    met: bool
    note: str = ""

    @property
    def ratio(self) -> float | None:
        return round(self.value / self.baseline, 3) if self.baseline else None

    def line(self, name: str) -> str:
        against = f"baseline {self.baseline:,.6g}  ratio {self.ratio:.2f}" if self.baseline else "no baseline"
        verdict = "ok  " if self.met else "MISS"
        return (
            f"{verdict} {name:18} {self.value:>12,.6g} {self.unit:10} {against}  [{self.target}]  {self.note}"
        )


def save(name: str, result: Result) -> None:
    """Write the result into build/bench.json, beside those of other measures."""
    OUTPUT.parent.mkdir(exist_ok=True)
    known = json.loads(OUTPUT.read_text()) if OUTPUT.exists() else {}
    known[name] = {**asdict(result), "ratio": result.ratio}
    OUTPUT.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n")


def median(values: Sequence[float]) -> float:
    return float(statistics.median(values))
