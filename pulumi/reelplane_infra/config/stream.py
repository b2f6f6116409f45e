"""A region's MSK: the event bus (row S4.34)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final, Self

from pydantic import Field, StringConstraints, model_validator

from reelplane_infra.config.base import Config

ZONES: Final = 3
"""Availability zones that the brokers are spread over, and copies of every partition."""
MAX_BROKERS: Final = 60
"""Brokers of one cluster in KRaft mode, https://docs.aws.amazon.com/msk/latest/developerguide/limits.html (2026-11)."""
PARTITIONS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "kafka.t3.small": 300,
        "kafka.m7g.large": 1000,
        "kafka.m7g.xlarge": 1000,
        "kafka.m7g.2xlarge": 2000,
        "kafka.m7g.4xlarge": 4000,
        "kafka.m7g.8xlarge": 4000,
        "kafka.m7g.12xlarge": 4000,
        "kafka.m7g.16xlarge": 4000,
    }
)
"""Broker type -> partitions (copies included) that AWS recommends at most for one,
https://docs.aws.amazon.com/msk/latest/developerguide/bestpractices.html#partitions-per-broker (2026-11)."""


class Topic(Config):
    """A topic that applications make; here its share of the brokers is checked."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][-a-z0-9]{0,248}$")]
    partitions: int = Field(default=12, ge=1)


class Stream(Config):
    """Brokers in three zones, TLS and IAM only."""

    kafka_version: Annotated[str, StringConstraints(pattern=r"^\d+\.\d+\.x(\.kraft)?$|^\d+\.\d+\.\d+$")] = (
        "3.9.x.kraft"
    )
    """https://docs.aws.amazon.com/msk/latest/developerguide/supported-kafka-versions.html (2026-11)."""
    broker_type: str = "kafka.m7g.large"
    brokers: int = Field(default=3, ge=3, le=MAX_BROKERS)
    gigabytes_per_broker: int = Field(default=100, ge=1, le=16384)
    """1 GiB to 16 TiB, https://docs.aws.amazon.com/msk/latest/developerguide/limits.html (2026-11)."""
    keep_hours: int = Field(default=168, ge=1)
    """Hours that an event is kept: 7 days."""
    topics: tuple[Topic, ...] = tuple(
        Topic(name=each) for each in ("uploads", "likes", "comments", "shares", "views")
    )
    log_days: int = 30
    """Days that the brokers' logs are kept."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.brokers % ZONES:
            right = self.brokers + ZONES - self.brokers % ZONES
            raise ValueError(
                f"brokers {self.brokers}: a multiple of the {ZONES} zones, {right} is the next "
                "(https://docs.aws.amazon.com/msk/1.0/apireference/clusters.html, 2026-11)"
            )
        most = PARTITIONS.get(self.broker_type)
        if most is None:
            raise ValueError(f"broker_type {self.broker_type}: one of {', '.join(PARTITIONS)}")
        each = -(-sum(topic.partitions for topic in self.topics) * ZONES // self.brokers)
        if each > most:
            raise ValueError(
                f"topics: {each} partitions on each of {self.brokers} brokers, {self.broker_type} is meant for {most} "
                "(https://docs.aws.amazon.com/msk/latest/developerguide/bestpractices.html, 2026-11)"
            )
        return self
