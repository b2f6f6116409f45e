"""The layer that every region has of its own; what differs in one region is written in its ``overrides``."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from reelplane_infra.config.balancer import Balancer
from reelplane_infra.config.base import Config
from reelplane_infra.config.cache import Cache
from reelplane_infra.config.cluster import Cluster
from reelplane_infra.config.media import Media
from reelplane_infra.config.network import Network
from reelplane_infra.config.pools import Pools
from reelplane_infra.config.search import Search
from reelplane_infra.config.secrets import Secrets
from reelplane_infra.config.stream import ZONES as STREAM_ZONES
from reelplane_infra.config.stream import Stream


class RegionLayer(Config):
    """The layer ``region``."""

    network: Network = Network()
    cluster: Cluster = Cluster()
    pools: Pools = Pools()
    cache: Cache = Cache()
    stream: Stream | None = None
    """None: no MSK; jobs are dispatched by the queue's Valkey alone."""
    search: Search | None = None
    """None: no OpenSearch."""
    media: Media = Media()
    secrets: Secrets = Secrets()
    balancer: Balancer = Balancer()

    @model_validator(mode="after")
    def _zones(self) -> Self:
        for part, zones in (
            ("stream", STREAM_ZONES if self.stream else 0),
            ("search", self.search.zones if self.search else 0),
        ):
            if zones > self.network.zones:
                raise ValueError(f"{part}: spread over {zones} zones, network.zones is {self.network.zones}")
        return self
