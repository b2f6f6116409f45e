"""PostgreSQL: Aurora in the hub's region, with read-only copies of it in other regions (Aurora Global Database).

Users and who follows whom are spread over shards by the hash of the user; a shard is a database of its own, with its
own writer, so that the writers' limit is the shards' number and not the largest instance that there is.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Final, Self

from pydantic import Field, PositiveInt, StringConstraints, model_validator

from reelplane_infra.config.base import Config, RegionName

GLOBAL_LIMITS: Final = (
    "https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/"
    "aurora-global-database.configuration.requirements.html (2026-11)"
)
SECONDARIES: Final = 10
"""Secondary regions of one global database, by GLOBAL_LIMITS. (It was 5 until 2025.)"""
READERS: Final = 15
"""Readers in the primary cluster and secondary regions together, and instances of a secondary cluster less one, by
GLOBAL_LIMITS."""
SERVERLESS: Final = "db.serverless"


class Capacity(Config):
    """What an instance of the class ``db.serverless`` may use, in Aurora capacity units (about 2 GiB each)."""

    minimum: float = Field(default=0.5, ge=0, le=256, multiple_of=0.5)
    maximum: float = Field(default=4, ge=1, le=256, multiple_of=0.5)
    """Both in steps of 0.5 up to 256,
    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-serverless-v2.how-it-works.html (2026-11)."""

    @model_validator(mode="after")
    def _range(self) -> Self:
        if self.minimum > self.maximum:
            raise ValueError(f"minimum {self.minimum} is more than maximum {self.maximum}")
        return self


class Relational(Config):
    """The shards and what each consists of."""

    shards: PositiveInt = Field(default=1, le=64)
    """Databases that users are spread over."""
    engine_version: Annotated[str, StringConstraints(pattern=r"^1[5-9]\.\d{1,2}$")] = "16.6"
    """Aurora PostgreSQL."""
    database: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")] = "reelplane"
    master_user: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,15}$")] = "keeper"
    """Makes the users that the services sign in as (by IAM); no service signs in as it."""
    password_version: PositiveInt = 1
    """Raised when ``reelplane:databasePassword`` was changed: the password is written then, and never read back."""
    instance_class: Annotated[str, StringConstraints(pattern=r"^db\.(serverless|[a-z0-9]+\.[a-z0-9]+)$")] = (
        SERVERLESS
    )
    capacity: Capacity = Capacity()
    instances: int = Field(default=1, ge=1, le=READERS + 1)
    """Per shard in the hub's region: the writer and its readers."""
    secondary_regions: tuple[RegionName, ...] = ()
    """Regions with a read-only copy of every shard, one of which can become the writer's."""
    secondary_instances: int = Field(default=1, ge=1, le=READERS + 1)
    """Per shard in each secondary region: one that can become the writer, and readers."""
    backup_days: int = Field(default=30, ge=1, le=35)
    """Days that a shard can be brought back to any second of (S4.21: 30); 1 to 35,
    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.Managing.Backups.html (2026-11)."""
    insights_days: int = 7
    """Days that Performance Insights keeps: 7, 731, or a multiple of 31,
    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/USER_PerfInsights.Overview.cost.html (2026-11)."""

    @property
    def serverless(self) -> bool:
        return self.instance_class == SERVERLESS

    @model_validator(mode="after")
    def _insights(self) -> Self:
        if self.insights_days not in (7, 731) and not (
            self.insights_days % 31 == 0 and 31 <= self.insights_days < 731
        ):
            raise ValueError(f"insights_days {self.insights_days}: 7, 731, or 31 times 1 to 23")
        return self

    @model_validator(mode="after")
    def _global(self) -> Self:
        count = len(self.secondary_regions)
        if count > SECONDARIES:
            raise ValueError(f"secondary_regions: {count} regions, at most {SECONDARIES} ({GLOBAL_LIMITS})")
        if len(set(self.secondary_regions)) < count:
            raise ValueError(f"secondary_regions: each region once ({GLOBAL_LIMITS})")
        if count and self.instances > 1 + READERS - count:
            raise ValueError(
                f"instances {self.instances}: with {count} secondary regions at most {1 + READERS - count}, "
                f"the writer and {READERS} less one reader per secondary region ({GLOBAL_LIMITS})"
            )
        if count and not self.serverless and self.instance_class[3] not in "rx":
            raise ValueError(
                f"instance_class {self.instance_class}: a database of several regions takes memory-optimised classes, "
                f"db.r... or db.x..., or {SERVERLESS} ({GLOBAL_LIMITS})"
            )
        return self


def check(relational: Relational, hub: str, regions: Iterable[str]) -> None:
    """What only holds within an environment. Raises ValueError."""
    known = set(regions)
    for each in relational.secondary_regions:
        if each == hub:
            raise ValueError(
                f"data.relational.secondary_regions: {hub} is the hub, where the writer is; name others"
            )
        if each not in known:
            raise ValueError(
                f"data.relational.secondary_regions: {each} is none of {', '.join(sorted(known))}"
            )
