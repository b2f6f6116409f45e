"""Clusters and their nodes. A managed group is paid as it is declared; what Karpenter adds follows from the audience.

A NodePool is an object in a cluster without a size of its own, so pools are priced with the cluster that they grow in:
the nodes that the region's share of the work needs on average, of the first family or type that its pool allows. A pool
whose limit is below that is named by ``shortages``, never priced as if the work were not there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from reelplane_infra.config import Environment
from reelplane_infra.config.pools import Pools
from reelplane_infra.price.meters.base import Meter, Site, Use, number, read
from reelplane_infra.price.usage import GPU_TO_CPU, HOURS, PEAK, Usage
from reelplane_infra.record import Resource

STANDING_NODES: Final = 2
"""Of the pools system and api: they answer at any moment, and one may fail."""
STANDING_VCPUS: Final = 2
"""Of each: a ``large``."""
NODE: Final = "2xlarge"
"""Size that pools are priced in, 8 vCPU: families cost in proportion to their sizes."""
VCPUS: Final = 8
WORKERS_PER_VCPU: Final = 0.5
"""A CPU worker has two vCPU."""
API_VCPUS: Final = 8
"""What serves 5,000 requests a second (document 004, line 295, names no size)."""


def cluster(_: Resource, site: Site) -> Iterator[Use]:
    """The control plane, and the nodes of its pools."""
    yield Use("eks.hour", HOURS)
    pools = site.environment.at(site.region).pools
    needs = vcpus(pools, site.usage)
    disk = 0.0
    for name, spot in (("system", False), ("api", False), ("workers", True)):
        families = getattr(pools, name).families
        nodes = needs[name] / VCPUS
        disk += nodes
        if nodes:
            yield Use(f"ec2.{families[0]}.{NODE}", nodes * HOURS, spot=spot)
    if pools.gpu is not None:
        disk += needs["gpu"]
        yield Use(f"ec2.{pools.gpu.types[0]}", needs["gpu"] * HOURS, spot=True)
    yield Use("ebs.gp3", disk * pools.data_gigabytes)


def vcpus(pools: Pools, month: Usage) -> dict[str, float]:
    """Average vCPUs by pool; GPUs of the pool ``gpu``. Without it, videos are encoded by the CPU workers."""
    standing = STANDING_NODES * STANDING_VCPUS
    workers = month.worker_hours / HOURS / WORKERS_PER_VCPU
    gpus = month.gpu_hours / HOURS
    return {
        "system": standing,
        "api": max(standing, month.api_servers * API_VCPUS),
        "workers": workers if pools.gpu is not None else workers + gpus * GPU_TO_CPU.value,
        "gpu": gpus,
    }


def shortages(environment: Environment) -> tuple[str, ...]:
    """Pools whose limit is below what the audience needs at its peak, one sentence each."""
    found = []
    for region in environment.primaries:
        site = Site(environment, region.name)
        pools = environment.at(region.name).pools
        needs = vcpus(pools, site.usage)
        limits = {name: getattr(pools, name).vcpus for name in ("system", "api", "workers")}
        if pools.gpu is not None:
            limits["gpu"] = pools.gpu.gpus
        for name, limit in limits.items():
            peak = needs[name] * (PEAK.value if name in ("workers", "gpu") else 1)
            if peak > limit:
                unit = "GPUs" if name == "gpu" else "vCPUs"
                found.append(
                    f"{region.name}: pool {name} may have {limit:,} {unit}, the peak needs {peak:,.0f}"
                )
    return tuple(found)


def node_group(resource: Resource, _: Site) -> Iterator[Use]:
    size = number(resource, "scalingConfig.desiredSize", number(resource, "scalingConfig.minSize", 1))
    kind = str(read(resource, "instanceTypes[0]", "m7g.large"))
    spot = read(resource, "capacityType", "ON_DEMAND") == "SPOT"
    yield Use(f"ec2.{kind}", size * HOURS, spot=spot)
    yield Use("ebs.gp3", size * number(resource, "diskSize", 20))


def instance(resource: Resource, _: Site) -> Iterator[Use]:
    yield Use(f"ec2.{read(resource, 'instanceType', 'm7g.large')}", HOURS)


METERS: Final[Mapping[str, Meter]] = {
    "aws:eks/cluster:Cluster": cluster,
    "aws:eks/nodeGroup:NodeGroup": node_group,
    "aws:ec2/instance:Instance": instance,
}
