"""Wide tables: Amazon Keyspaces (Cassandra's protocol) in one region, or written and read in several.

The tables are data here and become resources as they are; a table's schema, TTL and regions are fixed when it is
made, so what is wrong in one is refused before that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Final, Literal, Self

from pydantic import Field, NonNegativeInt, StringConstraints, model_validator

from reelplane_infra.config.base import Config, RegionName

REPLICATION: Final = (
    "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/"
    "aws-properties-cassandra-keyspace-replicationspecification.html (2026-11)"
)
NOTES: Final = (
    "https://docs.aws.amazon.com/keyspaces/latest/devguide/multiRegion-replication_usage-notes.html (2026-11)"
)
REGIONS: Final = 6
"""Regions of a keyspace that has several, by REPLICATION; 2 at least."""
TTL_SECONDS: Final = 630_720_000
"""20 years, the longest time to live, https://docs.aws.amazon.com/keyspaces/latest/devguide/TTL.html (2026-11)."""

Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,47}$")]
"""A name that needs no quotes; 1 to 48 characters,
https://docs.aws.amazon.com/keyspaces/latest/APIReference/API_CreateTable.html (2026-11)."""
ColumnType = Literal[
    "ascii", "bigint", "blob", "boolean", "date", "double", "int", "text", "timestamp", "timeuuid", "uuid"
]
"""The CQL types in use. Counters are not among them: they are counted in the cache (S4.12)."""


class Table(Config):
    """One table. Keys are in the order of the primary key."""

    columns: Mapping[Identifier, ColumnType]
    partition: tuple[Identifier, ...] = Field(min_length=1)
    clustering: Mapping[Identifier, Literal["ASC", "DESC"]] = Field(default_factory=dict)
    """How rows are sorted within a partition."""
    ttl: bool = True
    """Whether rows may be given a time to live. In several regions it can only be said when the table is made."""
    default_ttl_seconds: NonNegativeInt = Field(default=0, le=TTL_SECONDS)
    """For rows written without one; 0: they stay."""

    @model_validator(mode="after")
    def _keys(self) -> Self:
        for where, names in (("partition", self.partition), ("clustering", tuple(self.clustering))):
            missing = [each for each in names if each not in self.columns]
            if missing:
                raise ValueError(
                    f"{where}: {', '.join(missing)} is none of the columns {', '.join(self.columns)}"
                )
        both = sorted(set(self.partition) & set(self.clustering))
        if both:
            raise ValueError(f"clustering: {', '.join(both)} is in the partition key already")
        if self.default_ttl_seconds and not self.ttl:
            raise ValueError("default_ttl_seconds: only with ttl: true")
        return self


TABLES: Final[Mapping[str, Table]] = {
    "videos": Table(
        columns={
            "video_id": "uuid", "user_id": "uuid", "created_at": "timestamp", "region": "ascii", "object_key": "text",
            "title": "text", "visibility": "ascii", "duration_ms": "int", "metadata": "text",
        },
        partition=("video_id",),
    ),
    # One video's likes are spread over 256 shards (S4.35), so that a viral one is not one hot partition.
    "video_likes": Table(
        columns={"video_id": "uuid", "shard": "int", "user_id": "uuid", "liked_at": "timestamp"},
        partition=("video_id", "shard"),
        clustering={"user_id": "ASC"},
    ),
    "user_likes": Table(
        columns={"user_id": "uuid", "liked_at": "timestamp", "video_id": "uuid"},
        partition=("user_id",),
        clustering={"liked_at": "DESC", "video_id": "ASC"},
    ),
    "video_comments": Table(
        columns={
            "video_id": "uuid", "created_at": "timestamp", "comment_id": "timeuuid", "user_id": "uuid",
            "parent_id": "timeuuid", "body": "text",
        },
        partition=("video_id",),
        clustering={"created_at": "DESC", "comment_id": "ASC"},
    ),
}  # fmt: skip
"""The tables of row S4.12."""


class WideColumn(Config):
    """The keyspace and its tables."""

    regions: tuple[RegionName, ...] = ()
    """Where it is written and read, the hub among them; empty: in the hub's region alone."""
    tables: Mapping[Identifier, Table] = Field(default_factory=lambda: dict(TABLES))
    point_in_time_recovery: bool = True
    """Any second of the last 35 days can be restored."""
    customer_key: bool = False
    """Encrypt with the environment's key. Tables of several regions are encrypted with AWS's own."""

    @model_validator(mode="after")
    def _several(self) -> Self:
        count = len(self.regions)
        if count and not 2 <= count <= REGIONS:
            raise ValueError(
                f"regions: {count}, a keyspace of several regions has 2 to {REGIONS} ({REPLICATION}); "
                "leave it empty for the hub's region alone"
            )
        if len(set(self.regions)) < count:
            raise ValueError("regions: each region once")
        if count and self.customer_key:
            raise ValueError(
                f"customer_key: tables of several regions take AWS's own key only: false ({NOTES})"
            )
        return self


def check(widecolumn: WideColumn, hub: str, regions: Iterable[str]) -> None:
    """What only holds within an environment. Raises ValueError."""
    known = set(regions)
    if widecolumn.regions and hub not in widecolumn.regions:
        raise ValueError(
            f"data.widecolumn.regions: {hub}, the hub, where the tables are made, is not among them"
        )
    for each in widecolumn.regions:
        if each not in known:
            raise ValueError(f"data.widecolumn.regions: {each} is none of {', '.join(sorted(known))}")
