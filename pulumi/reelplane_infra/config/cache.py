"""A region's Valkey servers, one group for each use, since what may vanish must not crowd out what may not.

    cache      answers that may vanish at any moment: evicts what was used least
    queue      dispatches jobs: never evicts
    counters   feeds and counters of many users (row S4.1: 11 TB): sharded, for clients that know about shards

ElastiCache's Global Datastore joins at most three regions, so five regions have groups of their own
(https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/Redis-Global-Datastores-Getting-Started.html, 2026-11).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from reelplane_infra.config.base import Config

NodeType = Annotated[str, StringConstraints(pattern=r"^cache\.[a-z0-9]+\.[a-z0-9]+$")]
MAX_NODES = 500
"""Nodes of one group in cluster mode (above 90 after a request), https://docs.aws.amazon.com/AmazonElastiCache/latest/
dg/quota-limits.html (2026-11)."""


class Use(StrEnum):
    """What a group is for."""

    CACHE = "cache"
    QUEUE = "queue"
    COUNTERS = "counters"


EVICTION: Mapping[Use, str] = {
    Use.CACHE: "allkeys-lru",
    Use.QUEUE: "noeviction",
    Use.COUNTERS: "volatile-lru",
}
"""``maxmemory-policy`` by use."""


class Group(Config):
    """One replication group."""

    node_type: NodeType = "cache.t4g.small"
    shards: int = Field(default=1, ge=1, le=MAX_NODES)
    """More than one: cluster mode."""
    replicas: int = Field(default=1, ge=0, le=5)
    """Per shard, at most 5, https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/Replication.html (2026-11).
    With none there is no failover."""
    snapshot_days: int = Field(default=1, ge=0, le=35)
    """Days that daily snapshots are kept; at most 35, https://docs.aws.amazon.com/AmazonElastiCache/latest/
    APIReference/API_CreateReplicationGroup.html (2026-11)."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        nodes = self.shards * (1 + self.replicas)
        if nodes > MAX_NODES:
            raise ValueError(
                f"{self.shards} shards of {1 + self.replicas} nodes are {nodes}; a group has at most {MAX_NODES}"
            )
        if self.snapshot_days and self.node_type.startswith("cache.t1."):
            raise ValueError(f"{self.node_type} makes no snapshots: set snapshot_days to 0")
        return self


class Cache(Config):
    """The groups of a region."""

    version: Literal["7.2", "8.0", "8.1"] = "8.1"
    """Valkey's, https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/supported-engine-versions.html (2026-11)."""
    cache: Group = Group(snapshot_days=0)
    queue: Group = Group()
    counters: Group | None = None
    """None: there are none."""

    @property
    def groups(self) -> Mapping[Use, Group]:
        """Every group that there is, by its use."""
        found = {Use.CACHE: self.cache, Use.QUEUE: self.queue, Use.COUNTERS: self.counters}
        return {use: group for use, group in found.items() if group is not None}

    @property
    def family(self) -> str:
        """The parameter group family: ``valkey8`` for 8.1."""
        return f"valkey{self.version.partition('.')[0]}"

    @model_validator(mode="after")
    def _one_server(self) -> Self:
        for use in (Use.CACHE, Use.QUEUE):
            if self.groups[use].shards > 1:
                raise ValueError(
                    f"{use}.shards: {self.groups[use].shards}, but the API and the workers talk to one server; "
                    "take a larger node_type (shards are for counters)"
                )
        if self.queue.snapshot_days == 0:
            raise ValueError(
                "queue.snapshot_days: 0, but what the queue holds is restored from its snapshots first"
            )
        return self
