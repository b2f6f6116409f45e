"""Which regions' networks are joined: who has to be reached from other regions, and from which. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from reelplane_infra.config.base import Config


class Links(Config):
    """VPC peering between regions."""

    enabled: bool = True
    """False where somebody else joins the networks of the regions, with a transit gateway say: then routes and the
    databases' and clusters' security groups are that one's to open, too."""


def pairs(reached: Iterable[str], regions: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """A peering for each region of ``reached`` and each other region, every pair once, ``reached`` first."""
    everyone = tuple(regions)
    found: dict[frozenset[str], tuple[str, str]] = {}
    for each in dict.fromkeys(reached):
        for other in everyone:
            if other != each:
                found.setdefault(frozenset((each, other)), (each, other))
    return tuple(found.values())
