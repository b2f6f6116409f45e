"""Karpenter's pools: which nodes it makes for whom. Objects of the cluster, so they are the layer ``platform``'s.

Every node says by the label ``reelplane.io/pool`` what it is for. Workers and the API ask for theirs by that label and
put up with its taint, so that nothing else comes to rest there; spot nodes carry Karpenter's own word for spot as a
taint besides, and nodes with GPUs the name of what they offer, which are the taints that the operator's workers of
those classes tolerate.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

from reelplane_infra.component import Component
from reelplane_infra.config import pools
from reelplane_infra.config.pools import Capacity
from reelplane_infra.place import Place

POOL: Final = "reelplane.io/pool"
"""Label, and taint of the same name, of the nodes of a pool."""
CAPACITY: Final = "karpenter.sh/capacity-type"
GPU: Final = "nvidia.com/gpu"
FIRST, LAST = 50, 10
"""Weights: Karpenter tries the pool of spot nodes before the one of on-demand nodes that stands in for it,
https://karpenter.sh/v1.14/concepts/scheduling/#weighted-nodepools (2026-11)."""

Spec = dict[str, object]


class Nodes(Component[pools.Pools]):
    """One EC2NodeClass and the NodePools."""

    made: list[CustomResource]

    def __init__(
        self,
        name: str,
        config: pools.Pools,
        place: Place,
        *,
        node_role_name: pulumi.Input[str],
        subnet_ids: pulumi.Output[list[str]],
        security_group_id: pulumi.Input[str],
        needs: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """``needs`` brings the kinds of Karpenter into the cluster."""
        super().__init__(name, config, place, opts)
        kind = CustomResource(
            self.named("class"),
            api_version="karpenter.k8s.aws/v1",
            kind="EC2NodeClass",
            metadata={"name": "reelplane"},
            spec=pulumi.Output.all(node_role_name, subnet_ids, security_group_id).apply(
                lambda found: node_class(config, place.tags(name), *found)
            ),
            opts=self.child(depends_on=needs),
        )
        self.made = [
            CustomResource(
                self.named(part),
                api_version="karpenter.sh/v1",
                kind="NodePool",
                metadata={"name": part},
                spec=spec,
                opts=self.child(depends_on=[kind]),
            )
            for part, spec in node_pools(config).items()
        ]
        self.register_outputs({})


def node_class(config: pools.Pools, tags: dict[str, str], role: str, subnets: list[str], group: str) -> Spec:
    """Bottlerocket of one release, encrypted volumes, instance metadata closed to pods."""
    return {
        "role": role,
        "amiSelectorTerms": [{"alias": f"bottlerocket@{config.bottlerocket}"}],
        "subnetSelectorTerms": [{"id": each} for each in subnets],
        "securityGroupSelectorTerms": [{"id": group}],
        "metadataOptions": {
            "httpEndpoint": "enabled",
            "httpTokens": "required",
            "httpPutResponseHopLimit": 1,
        },
        "blockDeviceMappings": [
            {"deviceName": device, "ebs": {"volumeSize": size, "volumeType": "gp3", "encrypted": True}}
            for device, size in (("/dev/xvda", "4Gi"), ("/dev/xvdb", f"{config.data_gigabytes}Gi"))
        ],
        "tags": tags,
    }


def node_pools(config: pools.Pools) -> dict[str, Spec]:
    """Every NodePool's spec, by its name."""
    workers = config.workers
    found = {
        "system": _general(
            config, "system", config.system, Capacity.ON_DEMAND, config.system.vcpus, taint=False
        ),
        "api": _general(config, "api", config.api, Capacity.ON_DEMAND, config.api.vcpus),
        "workers-spot": _general(config, "workers", workers, Capacity.SPOT, workers.vcpus, weight=FIRST),
    }
    if workers.fallback_vcpus:
        found["workers-on-demand"] = _general(
            config, "workers", workers, Capacity.ON_DEMAND, workers.fallback_vcpus, weight=LAST
        )
    if config.gpu is not None:
        found["gpu-spot"] = _gpu(config, config.gpu, Capacity.SPOT, config.gpu.gpus, FIRST)
        if config.gpu.fallback_gpus:
            found["gpu-on-demand"] = _gpu(
                config, config.gpu, Capacity.ON_DEMAND, config.gpu.fallback_gpus, LAST
            )
    return found


def _general(
    config: pools.Pools,
    part: str,
    pool: pools.Pool,
    capacity: Capacity,
    vcpus: int,
    *,
    weight: int = LAST,
    taint: bool = True,
) -> Spec:
    return _pool(
        config,
        part,
        capacity,
        requirements=[
            _in("karpenter.k8s.aws/instance-family", pool.families),
            _in("kubernetes.io/arch", pool.architectures),
        ],
        limits={"cpu": str(vcpus)},
        taints=[{"key": POOL, "value": part, "effect": "NoSchedule"}] if taint else [],
        weight=weight,
    )


def _gpu(config: pools.Pools, gpu: pools.GpuPool, capacity: Capacity, count: int, weight: int) -> Spec:
    return _pool(
        config,
        "gpu",
        capacity,
        requirements=[
            _in("node.kubernetes.io/instance-type", gpu.types),
            _in("kubernetes.io/arch", ["amd64"]),
        ],
        limits={GPU: str(count), "cpu": str(count * gpu.vcpus_per_gpu)},
        taints=[{"key": GPU, "value": "true", "effect": "NoSchedule"}],
        weight=weight,
    )


def _pool(
    config: pools.Pools,
    part: str,
    capacity: Capacity,
    *,
    requirements: Sequence[Spec],
    limits: dict[str, str],
    taints: Sequence[Spec],
    weight: int,
) -> Spec:
    spot = capacity is Capacity.SPOT
    return {
        "weight": weight,
        "limits": limits,
        "disruption": {
            # A worker in the middle of a download is not moved to save a cent; an empty node goes at once.
            "consolidationPolicy": "WhenEmpty" if part in ("workers", "gpu") else "WhenEmptyOrUnderutilized",
            "consolidateAfter": "60s",
            "budgets": [{"nodes": "10%"}],
        },
        "template": {
            "metadata": {"labels": {POOL: part}},
            "spec": {
                "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "reelplane"},
                "expireAfter": f"{config.expire_hours}h",
                "terminationGracePeriod": "1h",
                "requirements": [*requirements, _in(CAPACITY, [capacity.value])],
                "taints": [
                    *taints,
                    *([{"key": CAPACITY, "value": capacity.value, "effect": "NoSchedule"}] if spot else []),
                ],
            },
        },
    }


def _in(key: str, values: Sequence[str]) -> Spec:
    return {"key": key, "operator": "In", "values": list(values)}
