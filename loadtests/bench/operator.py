"""What the operator costs at size: 1,000 platforms with a pipeline each, on a real etcd and kube-apiserver.

    start operator ──► apply 2,000 objects ──► all children applied, all statuses written     converge_1000
                   ──► its memory, then one change at a time, then five minutes of nothing    the other three
    stop operator  ──► the same objects again, by a bare loop over the same client            the baseline

No controller manager runs, for neither side.
"""

from __future__ import annotations

import asyncio
import copy
import functools
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from loadtests.bench.fleet import (
    Manifest,
    accepted_writes,
    declared,
    on_a_cluster,
    peak_memory,
    running_operator,
    stores_secret,
)
from loadtests.bench.result import Result
from reelplane_operator.cluster import resources
from reelplane_operator.cluster.client import Cluster
from reelplane_operator.config import Config
from tests.testbed.cluster import ControlPlane
from tests.testbed.toolchain import program

COUNT = 1000
IN_FLIGHT = Config().connections
"""Requests at once, on both sides."""
IDLE = 300.0
"""Seconds without a change."""
CHANGES = 200
KUBECTL_SHARE = 2000
"""Children that kubectl is given, for the note."""
_CHILDREN = (
    resources.CONFIG_MAPS,
    resources.SECRETS,
    resources.SERVICES,
    resources.SERVICE_ACCOUNTS,
    resources.DEPLOYMENTS,
    resources.AUTOSCALERS,
    resources.DISRUPTION_BUDGETS,
    resources.NETWORK_POLICIES,
)


@dataclass(frozen=True, slots=True)
class Measured:
    converged: float
    """Seconds from the first apply of a declared object to the last status."""
    bare: float
    """Seconds of the bare loop for the same declared objects, children and statuses."""
    objects: int
    memory: float
    """MiB resident at that size."""
    peak: float
    latencies: tuple[float, ...]
    """Seconds from sending a change to seeing it in the child, sorted."""
    idle_writes: int
    kubectl: float
    """Children a second of ``kubectl apply --server-side``."""


def converge_1000() -> Result:
    """1,000 pipelines, each with a platform: from apply to all children applied and statuses written."""
    found = _measured()
    note = (
        f"{found.objects:,} objects at {IN_FLIGHT} in flight; "
        f"kubectl apply --server-side wrote {found.kubectl:,.0f} children/s, we {found.objects / found.converged:,.0f}"
    )
    target = "<= 1.3 x a bare asyncio apply loop"
    return Result(found.converged, "s", found.bare, target, found.converged <= 1.3 * found.bare, note)


def operator_memory() -> Result:
    """Resident memory of the operator with 1,000 platforms and pipelines."""
    found = _measured()
    note = f"peak {found.peak:.0f} MiB while converging"
    return Result(found.memory, "MiB", 250, "< 250 MiB", found.memory < 250, note)


def change_latency() -> Result:
    """One change to one pipeline until its child shows it, p99."""
    found = _measured()
    p50, p99 = (found.latencies[int(len(found.latencies) * share)] * 1000 for share in (0.5, 0.99))
    note = f"{len(found.latencies)} changes, one after the other, among {COUNT}; p50 {p50:.0f} ms"
    return Result(p99, "ms", 300, "p99 < 300 ms", p99 < 300, note)


def idle_writes() -> Result:
    """Writes of the operator in five minutes in which nothing changes, Leases excepted."""
    found = _measured()
    return Result(found.idle_writes, "writes", None, "0 in 5 minutes", found.idle_writes == 0)


@functools.cache
def _measured() -> Measured:
    return on_a_cluster(lambda folder: ControlPlane.start("api", folder=folder, controllers=0), _measure)


async def _measure(control: ControlPlane, folder: Path) -> Measured:
    async with await Cluster.connect(control.kubeconfig, connections=IN_FLIGHT) as cluster:
        for name in ("ours", "bare"):
            await cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
            await cluster.apply(stores_secret(name))
        async with running_operator(control.kubeconfig, folder) as (process, port):
            began = time.monotonic()
            settled = asyncio.create_task(_settled(cluster, "ours"))
            await _all(cluster.apply, declared("ours", COUNT, 1))
            await settled
            converged = time.monotonic() - began
            await asyncio.sleep(5)
            memory = process.memory_info().rss / 2**20
            peak = peak_memory(process.pid)
            latencies = tuple(sorted([await _change(cluster, turn) for turn in range(CHANGES)]))
            await asyncio.sleep(35)  # figures and statuses that the changes still cause
            before = await accepted_writes(port)
            await asyncio.sleep(IDLE)
            idle = await accepted_writes(port) - before
        children, statuses = await _made(cluster)
        again = [_moved(each, "bare") for each in children]
        began = time.monotonic()
        await _all(cluster.apply, declared("bare", COUNT, 1))
        await _all(cluster.apply, again)
        await _all(functools.partial(cluster.apply, subresource="status"), statuses)
        bare = time.monotonic() - began
        rate = _kubectl(control, again[:KUBECTL_SHARE], folder)
    objects = 2 * COUNT + len(children) + len(statuses)
    return Measured(converged, bare, objects, memory, peak, latencies, idle, rate)


async def _settled(cluster: Cluster, namespace: str) -> None:
    """Return when every declared object has a status about its generation that lists its children."""

    async def follow(type: resources.ResourceType) -> None:
        done: set[str] = set()
        async for change in cluster.watch(type, namespace, "0"):
            obj = change.object
            status = obj.get("status", {})
            if status.get("observedGeneration") == obj["metadata"]["generation"] and status.get("inventory"):
                done.add(obj["metadata"]["name"])
            if len(done) == COUNT:
                return

    await asyncio.wait_for(
        asyncio.gather(follow(resources.PLATFORMS), follow(resources.PIPELINES)), timeout=900
    )


async def _change(cluster: Cluster, turn: int) -> float:
    """Change one pipeline's retention, and watch its ConfigMap for it. Seconds."""
    name, seconds = f"p{turn * 5 % COUNT:04}", 7200 + turn
    listing = await cluster.listing(resources.CONFIG_MAPS, "ours", f"reelplane.io/owner=VideoPipeline.{name}")

    async def shown() -> None:
        async for change in cluster.watch(
            resources.CONFIG_MAPS,
            "ours",
            listing.resource_version,
            f"reelplane.io/owner=VideoPipeline.{name}",
        ):
            if f'"jobs": {seconds}' in str(change.object.get("data", {})):
                return

    watching = asyncio.create_task(shown())
    await asyncio.sleep(0.2)  # the watch is open
    began = time.monotonic()
    await cluster.merge_patch(
        resources.PIPELINES, "ours", name, {"spec": {"retention": {"jobs": f"{seconds}s"}}}
    )
    await asyncio.wait_for(watching, timeout=30)
    return time.monotonic() - began


async def _made(cluster: Cluster) -> tuple[list[Manifest], list[Manifest]]:
    """The children that the operator made, and the statuses that it wrote, as they were applied."""
    children = []
    for type in _CHILDREN:
        children += await cluster.list(type, "ours", "app.kubernetes.io/managed-by=reelplane")
    statuses = [
        {
            "apiVersion": each["apiVersion"],
            "kind": each["kind"],
            "metadata": {"name": each["metadata"]["name"], "namespace": "bare"},
            "status": each["status"],
        }
        for type in (resources.PLATFORMS, resources.PIPELINES)
        for each in await cluster.list(type, "ours")
    ]
    return children, statuses


def _moved(child: Manifest, namespace: str) -> Manifest:
    """The same object for another namespace, without what the server filled in about this one."""
    moved = copy.deepcopy(child)
    kept = ("name", "labels", "annotations", "ownerReferences")
    moved["metadata"] = {key: value for key, value in child["metadata"].items() if key in kept}
    moved["metadata"]["namespace"] = namespace
    moved.pop("status", None)
    for field in ("clusterIP", "clusterIPs"):
        if moved["kind"] == "Service" and moved["spec"].get("clusterIP") != "None":
            moved["spec"].pop(field, None)
    return moved


async def _all(send: Callable[[Manifest], Awaitable[Any]], manifests: Sequence[Manifest]) -> None:
    """Send all of them, ``IN_FLIGHT`` at a time."""
    waiting = iter(manifests)

    async def sender(mine: Iterable[Manifest]) -> None:
        for each in mine:
            await send(each)

    await asyncio.gather(*(sender(waiting) for _ in range(IN_FLIGHT)))


def _kubectl(control: ControlPlane, manifests: Sequence[Manifest], folder: Path) -> float:
    """Objects a second of ``kubectl apply --server-side``, of a file with some of the children."""
    file = folder / "children.yaml"
    file.write_text(yaml.safe_dump_all(_moved(each, "ours") for each in manifests))
    command = [str(program("kubectl")), "--kubeconfig", str(control.kubeconfig), "apply", "--server-side"]
    began = time.monotonic()
    subprocess.run(
        [*command, "--force-conflicts", "--field-manager=bench", "-f", str(file)],
        check=True,
        capture_output=True,
    )
    return len(manifests) / (time.monotonic() - began)
