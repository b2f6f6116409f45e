"""Two environments or two configs side by side: what each costs, and the difference, the largest first."""

from __future__ import annotations

from dataclasses import dataclass

from reelplane_infra.price.cost import Cost, Range


@dataclass(frozen=True, slots=True)
class Difference:
    """One group of lines in both: US dollars a month."""

    group: tuple[str, ...]
    before: Range
    after: Range

    @property
    def usd(self) -> float:
        """Of the expected figures; positive if the second costs more."""
        return self.after.expected - self.before.expected


def compare(before: Cost, after: Cost, *columns: str) -> tuple[Difference, ...]:
    """By columns of ``cost.Line`` ("service" if none is given); groups that cost the same are left out."""
    columns = columns or ("service",)
    left, right = before.by(*columns), after.by(*columns)
    found = (Difference(key, left.get(key, Range()), right.get(key, Range())) for key in {**left, **right})
    return tuple(sorted((each for each in found if abs(each.usd) >= 0.005), key=lambda each: -abs(each.usd)))
