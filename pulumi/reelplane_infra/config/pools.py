"""A region's nodes beyond the controllers' own: Karpenter pools, their limits, and the quotas that those need.

    system       on demand        what runs the cluster: autoscaling, secrets, metrics, the operator
    api          on demand        what answers people
    workers      spot, on demand  downloads: a job whose node is taken away goes back to the queue
    gpu          spot, on demand  the same with GPUs

Pools of spot nodes have a second pool of on-demand nodes behind them, which Karpenter turns to by weight when spot
capacity is refused. A pool without a limit is a bill without one, so every pool has one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Final, Literal, Self

from pydantic import Field, NonNegativeInt, PositiveInt, StringConstraints, model_validator

from reelplane_infra.config.base import Config

GPU_TYPES: Final[Mapping[str, int]] = MappingProxyType(
    {
        "g6.xlarge": 4,
        "g6.2xlarge": 8,
        "g6.4xlarge": 16,
        "g6e.xlarge": 4,
        "g6e.2xlarge": 8,
        "g6e.4xlarge": 16,
    }
)
"""Instance types with one GPU (L4, L40S: NVENC and NVDEC) -> vCPUs, https://aws.amazon.com/ec2/instance-types/g6/ and
.../g6e/ (2026-11)."""


class Capacity(StrEnum):
    """How a node is bought; Karpenter's own words."""

    SPOT = "spot"
    ON_DEMAND = "on-demand"


class Quota(StrEnum):
    """Quotas of EC2, in vCPUs of running instances, by account and region,
    https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-instance-quotas.html (2026-11)."""

    STANDARD_ON_DEMAND = "L-1216C47A"
    STANDARD_SPOT = "L-34B43A08"
    G_ON_DEMAND = "L-DB2E81BA"
    G_SPOT = "L-3819A6DF"


Architecture = Literal["arm64", "amd64"]


class Pool(Config):
    """Nodes of one purpose."""

    families: tuple[Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]+$")], ...] = Field(
        min_length=1
    )
    """Instance families to choose from. More of them find spot capacity more often."""
    architectures: tuple[Architecture, ...] = Field(default=("arm64",), min_length=1)
    """arm64 is Graviton; amd64 beside it finds more spot capacity where the families have both."""
    vcpus: PositiveInt
    """The most vCPUs that the pool may have running."""


class SpotPool(Pool):
    """Spot nodes, and the on-demand ones behind them."""

    fallback_vcpus: NonNegativeInt = 0
    """The most vCPUs of on-demand nodes, for when spot capacity is refused. 0: none, pods wait."""


class GpuPool(Config):
    """Nodes with one GPU each, on spot and on demand behind it."""

    types: tuple[str, ...] = Field(default=("g6.xlarge", "g6.2xlarge", "g6e.xlarge"), min_length=1)
    gpus: PositiveInt = 4
    """The most GPUs that the spot pool may have running."""
    fallback_gpus: NonNegativeInt = 1
    """The same, on demand."""

    @property
    def vcpus_per_gpu(self) -> int:
        """vCPUs of the largest type: what a GPU costs of a quota at worst."""
        return max(GPU_TYPES[each] for each in self.types)

    @model_validator(mode="after")
    def _known(self) -> Self:
        unknown = sorted(set(self.types) - set(GPU_TYPES))
        if unknown:
            raise ValueError(
                f"types: {', '.join(unknown)}; those with one GPU and NVENC are {', '.join(GPU_TYPES)}"
            )
        return self


@dataclass(frozen=True, slots=True)
class Need:
    """One quota, what the pools can grow to, and what is granted."""

    quota: Quota
    vcpus: int
    granted: int | None
    """None: nobody said."""

    @property
    def met(self) -> bool:
        return self.granted is not None and self.vcpus <= self.granted

    def told(self, region: str) -> str:
        """One line for a person; where it is not met, with the command that asks for more."""
        said = "unknown" if self.granted is None else f"{self.granted}"
        line = f"{region}: {self.quota.name.lower()} ({self.quota}) needs {self.vcpus} vCPUs, granted {said}"
        if self.met:
            return line
        return (
            f"{line}: aws service-quotas request-service-quota-increase --service-code ec2 "
            f"--quota-code {self.quota} --desired-value {self.vcpus} --region {region}"
        )


class Pools(Config):
    """Karpenter's pools of a region."""

    bottlerocket: Annotated[str, StringConstraints(pattern=r"^v\d+\.\d+\.\d+$")] = "v1.49.0"
    """Release of Bottlerocket that nodes start from, pinned: https://github.com/bottlerocket-os/bottlerocket/releases
    (2026-11). Its NVIDIA variant, which GPU nodes get by themselves, has the device plugin built in."""
    data_gigabytes: int = Field(default=100, ge=20, le=16384)
    """A node's volume for images and scratch space, GiB."""
    expire_hours: PositiveInt = 720
    """Hours after which a node is replaced."""
    system: Pool = Pool(families=("m7g", "c7g", "m6g"), vcpus=32)
    api: Pool = Pool(families=("c7g", "c8g", "m7g"), vcpus=64)
    workers: SpotPool = SpotPool(
        families=("c6g", "c7g", "c8g", "m6g", "m7g", "m8g"), vcpus=128, fallback_vcpus=32
    )
    gpu: GpuPool | None = None
    """None: no GPU nodes."""
    quotas: Mapping[Quota, NonNegativeInt] = Field(default_factory=dict)
    """What the account has been granted in the region, vCPUs by quota code. A pool that may outgrow its quota is
    reported with every preview, not refused: a quota is the account's, and may be raised tomorrow."""

    def needs(self, controllers: int = 0) -> tuple[Need, ...]:
        """What the pools can grow to, by quota. ``controllers``: vCPUs of the managed node group beside them."""
        vcpus = {
            Quota.STANDARD_ON_DEMAND: controllers
            + self.system.vcpus
            + self.api.vcpus
            + self.workers.fallback_vcpus,
            Quota.STANDARD_SPOT: self.workers.vcpus,
        }
        if self.gpu is not None:
            vcpus[Quota.G_SPOT] = self.gpu.gpus * self.gpu.vcpus_per_gpu
            vcpus[Quota.G_ON_DEMAND] = self.gpu.fallback_gpus * self.gpu.vcpus_per_gpu
        return tuple(Need(quota, count, self.quotas.get(quota)) for quota, count in vcpus.items() if count)
