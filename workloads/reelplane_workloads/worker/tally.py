"""How this worker's extractions went, on their way to the database: counted in memory, written with the heartbeat.

    done / failed ──► counts of the current stretch ──beat──► one row, overwritten ──a stretch is over──► the next row

What a killed worker counted since its last beat is lost; these are figures to judge an extractor by, not accounts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from reelplane_workloads.store.tallies import Counts

STRETCH = 600.0
"""Seconds that one row covers: rows are this much coarser than the hour that is looked back."""
MOST_SITES = 200
"""Pairs of version and site per row; more are counted as ``OTHER``: the child that names a site reads strangers'
pages."""
OTHER = "other"
NONE = "none"
"""The site of an attempt that ended before an extractor was chosen."""


@dataclass(frozen=True, slots=True)
class Unwritten:
    id: str
    counts: Counts
    changes: int


class ExtractorTally:
    """Attempts by extractor version and site."""

    def __init__(self, worker_id: str, version: str, clock: Callable[[], float]) -> None:
        """``clock`` gives seconds that only go forward."""
        self.version = version
        """Of the extractor that children run now: a folder may be renewed while its worker goes on."""
        self._id = worker_id
        self._clock = clock
        self._began = clock()
        self._stretch = 0
        self._counts: dict[tuple[str, str], tuple[int, int]] = {}
        self._changes = 0
        self._written = 0

    def count(self, site: str, *, done: bool) -> None:
        """One more attempt: done, or failed by the extractor's fault."""
        key = (self.version, site[:64] or NONE)
        if key not in self._counts and len(self._counts) >= MOST_SITES:
            key = (self.version, OTHER)
        before = self._counts.get(key, (0, 0))
        self._counts[key] = (before[0] + done, before[1] + (not done))
        self._changes += 1

    def unwritten(self) -> Unwritten | None:
        """What is to be written now; None when all that was counted is."""
        if self._changes == self._written:
            return None
        return Unwritten(f"{self._id}.{self._stretch}", dict(self._counts), self._changes)

    def written(self, what: Unwritten) -> None:
        """It is in the database. A stretch ends here only, so that none of it is left behind."""
        self._written = what.changes
        if self._changes == self._written and self._clock() - self._began >= STRETCH:
            self._began = self._clock()
            self._stretch += 1
            self._counts.clear()
