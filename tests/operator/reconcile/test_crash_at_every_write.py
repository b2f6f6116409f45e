"""An operator that is killed after any of its writes leaves a state from which the next one goes on.

For each sample and every k: an operator is cut off after its k-th write, another one is started, and the end is
the same as that of an undisturbed run; what existed at the crash is still the same object, and nothing was deleted.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, TypeVar

import pytest

from reelplane_operator.cluster.client import Cluster
from reelplane_operator.cluster.resources import NAMESPACES
from reelplane_operator.config import Config
from tests.operator.reconcile.conftest import Object, Running, Site, sample, samples
from tests.operator.reconcile.state import ends_as, settled, uids
from tests.testbed.given import Cluster as AnyCluster

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]

_AT_ONCE = 6
T = TypeVar("T")


class _Mortal(Cluster):
    """Writes one at a time, and after the ``last`` one never again; nobody who writes goes on from there."""

    last: int
    dead: asyncio.Event

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.dead = asyncio.Event()
        self._made = 0
        self._turn = asyncio.Lock()

    async def apply(self, *arguments: Any, **options: Any) -> Object:
        return await self._last_words(super().apply, *arguments, **options)

    async def create(self, *arguments: Any) -> Object:
        return await self._last_words(super().create, *arguments)

    async def merge_patch(self, *arguments: Any, **options: Any) -> Object:
        return await self._last_words(super().merge_patch, *arguments, **options)

    async def delete(self, *arguments: Any, **options: Any) -> bool:
        return await self._last_words(super().delete, *arguments, **options)

    async def _last_words(self, write: Callable[..., Awaitable[T]], *arguments: Any, **options: Any) -> T:
        async with self._turn:
            answer = await write(*arguments, **options)
            self._made += 1
            if self._made == self.last:
                self.dead.set()
                await asyncio.Event().wait()
            return answer


def _dying_after(last: int, into: list[_Mortal]) -> Callable[..., Awaitable[Cluster]]:
    async def connect(*arguments: Any, **options: Any) -> Cluster:
        made = await _Mortal.connect(*arguments, **options)
        assert isinstance(made, _Mortal)
        made.last = last
        into.append(made)
        return made

    return connect


async def _dies(mortal: _Mortal, running: Running) -> bool:
    """Wait for its death; False when it comes to rest before."""
    dead, rest = asyncio.create_task(mortal.dead.wait()), asyncio.create_task(running.at_rest(calm=3))
    await asyncio.wait({dead, rest}, return_when=asyncio.FIRST_COMPLETED)
    rest.cancel()
    dead.cancel()
    return mortal.dead.is_set()


@asynccontextmanager
async def _site(cluster: Cluster, name: str) -> AsyncIterator[Site]:
    site = Site(cluster, f"t-{uuid.uuid4().hex[:12]}")
    await cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": site.name}})
    for each in sample(name):
        await site.apply(each)
    yield site
    await cluster.delete(NAMESPACES, None, site.name)


@pytest.mark.parametrize("name", samples())
async def test_every_crash_ends_in_the_same_state(served: AnyCluster, cluster: Cluster, name: str) -> None:
    base = Config(kubeconfig=served.kubeconfig, http_port=None)
    async with _site(cluster, name) as site:
        undisturbed = await Running(replace(base, namespaces=(site.name,))).start()
        await undisturbed.at_rest()
        expected, total = await settled(site), len(undisturbed.writes)
        await undisturbed.stop()
    assert total >= 10
    limit = asyncio.Semaphore(_AT_ONCE)

    async def crash_after(k: int) -> int:
        async with limit, _site(cluster, name) as site:
            mine = replace(base, namespaces=(site.name,))
            mortal: list[_Mortal] = []
            first = await Running(mine, connect=_dying_after(k, mortal)).start()
            if not await _dies(mortal[0], first):
                # The last writes are statuses that follow Kubernetes' controllers: not each run makes as many.
                await first.crash()
                return 0
            await first.crash()
            assert len(first.writes) == k
            before = await uids(site)
            second = await Running(mine).start()
            await second.at_rest()
            await ends_as(site, expected, f"after a crash at write {k} of {total}")
            await second.stop()
            after = await uids(site)
            assert {child: after.get(child) for child in before} == before
            writes = [*first.writes, *second.writes]
            assert [each for each in writes if each.verb == "delete"] == []
            return len(second.writes)

    repairs = await asyncio.gather(*(crash_after(k) for k in range(1, total + 1)))
    print(
        f"\n{name}: {total} writes undisturbed; crashed after each of them: {total} same ends,"
        f" {sum(repairs)} writes by the second operators"
    )
