"""Route 53: which region serves a viewer, how a region is found to be down, and who serves then.

A continent belongs to one primary. The record of a primary points at its own load balancer while that answers, and at
its recovery region's otherwise. So a region that is down moves its own viewers only, and to where its data is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Literal

from pydantic import Field

from reelplane_infra.config.base import Config, RegionName

Continent = Literal["AF", "AN", "AS", "EU", "NA", "OC", "SA"]
"""https://docs.aws.amazon.com/Route53/latest/APIReference/API_GeoLocation.html (2026-11)."""
NEAREST: Final[Mapping[str, tuple[Continent, ...]]] = {
    "us-west-2": ("NA", "SA"),
    "us-east-1": ("NA", "SA"),
    "eu-west-1": ("EU", "AF"),
    "eu-central-1": ("EU", "AF"),
    "ap-southeast-1": ("AS", "OC", "AN"),
}
"""What a primary serves unless the environment says otherwise; the rest of the world is the hub's."""


class Traffic(Config):
    """Who is sent where."""

    continents: Mapping[RegionName, tuple[Continent, ...]] = Field(default_factory=dict)
    """Primary -> the continents it serves; empty: by NEAREST."""
    interval_seconds: Literal[10, 30] = 10
    """Between two checks of each of Route 53's checkers."""
    failures: int = Field(default=3, ge=1, le=10)
    """Checks in a row that say down (or up again): with 10 s, a region is found down within 30 s (S4.17)."""
    path: str = Field(default="/readyz", pattern=r"^/", max_length=255)
    """What is asked of a region; it answers 2xx or 3xx while it can serve."""
    evacuated: tuple[RegionName, ...] = ()
    """Primaries that are sent no viewers although they answer: for maintenance, or a failure no check sees."""


def continents(traffic: Traffic, primaries: Iterable[str]) -> dict[str, tuple[Continent, ...]]:
    """Primary -> the continents it serves. Raises ValueError if one is served twice, or by no primary."""
    names = tuple(primaries)
    chosen: Mapping[str, tuple[Continent, ...]] = traffic.continents or _nearest(names)
    owner: dict[str, str] = {}
    for region, served in chosen.items():
        if region not in names:
            raise ValueError(f"edge.traffic.continents: {region} is no primary; one of {', '.join(names)}")
        for each in served:
            if each in owner:
                raise ValueError(
                    f"edge.traffic.continents: {each} is {owner[each]}'s and {region}'s; name it once"
                )
            owner[each] = region
    return {region: tuple(chosen.get(region, ())) for region in names}


def _nearest(primaries: tuple[str, ...]) -> dict[str, tuple[Continent, ...]]:
    taken: set[str] = set()
    out: dict[str, tuple[Continent, ...]] = {}
    for region in primaries:
        out[region] = tuple(each for each in NEAREST.get(region, ()) if each not in taken)
        taken.update(out[region])
    return out


def check(traffic: Traffic, recovery: Mapping[str, str | None]) -> None:
    """What only holds within an environment. ``recovery`` maps primaries to theirs. Raises ValueError."""
    names = tuple(recovery)
    continents(traffic, names)
    for each in traffic.evacuated:
        if each not in names:
            raise ValueError(f"edge.traffic.evacuated: {each} is no primary; one of {', '.join(names)}")
        if recovery[each] is None:
            raise ValueError(
                f"edge.traffic.evacuated: {each} has no recovery region that could serve instead"
            )
