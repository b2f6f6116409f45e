"""An environment: one file that says everything a run of the infrastructure starts from.

The file is checked as a whole before anything runs: the fields by their types, AWS's limits by the models of the
components, and what only holds between regions here. A region's ``overrides`` are merged over the layer ``region``
and checked by the same models, so a typo in an override is found as early as one in the layer itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import Field, JsonValue, PrivateAttr, StringConstraints, ValidationError, model_validator

from reelplane_infra.config import backup, platform, relational, replication, replicator, traffic, widecolumn
from reelplane_infra.config.audience import Audience
from reelplane_infra.config.base import AccountId, Config, RegionName
from reelplane_infra.config.data import DataLayer
from reelplane_infra.config.edge import EdgeLayer
from reelplane_infra.config.fleet import Fleet
from reelplane_infra.config.foundation import Foundation
from reelplane_infra.config.platform import Platform
from reelplane_infra.config.region import RegionLayer
from reelplane_infra.topology import SLOTS, Role

EnvironmentName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]{1,7}$")]
"""2 to 8 lower-case letters and digits: it is a part of every name, and OpenSearch's are 28 characters long."""
DomainName = Annotated[
    str, StringConstraints(pattern=r"^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$", max_length=200)
]
TagText = Annotated[str, StringConstraints(pattern=r"^[\w .:/=+\-@]{1,128}$")]
"""Letters, digits, spaces and ``_ . : / = + - @``,
https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html (2026-11)."""


class Region(Config):
    """One region of the environment."""

    name: RegionName
    role: Role = Role.PRIMARY
    slot: int = Field(ge=0, lt=SLOTS)
    """Which /12 of 10.0.0.0/8 is the region's. Never given to another region afterwards."""
    weight: int = Field(default=0, ge=0, le=100)
    """Percent of the users, of a primary. The primaries' weights add up to 100."""
    recovery: RegionName | None = None
    """Which recovery region serves a primary's users when it cannot."""
    overrides: Mapping[str, JsonValue] = Field(default_factory=dict)
    """What differs from the layer ``region`` here, by component: ``{network: {nat: single}}``."""


class Environment(Config):
    """Everything the infrastructure starts from."""

    name: EnvironmentName
    account: AccountId
    """The AWS account; a run with credentials of another one is refused."""
    domain: DomainName
    """Under which the environment is reached, e.g. dev.example.com."""
    audience: Audience
    regions: tuple[Region, ...] = Field(min_length=1)
    hub: RegionName
    """The region of the hub's cluster and of everything that the environment has once."""
    owner: TagText = "platform"
    """Who answers for the environment: the tag ``reelplane:owner``."""
    extra_tags: Mapping[TagText, TagText] = Field(default_factory=dict)
    """More tags for every resource, e.g. for cost allocation."""
    teardown: bool = False
    """True takes the protection off what holds data, so that a ``destroy`` after the next ``up`` removes it."""

    foundation: Foundation = Foundation()
    region: RegionLayer = RegionLayer()
    data: DataLayer = DataLayer()
    edge: EdgeLayer = EdgeLayer()
    platform: Platform = Platform()
    fleet: Fleet = Fleet()

    _regional: dict[str, RegionLayer] = PrivateAttr(default_factory=dict)

    @property
    def primaries(self) -> tuple[Region, ...]:
        return tuple(each for each in self.regions if each.role is Role.PRIMARY)

    @property
    def recoveries(self) -> tuple[Region, ...]:
        return tuple(each for each in self.regions if each.role is Role.RECOVERY)

    @property
    def writers(self) -> tuple[str, ...]:
        """Regions that have the database's writer or can get it: the hub, and its recovery region with a copy."""
        recovery = self.find(self.hub).recovery
        return (self.hub, *(each for each in self.data.relational.secondary_regions if each == recovery))

    def find(self, region: str) -> Region:
        """The region of that name. Raises KeyError, with the names that exist."""
        for each in self.regions:
            if each.name == region:
                return each
        raise KeyError(f"{region} is no region of {self.name}: {', '.join(r.name for r in self.regions)}")

    def at(self, region: str) -> RegionLayer:
        """The layer ``region`` as it is in that region: with its overrides. Raises KeyError as ``find``."""
        return self._regional[self.find(region).name]

    @model_validator(mode="after")
    def _pairs(self) -> Self:
        names = [each.name for each in self.regions]
        for what, values in (("region", names), ("slot", [each.slot for each in self.regions])):
            twice = [str(value) for value, count in Counter(values).items() if count > 1]
            if twice:
                raise ValueError(f"regions: {what} {', '.join(twice)} is there twice")
        if self.hub not in names:
            raise ValueError(f"hub: {self.hub} is none of the regions {', '.join(names)}")
        total = sum(each.weight for each in self.primaries)
        if total != 100:
            raise ValueError(f"regions: the weights of the primaries add up to {total}, not to 100")
        recoveries = {each.name for each in self.recoveries}
        for each in self.regions:
            where = f"regions.{each.name}"
            if each.role is Role.RECOVERY and (each.weight or each.recovery):
                raise ValueError(f"{where}: a recovery region has neither weight nor recovery of its own")
            if each.role is Role.PRIMARY and each.recovery is not None and each.recovery not in recoveries:
                raise ValueError(f"{where}.recovery: {each.recovery} is no region of role recovery")
            if each.role is Role.PRIMARY and each.recovery is None and len(self.regions) > 1:
                raise ValueError(
                    f"{where}.recovery: of several regions, every primary names its recovery region"
                )
        return self

    @model_validator(mode="after")
    def _merge(self) -> Self:
        base = self.region.model_dump(mode="json")
        for each in self.regions:
            try:
                self._regional[each.name] = RegionLayer.model_validate(_merged(base, each.overrides))
            except ValidationError as error:
                first = error.errors()[0]
                path = ".".join(str(part) for part in first["loc"])
                raise ValueError(f"regions.{each.name}.overrides.{path}: {first['msg']}") from None
        return self

    @model_validator(mode="after")
    def _across(self) -> Self:
        """What a component needs of the regions that it is spread over."""
        regions = tuple(each.name for each in self.regions)
        recovery = {each.name: each.recovery for each in self.primaries}
        data = self.data
        relational.check(data.relational, self.hub, regions)
        if data.widecolumn is not None:
            widecolumn.check(data.widecolumn, self.hub, regions)
        if data.replication is not None:
            replication.targets(data.replication.copies, recovery, regions)
        if data.backup is not None:
            backup.check(data.backup, self.hub, regions)
        traffic.check(self.edge.traffic, recovery)
        return self

    @model_validator(mode="after")
    def _platform(self) -> Self:
        pools = {each.name: self.at(each.name).pools for each in self.regions}
        platform.check(self.platform, self.fleet.namespace, pools)
        return self

    @model_validator(mode="after")
    def _streams(self) -> Self:
        if self.data.replicator is not None:
            pairs = ((each.name, each.recovery) for each in self.primaries if each.recovery)
            joined = dict.fromkeys(name for pair in pairs for name in pair if name)
            replicator.check(name for name in joined if self.at(name).stream is None)
        return self


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """``over`` on top of ``base``: maps are merged, everything else is replaced."""
    out = dict(base)
    for key, value in over.items():
        below = out.get(key)
        out[key] = _merged(below, value) if isinstance(below, dict) and isinstance(value, Mapping) else value
    return out
