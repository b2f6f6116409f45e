"""What declared objects become on a real API server, for objects as Hypothesis draws them.

drawn(...)  objects of a whole platform, from the schemas
Stage       a namespace, pods that become ready, and an operator, on which stories are told; several side by side
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from reelplane_crds.kinds import ProxyPool, VideoPipeline, VideoPlatform
from reelplane_operator.cluster import resources
from reelplane_operator.cluster.client import Cluster
from reelplane_operator.config import Config
from tests.operator.reconcile.conftest import Kubelet, Object, Running, Site, eventually
from tests.operator.reconcile.state import State, state
from tests.testbed.drawn import SECRETS, pointed, written
from tests.testbed.given import Cluster as AnyCluster
from tests.testbed.strategies import specs

_AT_ONCE = 3
_MOST_PODS = 3
_NEEDED = ("priorityClass", "runtimeClass")
"""Fields that name objects of the cluster without which no pod is admitted."""

Objects = list[Object]
T = TypeVar("T")
E = TypeVar("E")


def declared(platform: Object, pipeline: Object, pool: Object) -> Objects:
    """The objects of one platform, with all that they refer to."""
    secrets = [
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": dict(values)}
        for name, values in SECRETS.items()
    ]
    return [
        *secrets,
        written("ProxyPool", "pool", pool),
        written("VideoPlatform", "reels", platform),
        written("VideoPipeline", "shorts", pipeline),
    ]


@st.composite
def platforms(draw: st.DrawFn) -> tuple[Object, Object, Object]:
    """Specs of a platform, its pipeline and a pool, which this cluster can carry out."""
    platform, pipeline, pool = (
        _modest(pointed(draw(specs(kind)))) for kind in (VideoPlatform, VideoPipeline, ProxyPool)
    )
    if "parent" in platform.get("gateway", {}):
        # Gateway API is not installed.
        del platform["gateway"]["parent"]
    if download := pipeline.get("workers", {}).get("download"):
        if "proxies" in download:
            download["proxies"] = "pool"
        _few(download)
    if replicas := platform.get("api", {}).get("replicas"):
        _few(replicas)
    return platform, {**pipeline, "platform": "reels"}, pool


def _modest(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _modest(each) for key, each in value.items() if key not in _NEEDED}
    return [_modest(each) for each in value] if isinstance(value, list) else value


def _few(replicas: Object) -> None:
    """Pods cost; what holds for three holds for a thousand."""
    for bound in ("min", "max"):
        if bound in replicas:
            replicas[bound] = min(replicas[bound], _MOST_PODS)


def drawn(strategy: st.SearchStrategy[E], number: int) -> list[E]:
    """So many examples, always the same."""
    found: list[E] = []

    @seed(number)
    @settings(
        max_examples=number,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(example: E) -> None:
        found.append(example)

    collect()
    return found


@dataclass
class Stage:
    """A namespace in which a story is told, and an operator for it."""

    site: Site
    config: Config
    running: Running

    async def apply(self, objects: Objects) -> None:
        for each in objects:
            await self.site.apply(each)

    async def ready(self, objects: Objects) -> State:
        """Declare objects, wait until they are as they were asked for, and until nothing moves any more."""
        await self.apply(objects)
        await self.site.ready()
        await self.running.at_rest()
        return comparable(await state(self.site))

    async def done(self, objects: Objects) -> None:
        """Declare objects and wait until all that can be done about them is done."""
        await self.apply(objects)
        for type, name in ((resources.PLATFORMS, "reels"), (resources.PIPELINES, "shorts")):
            await self._judged(type, name)
        await self.running.at_rest()

    async def restart(self) -> Running:
        await self.running.stop()
        # Often enough that lists come, too, while we look.
        self.running = await Running(replace(self.config, resync=1.0)).start()
        return self.running

    async def _judged(self, type: resources.ResourceType, name: str) -> None:
        async def judged() -> bool:
            for kind in ("Ready", "Stalled"):
                if (await self.site.condition(type, name, kind)).get("status") == "True":
                    return True
            return False

        await eventually(judged, f"{type.kind} {name} is Ready or Stalled")


def comparable(found: State) -> State:
    """Without what tells of the way: how many pods an autoscaler left, how often something was changed or rolled."""
    scaled = {
        obj["spec"]["scaleTargetRef"]["name"]
        for (kind, _), obj in found.items()
        if kind == "HorizontalPodAutoscaler"
    }
    made: State = {}
    for (kind, name), obj in found.items():
        if kind == "Deployment":
            obj["metadata"].get("annotations", {}).pop("deployment.kubernetes.io/revision", None)
            if name in scaled:
                obj["spec"].pop("replicas", None)
        if "status" in obj:
            obj["status"] = _without_counts(obj["status"])
        made[kind, name] = obj
    return made


def _without_counts(node: Any) -> Any:
    if isinstance(node, dict):
        counts = ("api", "workers", "observedGeneration")
        return {key: _without_counts(value) for key, value in node.items() if key not in counts}
    return [_without_counts(each) for each in node] if isinstance(node, list) else node


Play = Callable[[Callable[[Stage, E], Awaitable[T]], list[E]], Awaitable[list[T]]]


@pytest.fixture
def play(crds: AnyCluster, cluster: Cluster) -> Play[Any, Any]:
    """``play(story, examples)``: tell a story of each example, each on a stage of its own; what they return."""
    limit = asyncio.Semaphore(_AT_ONCE)

    @asynccontextmanager
    async def stage() -> AsyncIterator[Stage]:
        site = Site(cluster, f"t-{uuid.uuid4().hex[:12]}")
        await cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": site.name}})
        config = Config(kubeconfig=crds.kubeconfig, namespaces=(site.name,), http_port=None)
        kubelet = asyncio.create_task(Kubelet(cluster, site.name).play())
        made = Stage(site, config, await Running(config).start())
        try:
            yield made
        finally:
            kubelet.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await kubelet
            await made.running.crash()
            await cluster.delete(resources.NAMESPACES, None, site.name)

    async def told(story: Callable[[Stage, Any], Awaitable[Any]], example: Any) -> Any:
        async with limit, stage() as at:
            try:
                return await story(at, example)
            except AssertionError as error:
                raise AssertionError(f"{error}\nof the example {example}") from error

    async def all_told(story: Callable[[Stage, Any], Awaitable[Any]], examples: list[Any]) -> list[Any]:
        async with asyncio.TaskGroup() as stories:
            tasks = [stories.create_task(told(story, each)) for each in examples]
        return [each.result() for each in tasks]

    return all_told
