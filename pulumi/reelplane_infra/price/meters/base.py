"""What a meter gets and gives: the site of a resource, and uses in units of the price book."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

from reelplane_infra.config import Environment
from reelplane_infra.price.usage import Usage, usage
from reelplane_infra.record import Resource, plain


@dataclass(frozen=True, slots=True)
class Use:
    """``quantity`` units of an item in a month."""

    item: str
    quantity: float
    spot: bool = False
    """Paid at the spot price: a share of the item's, with a low and a high."""
    region: str | None = None
    """Where it is charged, if not where the resource stands."""


@dataclass(frozen=True)
class Site:
    """Where a resource stands, and what its region's part of the audience uses."""

    environment: Environment
    region: str
    """Of the resource; of the stack where the resource has none; of the hub where neither has."""

    @cached_property
    def total(self) -> Usage:
        """The whole audience's month."""
        return usage(self.environment.audience)

    @cached_property
    def weight(self) -> float:
        """The part of the audience that the region serves, 0 to 1; 0 for a recovery region."""
        return self.weights.get(self.region, 0.0)

    @cached_property
    def usage(self) -> Usage:
        return self.total.share(self.weight)

    @cached_property
    def weights(self) -> dict[str, float]:
        """Primary region -> part of the audience."""
        return {each.name: each.weight / 100 for each in self.environment.primaries}


Meter: TypeAlias = Callable[[Resource, Site], Iterable[Use]]


def read(resource: Resource, path: str, default: Any) -> Any:
    """The input at ``path`` ("scalingConfig.minSize", "sets[0].name"), or ``default`` if it is unset or unknown."""
    value: Any = resource.inputs
    for key in path.replace("[", ".[").split("."):
        value = plain(value)
        if key.startswith("["):
            index = int(key[1:-1])
            value = value[index] if isinstance(value, list) and len(value) > index else None
        else:
            value = value.get(key) if isinstance(value, dict) else None
    value = plain(value)
    return value if isinstance(value, (bool, int, float, str, list, dict)) else default


def number(resource: Resource, path: str, default: float) -> float:
    """As ``read``; text that is a number is one."""
    value = read(resource, path, default)
    if isinstance(value, str):
        return float(value) if value.replace(".", "", 1).isdigit() else default
    return float(value) if isinstance(value, (int, float)) else default


def component(resource: Resource) -> str:
    """The tag ``reelplane:component``: which part of the platform a resource is; empty if it has no tags."""
    tags = read(resource, "tags", {})
    return str(tags.get("reelplane:component", "")) if isinstance(tags, dict) else ""
