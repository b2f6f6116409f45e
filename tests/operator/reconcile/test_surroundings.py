"""What the cluster offers is known before the first write: no pod is rolled because a look at it came late."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from reelplane_operator.cluster import resources
from reelplane_operator.cluster.client import Cluster
from reelplane_operator.cluster.errors import Unreachable
from reelplane_operator.cluster.resources import ResourceType
from reelplane_operator.config import Config
from reelplane_operator.reconcile import observe
from tests.operator.reconcile.conftest import Object, Running, Site, eventually
from tests.testbed.given import Cluster as AnyCluster

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]


class _Slow(Cluster):
    """Questions about priority classes are lost at first, and then answered last of all."""

    asked = 0
    answers: asyncio.Event

    async def get(self, type: ResourceType, namespace: str | None, name: str) -> Object | None:
        if type is resources.PRIORITY_CLASSES:
            self.asked += 1
            if self.asked == 1:
                raise Unreachable(self.host, "get PriorityClass", "lost on its way")
            await self.answers.wait()
        return await super().get(type, namespace, name)


@pytest.fixture
async def priority_class(cluster: Cluster) -> AsyncIterator[None]:
    """One of the installation's, which another test may have left."""
    before = await cluster.get(resources.PRIORITY_CLASSES, None, observe.SERVING_CLASS)
    if before is None:
        head = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass"}
        await cluster.create({**head, "metadata": {"name": observe.SERVING_CLASS}, "value": 1000})
    yield
    if before is None:
        await cluster.delete(resources.PRIORITY_CLASSES, None, observe.SERVING_CLASS)


async def test_priority_classes_that_are_learned_late_roll_nothing(
    site: Site,
    crds: AnyCluster,
    development: list[Object],
    priority_class: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(observe, "_LOOK_AGAIN", 0.1)
    made: list[_Slow] = []

    async def connect(*arguments: Any, **options: Any) -> Cluster:
        slow = await _Slow.connect(*arguments, **options)
        assert isinstance(slow, _Slow)
        slow.answers = asyncio.Event()
        made.append(slow)
        return slow

    for each in development:
        await site.apply(each)
    config = Config(kubeconfig=crds.kubeconfig, namespaces=(site.name,), http_port=None)
    running = await Running(config, connect=connect).start()
    try:
        operator = running.operator
        assert operator is not None

        async def asked_again() -> bool:
            return made[0].asked > 1 and bool(operator.world.keys())

        await eventually(asked_again, "the operator has seen our objects, and asks a second time")
        # Lists that are under way come to their end.
        await asyncio.sleep(1)
        assert not operator.leading
        assert running.writes == []
        made[0].answers.set()
        await running.at_rest()
        api = await site.get(resources.DEPLOYMENTS, "reels-api")
        assert api["spec"]["template"]["spec"]["priorityClassName"] == observe.SERVING_CLASS
        assert api["metadata"]["generation"] == 1, "it was changed after it was made"
    finally:
        made[0].answers.set()
        await running.crash()
