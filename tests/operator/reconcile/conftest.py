"""An operator inside the test, on a real API server: started, stopped, crashed at will, each of its writes seen.

No pod ever runs on such a cluster. ``Kubelet`` plays the one part that matters here: it says of every pod that it
is ready.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
import yaml

from reelplane_operator.app import Operator
from reelplane_operator.cluster import resources
from reelplane_operator.cluster.client import Cluster
from reelplane_operator.cluster.errors import ClusterError
from reelplane_operator.cluster.resources import ResourceType
from reelplane_operator.cluster.transport import Request
from reelplane_operator.config import Config
from reelplane_operator.reconcile.keys import OURS, child_id, key_of, owner_of
from reelplane_operator.reconcile.observe import CHILDREN, OPTIONAL
from tests.testbed.given import Cluster as AnyCluster

ROOT = Path(__file__).parents[3]
WITHIN = 240.0
"""Seconds that anything may take on a machine that is busy with other things: only what hangs takes longer."""

Object = dict[str, Any]
T = TypeVar("T")


async def eventually(check: Callable[[], Awaitable[T]], what: str, every: float = 0.05) -> T:
    """The first truthy answer of ``check``, asked again after ``every`` seconds."""
    deadline = time.monotonic() + WITHIN
    while True:
        found = await check()
        if found:
            return found
        assert time.monotonic() < deadline, f"not within {WITHIN:g} s: {what}"
        await asyncio.sleep(every)


@dataclass
class Site:
    """One namespace: what is in it, and what tests do to it."""

    cluster: Cluster
    name: str

    async def apply(self, manifest: Object) -> Object:
        """As a person's ``kubectl apply --server-side`` would."""
        manifest = {**manifest, "metadata": {**manifest["metadata"], "namespace": self.name}}
        return await self.cluster.apply(manifest)

    async def get(self, type: ResourceType, name: str) -> Object:
        found = await self.cluster.get(type, self.name, name)
        assert found is not None, f"there is no {type.kind} {name}"
        return found

    async def patch(self, type: ResourceType, name: str, **patch: Any) -> Object:
        return await self.cluster.merge_patch(type, self.name, name, patch)

    async def annotate(self, type: ResourceType, name: str, key: str, value: str | None) -> Object:
        """Set an annotation, or remove it with None."""
        return await self.patch(type, name, metadata={"annotations": {key: value}})

    async def children(self) -> dict[tuple[str, str], Object]:
        """All children by kind and name."""
        found = {}
        for type in (*CHILDREN, resources.SECRETS):
            if type not in OPTIONAL:
                for each in await self.cluster.list(type, self.name, OURS):
                    found[type.kind, each["metadata"]["name"]] = each
        return found

    async def condition(self, type: ResourceType, name: str, kind: str) -> Object:
        """A condition that is about the present generation; empty until there is one."""
        obj = await self.get(type, name)
        for each in obj.get("status", {}).get("conditions", ()):
            if each["type"] == kind and each["observedGeneration"] == obj["metadata"]["generation"]:
                return dict(each)
        return {}

    async def becomes(
        self, type: ResourceType, name: str, kind: str, status: str = "True", reason: str | None = None
    ) -> Object:
        """Wait for a condition."""

        async def holds() -> Object | None:
            found = await self.condition(type, name, kind)
            matches = found.get("status") == status and reason in (None, found.get("reason"))
            return found if matches else None

        return await eventually(holds, f"{type.kind} {name}: {kind}={status} {reason or ''}")  # type: ignore[return-value]

    async def ready(self) -> None:
        """The platform and its pipeline are as they were asked for."""
        await self.becomes(resources.PLATFORMS, "reels", "Ready")
        await self.becomes(resources.PIPELINES, "shorts", "Ready")

    async def exists(self, type: ResourceType, name: str) -> None:
        async def there() -> bool:
            return await self.cluster.get(type, self.name, name) is not None

        await eventually(there, f"{type.kind} {name} exists")

    async def gone(self, type: ResourceType, name: str) -> None:
        async def absent() -> bool:
            return await self.cluster.get(type, self.name, name) is None

        await eventually(absent, f"{type.kind} {name} is gone")


@dataclass
class Running:
    """One operator, the writes it made, and how it connects: faults are put in there."""

    config: Config
    writes: list[Request] = field(default_factory=list)
    connect: Callable[..., Awaitable[Cluster]] = Cluster.connect
    operator: Operator | None = None
    _task: asyncio.Task[None] | None = None
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _cluster: Cluster | None = None

    async def start(self) -> Running:
        self._cluster = await self.connect(
            self.config.kubeconfig, on_request=self._seen, connections=self.config.connections
        )
        self.operator = Operator(self.config, self._cluster)
        self._task = asyncio.create_task(self.operator.run(self._stop))
        return self

    async def stop(self) -> None:
        """As by SIGTERM. Raises what the operator ended with."""
        assert self._task is not None
        assert self._cluster is not None
        self._stop.set()
        try:
            await self._task
        finally:
            await self._cluster.close()

    async def crash(self) -> None:
        """As by SIGKILL: nothing is written on the way out."""
        assert self._task is not None
        assert self._cluster is not None
        assert self.operator is not None
        await self._cluster.close()
        await self.operator.queue.abort()
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError, ClusterError):
            await self._task

    async def ended(self) -> BaseException | None:
        """Wait until it ends by itself; what it ended with."""
        assert self._task is not None
        await asyncio.wait({self._task}, timeout=WITHIN)
        return self._task.exception()

    async def at_rest(self, calm: float = 1.5) -> None:
        """Wait until it has nothing to do: it and Kubernetes' controllers have seen all there is and acted on it.

        For ``calm`` seconds it must have written nothing, so that what it put off for a moment is done, too.
        """

        async def rests() -> bool:
            assert self.operator is not None
            queue, before = self.operator.queue, len(self.writes)
            if queue.busy or not self.operator.leading:
                return False
            await asyncio.sleep(calm)
            return await self._has_seen_all() and len(self.writes) == before and not queue.busy

        await eventually(rests, "the operator comes to rest")

    async def _has_seen_all(self) -> bool:
        assert self.operator is not None
        world = self.operator.world
        for site in (Site(self._connected, name) for name in self.config.namespaces):
            children = await site.children()
            if not acted_upon(children):
                return False
            for child in children.values():
                owner = owner_of(child["metadata"]["labels"], site.name)
                known = world.children(owner).get(child_id(child)) if owner else None
                if owner and (known is None or known.version != _version(child)):
                    return False
            for type in resources.CUSTOM:
                for obj in await site.cluster.list(type, site.name):
                    declared = world.declared(key_of(obj, type.kind))
                    if declared is None or declared.version != _version(obj):
                        return False
        return True

    @property
    def _connected(self) -> Cluster:
        assert self._cluster is not None
        return self._cluster

    def _seen(self, request: Request) -> None:
        if request.write and request.kind not in ("Lease", "Event"):
            self.writes.append(request)


def acted_upon(children: Mapping[tuple[str, str], Object]) -> bool:
    """Whether Kubernetes' controllers have acted on all workloads and autoscalers."""
    for (kind, _), obj in children.items():
        if kind in ("Deployment", "StatefulSet"):
            if obj.get("status", {}).get("observedGeneration") != obj["metadata"]["generation"]:
                return False
        elif kind == "HorizontalPodAutoscaler":
            # An autoscaler raises its target to the least that it may have.
            target = children.get(("Deployment", obj["spec"]["scaleTargetRef"]["name"]))
            if target and target["spec"].get("replicas", 1) < obj["spec"]["minReplicas"]:
                return False
    return True


def _version(obj: Object) -> int:
    return int(obj["metadata"]["resourceVersion"])


class Kubelet:
    """Says of every pod of a namespace that it is ready, as long as it plays."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster = cluster
        self._namespace = namespace

    async def play(self) -> None:
        ready = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
        while True:
            with contextlib.suppress(ClusterError):
                for pod in await self._cluster.list(resources.PODS, self._namespace):
                    if pod["status"].get("phase") != "Running" and "deletionTimestamp" not in pod["metadata"]:
                        await self._cluster.merge_patch(
                            resources.PODS,
                            self._namespace,
                            pod["metadata"]["name"],
                            {"status": {"phase": "Running", "conditions": [ready]}},
                            subresource="status",
                        )
            await asyncio.sleep(0.1)


@pytest.fixture
async def site(crds: AnyCluster, cluster: Cluster, namespace: str) -> Site:
    """An empty namespace."""
    return Site(cluster, namespace)


@pytest.fixture
async def kubelet(site: Site) -> AsyncIterator[None]:
    """Pods become ready."""
    task = asyncio.create_task(Kubelet(site.cluster, site.name).play())
    yield
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


Start = Callable[..., Awaitable[Running]]


@pytest.fixture
async def start(crds: AnyCluster, site: Site) -> AsyncIterator[Start]:
    """Starts operators for the namespace of the test; whatever still runs at its end is stopped."""
    base = Config(kubeconfig=crds.kubeconfig, namespaces=(site.name,), http_port=None, identity="test")
    started: list[Running] = []

    async def begin(connect: Callable[..., Awaitable[Cluster]] = Cluster.connect, **changes: Any) -> Running:
        running = Running(replace(base, **changes), connect=connect)
        started.append(await running.start())
        return running

    yield begin
    for each in started:
        if each._task and not each._task.done():
            await each.crash()


@pytest.fixture
async def operator(start: Start) -> Running:
    """One operator for the namespace of the test."""
    return await start()


@pytest.fixture
def development() -> list[Object]:
    """A platform with all its stores and a pipeline."""
    return sample("development")


def sample(name: str) -> list[Object]:
    """The objects of a file beside this one."""
    return list(yaml.safe_load_all((Path(__file__).parent / "samples" / f"{name}.yaml").read_text()))


def samples() -> list[str]:
    return sorted(path.stem for path in (Path(__file__).parent / "samples").glob("*.yaml"))
