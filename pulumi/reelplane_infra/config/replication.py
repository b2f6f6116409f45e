"""Replication of the media buckets: which region's videos are kept in which others.

Below each kind of object a region writes under its own name (``processed/us-west-2/``), and a rule copies that prefix
alone. So a copy is never the source of another rule: whatever the regions' number, no object travels in a circle, and
two regions never write the same key.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pydantic import Field

from reelplane_infra.config.base import Config


class Replication(Config):
    """How many copies, and how they are kept."""

    copies: int = Field(default=3, ge=2, le=16)
    """Regions that hold a video, the one that wrote it among them (S4.12, S4.21: 3)."""
    time_control: bool = False
    """S3 Replication Time Control: 99.99 % within 15 minutes, with metrics, for a charge per gigabyte,
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-time-control.html (2026-11)."""
    uploads: bool = True
    """Raw uploads too, to the recovery region alone. What is made of them can be made again, they cannot."""
    delete_markers: bool = False
    """Whether a deletion travels too. False: a deleted video can be brought back from another region."""


def prefix(kind: str, region: str) -> str:
    """Where ``region`` writes objects of a kind (``processed/``), in its own bucket and hence in every copy."""
    return f"{kind}{region}/"


def targets(
    copies: int, recovery: Mapping[str, str | None], others: Iterable[str]
) -> dict[str, tuple[str, ...]]:
    """Primary -> the regions that its videos are copied to, most important first.

    ``recovery`` maps each primary to the recovery region that serves when it cannot: the first copy is there. Then
    come the other primaries, whose viewers are then served from nearby, then ``others``. Raises ValueError if the
    environment has fewer regions than copies are asked for.
    """
    known = list(dict.fromkeys((*recovery, *(each for each in recovery.values() if each), *others)))
    if copies > len(known):
        raise ValueError(
            f"data.replication.copies {copies}: the environment has {len(known)} regions, {', '.join(known)}; "
            f"at most {len(known)}"
        )
    out = {}
    for primary, first in recovery.items():
        order = dict.fromkeys((*((first,) if first else ()), *known))
        out[primary] = tuple(each for each in order if each != primary)[: copies - 1]
    return out
