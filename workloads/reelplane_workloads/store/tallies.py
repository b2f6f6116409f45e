"""How extractions went lately, by extractor version and site: what an operator judges a new version by.

Each worker counts for itself and writes its count of the current stretch of time as one row, again and again as it
grows (an idempotent overwrite); whoever asks adds the rows of the last hour up. Attempts are counted, not flights:
what one version fails at, another may bring at the second try.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, bindparam, delete, select

from . import rows
from .model import ExtractorCount
from .schema import now, tallies
from .statements import Upsert

WINDOW = 3600.0
"""Seconds that are looked back."""

_PUT = Upsert(
    tallies,
    "id",
    lambda new: {"counts": new.counts, "written_at": new.written_at},
    values={"written_at": now()},
)
_LATELY = select(tallies.c.counts).where(tallies.c.written_at > now() - WINDOW)
_FORGET = delete(tallies).where(tallies.c.written_at < now() - bindparam("age"))

Counts = Mapping[tuple[str, str], tuple[int, int]]
"""(version, site) to (done, failed)."""


def put(connection: Connection, tally_id: str, counts: Counts) -> None:
    """See Repository.put_tally."""
    _PUT.run(connection, {"id": tally_id, "counts": dump(counts)})


def lately(connection: Connection) -> list[ExtractorCount]:
    """See Repository.extractors."""
    return total(connection.execute(_LATELY).scalars())


def forget(connection: Connection) -> None:
    """Remove rows that nobody looks at any more."""
    connection.execute(_FORGET, {"age": 2 * WINDOW})


def dump(counts: Counts) -> str:
    """``[[version, site, done, failed], …]``."""
    listed = [[version, site, done, failed] for (version, site), (done, failed) in sorted(counts.items())]
    return rows.storable(json.dumps(listed, separators=(",", ":"), ensure_ascii=False))


def total(texts: Iterable[str]) -> list[ExtractorCount]:
    """What ``dump`` wrote, added up, ordered by version and site."""
    sums: dict[tuple[str, str], tuple[int, int]] = {}
    for text in texts:
        for version, site, done, failed in json.loads(text):
            before = sums.get((version, site), (0, 0))
            sums[version, site] = (before[0] + done, before[1] + failed)
    return [ExtractorCount(*key, *value) for key, value in sorted(sums.items())]
