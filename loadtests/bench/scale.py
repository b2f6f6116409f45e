"""The operator over pods: 1,000 pipelines with 10,000 pods, on fake nodes (kwok) behind a real control plane.

    apply 1,000 platforms and pipelines of 8 workers ──► controllers, scheduler and kwok bring 10,000 pods up
        ──► every pipeline says Ready, 8/8                                     how long, and how long pods alone took

Most of the time is Kubernetes' own; what is asked here is that the operator keeps up with it: how long after the last
pod became ready the last status says so.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from loadtests.bench.fleet import declared, on_a_cluster, peak_memory, running_operator, stores_secret
from loadtests.bench.result import Result
from reelplane_operator.cluster import resources
from reelplane_operator.cluster.client import Cluster
from tests.testbed.cluster import ControlPlane
from tests.testbed.fakenodes import PODS_PER_NODE

COUNT = 1000
WORKERS = 8
PODS = COUNT * (WORKERS + 2)
"""Each platform's API has two."""
_NODES = PODS // PODS_PER_NODE + 10
_WITHIN = 2700.0


def scale_10000() -> Result:
    """1,000 pipelines with 10,000 pods on fake nodes: seconds from the last ready pod to the last Ready status."""
    return on_a_cluster(lambda folder: ControlPlane.start("scale", folder=folder, nodes=_NODES), _measure)


async def _measure(control: ControlPlane, folder: Path) -> Result:
    async with await Cluster.connect(control.kubeconfig) as cluster:
        await cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ours"}})
        await cluster.apply(stores_secret("ours"))
        async with running_operator(control.kubeconfig, folder) as (process, _):
            began = time.monotonic()
            pods = asyncio.create_task(_ready_pods(cluster))
            statuses = asyncio.create_task(_ready_statuses(cluster))
            for each in declared("ours", COUNT, WORKERS):
                await cluster.apply(each)
            await asyncio.wait_for(asyncio.gather(pods, statuses), _WITHIN)
            behind = max(0.0, statuses.result() - pods.result())
            note = (
                f"{PODS:,} pods were ready after {pods.result() - began:.0f} s; "
                f"the operator's memory peaked at {peak_memory(process.pid):.0f} MiB"
            )
    return Result(behind, "s", None, "<= 5 s behind the pods", behind <= 5, note)


async def _ready_pods(cluster: Cluster) -> float:
    """Return when all pods are ready, and when that was."""
    ready: set[str] = set()
    async for change in cluster.watch(resources.PODS, "ours", "0"):
        conditions = change.object.get("status", {}).get("conditions", ())
        if any(each["type"] == "Ready" and each["status"] == "True" for each in conditions):
            ready.add(change.object["metadata"]["name"])
        if len(ready) >= PODS:
            break
    return time.monotonic()


async def _ready_statuses(cluster: Cluster) -> float:
    """Return when every pipeline is Ready with all its workers, and when that was."""
    ready: set[str] = set()
    async for change in cluster.watch(resources.PIPELINES, "ours", "0"):
        status = change.object.get("status", {})
        held = {each["type"]: each["status"] for each in status.get("conditions", ())}
        if held.get("Ready") == "True" and status.get("workers") == f"{WORKERS}/{WORKERS}":
            ready.add(change.object["metadata"]["name"])
        if len(ready) == COUNT:
            break
    return time.monotonic()
