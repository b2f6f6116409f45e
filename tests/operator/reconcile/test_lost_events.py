"""Events that are lost, come twice, late or in another order change nothing about the end.

A story is told on a real API server (apply, change, delete a child, tamper with one), and between its watches and
the operator each event is dropped, repeated or held back. What was lost is found by the next list.
"""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from reelplane_operator import handlers
from reelplane_operator.cluster import resources
from reelplane_operator.cluster.client import Cluster
from reelplane_operator.cluster.watch import Change
from reelplane_operator.config import Config
from tests.operator.reconcile.conftest import Kubelet, Object, Running, Site, eventually, sample
from tests.operator.reconcile.state import State, ends_as, state
from tests.testbed.given import Cluster as AnyCluster

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1800)]

Fault = Callable[[], tuple[int, float]]
"""Asked for each event: how often it is passed on, and after how many seconds."""


class _Faulty(Cluster):
    """Its watches lose, repeat and hold back."""

    fault: Fault

    async def watch(self, *arguments: Any, **options: Any) -> AsyncIterator[Change]:  # type: ignore[override]
        held: asyncio.Queue[Change | BaseException] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        async def read() -> None:
            try:
                async for change in super(_Faulty, self).watch(*arguments, **options):
                    times, late = self.fault()
                    for _ in range(times):
                        loop.call_later(late, held.put_nowait, change)
            except Exception as error:
                held.put_nowait(error)

        reader = asyncio.create_task(read())
        try:
            while True:
                found = await held.get()
                if isinstance(found, BaseException):
                    raise found
                yield found
        finally:
            reader.cancel()


async def _story(
    crds: AnyCluster, cluster: Cluster, fault: Fault, name: str = "", expected: State | None = None
) -> State:
    """Tell the story to an operator with this fault; the end of it, which is to be ``expected`` if that is given."""
    hearing = handlers.hearing
    patch = pytest.MonkeyPatch()

    def hard_of_hearing(*arguments: Any) -> Callable[[str | None, Object], None]:
        hear = hearing(*arguments)

        def heard(kind: str | None, obj: Object) -> None:
            times, late = fault()
            for _ in range(times):
                asyncio.get_running_loop().call_later(late, hear, kind, obj)

        return heard

    async def connect(*arguments: Any, **options: Any) -> Cluster:
        made = await _Faulty.connect(*arguments, **options)
        assert isinstance(made, _Faulty)
        made.fault = fault
        return made

    patch.setattr(handlers, "hearing", hard_of_hearing)
    site = Site(cluster, f"t-{uuid.uuid4().hex[:12]}")
    await cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": site.name}})
    config = Config(kubeconfig=crds.kubeconfig, namespaces=(site.name,), http_port=None, resync=2.0)
    operator = await Running(config, connect=connect).start()
    # Without pods a rollout ends wherever the autoscaler happened to meet it.
    kubelet = asyncio.create_task(Kubelet(cluster, site.name).play())
    try:
        for each in sample("external"):
            await site.apply(each)
        # How often a workload is rolled must not depend on who came first, its controller or the next change.
        await site.ready()
        await site.patch(resources.PLATFORMS, "reels", spec={"api": {"port": 9090}})
        await site.cluster.delete(resources.SERVICES, site.name, "reels-api")
        await site.patch(resources.CONFIG_MAPS, "shorts-download", data={"runtime.json": "{}"})

        async def told() -> bool:
            service = await cluster.get(resources.SERVICES, site.name, "reels-api")
            document = await site.get(resources.CONFIG_MAPS, "shorts-download")
            return (
                service is not None
                and service["spec"]["ports"][0]["port"] == 9090
                and document["data"]["runtime.json"] != "{}"
            )

        await eventually(told, "the story comes to its end")
        await site.ready()
        await operator.at_rest(calm=3.0)
        if expected is not None:
            await ends_as(site, expected, name)
        return await state(site)
    finally:
        patch.undo()
        kubelet.cancel()
        await operator.crash()
        await cluster.delete(resources.NAMESPACES, None, site.name)


async def test_the_end_is_the_same(crds: AnyCluster, cluster: Cluster) -> None:
    total, chance = 0, random.Random(4)

    def count() -> tuple[int, float]:
        nonlocal total
        total += 1
        return 1, 0.0

    expected = await _story(crds, cluster, count)
    assert total > 20
    faults: dict[str, Fault] = {
        "each event lost": lambda: (0, 0.0),
        "every other event lost": lambda: (chance.randrange(2), 0.0),
        "each event twice": lambda: (2, 0.0),
        "each event late by up to a second": lambda: (1, chance.random()),
        "lost, twice or late by chance": lambda: (chance.randrange(3), chance.random()),
    }
    for name, fault in faults.items():
        await _story(crds, cluster, fault, name, expected)
    print(f"\n{total} events; {len(faults)} kinds of faults over all of them: the same end")
