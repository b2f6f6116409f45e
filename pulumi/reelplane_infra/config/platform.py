"""What runs in the regions' clusters: the charts beside the operator, the platform and its pipelines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from reelplane_infra.config.base import Config
from reelplane_infra.config.pools import Pools

Label = Annotated[str, StringConstraints(pattern=r"^[a-z]([-a-z0-9]{0,28}[a-z0-9])?$")]
"""A name in Kubernetes, short enough for the names that are made from it."""
Version = Annotated[str, StringConstraints(pattern=r"^v?\d+\.\d+\.\d+$")]


class Charts(Config):
    """Versions of the charts, pinned (the newest of 2026-11 that were known here; ``helm search`` has the rest)."""

    karpenter: Version = "1.14.0"
    keda: Version = "2.18.3"
    metrics_server: Version = "3.13.0"
    external_secrets: Version = "1.3.2"
    load_balancer_controller: Version = "1.17.1"


class Pipeline(Config):
    """One VideoPipeline."""

    name: Label
    workers: Literal["Cpu", "Gpu"] = "Cpu"
    """The pool that its workers run in. Gpu needs ``region.pools.gpu``."""
    spot: bool = True
    """Whether a job may lose its node; it then goes back to the queue."""
    min: int = Field(default=1, ge=0, le=1000)
    max: int = Field(default=8, ge=1, le=1000)
    """Workers, per region."""
    concurrency: int = Field(default=2, ge=1, le=50)
    """Jobs that one worker runs at once."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min > self.max:
            raise ValueError(f"pipeline {self.name}: min {self.min} is more than max {self.max}")
        return self


class Platform(Config):
    """The layer ``platform``."""

    charts: Charts = Charts()
    release: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][-.A-Za-z0-9_]{0,127}$")] = "0.1.0"
    """Tag of our images in the environment's registry."""
    namespace: Label = "reels"
    """Where the platform stands in every region's cluster."""
    name: Label = "reels"
    """Of the VideoPlatform."""
    api_replicas: tuple[int, int] = (2, 10)
    """Fewest and most copies of the API, per region."""
    pipelines: tuple[Pipeline, ...] = Field(default=(Pipeline(name="shorts"),), min_length=1, max_length=32)

    @property
    def wants_gpus(self) -> tuple[str, ...]:
        """Names of the pipelines whose workers run on GPUs."""
        return tuple(each.name for each in self.pipelines if each.workers == "Gpu")

    @model_validator(mode="after")
    def _once(self) -> Self:
        names = [each.name for each in self.pipelines]
        if len(set(names)) < len(names):
            raise ValueError(f"pipelines: {', '.join(names)}: a name is there twice")
        least, most = self.api_replicas
        if not 1 <= least <= most:
            raise ValueError(f"api_replicas {least}, {most}: the fewest first, and at least 1")
        return self


def check(platform: Platform, hub_namespace: str, pools: Mapping[str, Pools]) -> None:
    """What only holds within an environment; ``pools`` by region. Raises ValueError."""
    if platform.namespace == hub_namespace:
        raise ValueError(
            f"fleet.namespace: {hub_namespace} is the platform's, where the hub would overwrite what it reads"
        )
    gpus = platform.wants_gpus
    for region, each in pools.items():
        if gpus and each.gpu is None:
            raise ValueError(
                f"platform.pipelines: {', '.join(gpus)} needs GPUs, {region} has none: set pools.gpu"
            )
        if each.gpu is not None and not gpus:
            raise ValueError(f"{region}: pools.gpu, but no pipeline of platform.pipelines has workers: Gpu")
