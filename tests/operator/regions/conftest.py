"""A hub and two regions: three API servers on one etcd that know nothing of each other."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from reelplane_operator.cluster import resources
from reelplane_operator.cluster.client import Cluster
from reelplane_operator.cluster.kubeconfigs import RemoteClusters
from reelplane_operator.cluster.recorder import Recorder
from reelplane_operator.cluster.transport import Request
from reelplane_operator.reconcile.keys import Key
from reelplane_operator.regions.loop import KIND, RegionReconciler
from reelplane_operator.regions.records import Records
from tests.testbed.cluster import ControlPlane
from tests.testbed.given import install_kinds
from tests.testbed.session import Say, until_the_end

OPERATOR = "reelplane-system"


@dataclass
class World:
    """The hub, its regions by name, and what the reconciler under test wrote."""

    hub: Cluster
    regions: dict[str, Cluster]
    texts: dict[str, str]
    """Kubeconfigs of the regions."""
    namespace: str
    reconciler: RegionReconciler
    events: Recorder
    writes: list[Request] = field(default_factory=list)

    def key(self, name: str) -> Key:
        return Key(KIND, self.namespace, name)

    async def run(self, name: str) -> float | None:
        return await self.reconciler(self.key(name))

    async def declare(self, kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
        return await self.hub.apply(
            {
                "apiVersion": "reelplane.io/v1alpha1",
                "kind": kind,
                "metadata": {"name": name, "namespace": self.namespace},
                "spec": spec,
            }
        )

    async def region(self, name: str, **spec: Any) -> None:
        """Declare a region; its kubeconfig is in a Secret."""
        await self.hub.apply(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": f"{name}-kubeconfig", "namespace": self.namespace},
                "stringData": {"kubeconfig": self.texts[name]},
            }
        )
        cluster = {"kubeconfigFrom": {"secret": f"{name}-kubeconfig", "key": "kubeconfig"}}
        await self.declare(KIND, name, {"platform": "reels", "region": name, "cluster": cluster, **spec})

    async def status(self, name: str) -> dict[str, Any]:
        found = await self.hub.get(resources.REGIONS, self.namespace, name)
        assert found is not None
        status: dict[str, Any] = found.get("status", {})
        return status

    async def condition(self, name: str, kind: str) -> tuple[str, str]:
        """Status and reason of a region's condition."""
        found = next(c for c in (await self.status(name))["conditions"] if c["type"] == kind)
        return found["status"], found["reason"]

    async def there(self, name: str, type: resources.ResourceType, obj: str) -> dict[str, Any] | None:
        return await self.regions[name].get(type, self.namespace, obj)

    async def play_operator(self, name: str, *, ready: bool = True) -> None:
        """What the region's own operator would report."""
        for type, obj, figures in (
            (resources.PLATFORMS, "reels", {"url": "http://reels.example.com"}),
            (resources.PIPELINES, "shorts", {"workers": "3/4", "queue": 7}),
        ):
            live = await self.there(name, type, obj)
            assert live is not None
            condition = {
                "type": "Ready",
                "status": "True" if ready else "False",
                "reason": "Played",
                "message": "",
                "lastTransitionTime": "2026-01-01T00:00:00Z",
                "observedGeneration": live["metadata"]["generation"],
            }
            await self.regions[name].apply(
                {
                    "apiVersion": live["apiVersion"],
                    "kind": live["kind"],
                    "metadata": {"name": obj, "namespace": self.namespace},
                    "status": {"conditions": [condition], **figures},
                },
                subresource="status",
            )


@pytest.fixture(scope="session")
def servers(request: pytest.FixtureRequest) -> Iterator[ControlPlane]:
    def start(folder: Path, say: Say) -> ControlPlane:
        return ControlPlane.start("api", folder=folder, servers=3, controllers=1, say=say)

    for control in until_the_end(request, "cluster", start):
        for number in range(1, len(control.kubeconfigs) + 1):
            install_kinds(partial(control.kubectl, server=number))
        control.kubectl("create", "namespace", OPERATOR)
        yield control


@pytest.fixture
async def world(servers: ControlPlane, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """A namespace of its own with a platform and a pipeline, and a reconciler that nobody else drives."""
    namespace = f"t{abs(hash((request.node.name, time.monotonic_ns()))) % 10**9}"
    names = ("us-west-2", "eu-west-1")
    writes: list[Request] = []

    def seen(call: Request) -> None:
        if call.write:
            writes.append(call)

    async with (
        await Cluster.connect(servers.kubeconfigs[0], on_request=seen) as hub,
        await Cluster.connect(servers.kubeconfigs[1]) as west,
        await Cluster.connect(servers.kubeconfigs[2]) as east,
    ):
        remotes, events = RemoteClusters(on_request=seen), Recorder(hub, "test")
        reconciler = RegionReconciler(
            hub,
            remotes,
            Records(hub, OPERATOR),
            events,
            lambda: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        )
        texts = dict(zip(names, (path.read_text() for path in servers.kubeconfigs[1:]), strict=True))
        regions = dict(zip(names, (west, east), strict=True))
        made = World(hub, regions, texts, namespace, reconciler, events, writes)
        await hub.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        await made.declare("VideoPlatform", "reels", {"api": {"replicas": {"min": 2, "max": 8}}})
        await made.declare(
            "VideoPipeline", "shorts", {"platform": "reels", "workers": {"download": {"min": 0, "max": 50}}}
        )
        yield made
        await events.close()
        await remotes.close()
