"""An operator that is killed after any of its writes leaves a state from which the next one goes on.

For each sample and every k: an operator is cut off after its k-th write, another one is started, and the end is
the same as that of an undisturbed run; what existed at the crash is still the same object, and nothing was deleted.

Nothing here is timed: an operator is waited for until it died, or until the end is reached without it having made
as many writes, since statuses follow Kubernetes' controllers, which do not come equally often in each run.
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
from reelplane_operator.cluster.resources import CUSTOM, NAMESPACES
from reelplane_operator.config import Config
from tests.operator.reconcile.conftest import Object, Running, Site, eventually, sample, samples
from tests.operator.reconcile.state import State, ends_as, state, uids
from tests.testbed.given import Cluster as AnyCluster

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1800)]

_AT_ONCE = 4
"""Pairs of operators; each has a thread of its own."""
T = TypeVar("T")


class _Mortal(Cluster):
    """Writes one at a time, and after the ``last`` one never again; nobody who writes goes on from there.

    Events are not counted: they tell of writes.
    """

    last: int | None
    """None: it lives."""
    made: int
    dead: asyncio.Event

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.last = None
        self.made = 0
        self.dead = asyncio.Event()
        self._turn = asyncio.Lock()

    async def apply(self, *arguments: Any, **options: Any) -> Object:
        return await self._last_words(super().apply, *arguments, **options)

    async def create(self, manifest: Object) -> Object:
        if manifest["kind"] == "Event":
            return await super().create(manifest)
        return await self._last_words(super().create, manifest)

    async def merge_patch(self, *arguments: Any, **options: Any) -> Object:
        return await self._last_words(super().merge_patch, *arguments, **options)

    async def delete(self, *arguments: Any, **options: Any) -> bool:
        return await self._last_words(super().delete, *arguments, **options)

    async def _last_words(self, write: Callable[..., Awaitable[T]], *arguments: Any, **options: Any) -> T:
        async with self._turn:
            answer = await write(*arguments, **options)
            self.made += 1
            if self.made == self.last:
                self.dead.set()
                await asyncio.Event().wait()
            return answer


def _dying_after(last: int | None, into: list[_Mortal]) -> Callable[..., Awaitable[Cluster]]:
    async def connect(*arguments: Any, **options: Any) -> Cluster:
        made = await _Mortal.connect(*arguments, **options)
        assert isinstance(made, _Mortal)
        made.last = last
        into.append(made)
        return made

    return connect


async def _dies(mortal: _Mortal, site: Site, end: State) -> bool:
    """Wait for its death; False when the end is reached before."""

    async def over() -> bool:
        return mortal.dead.is_set() or await state(site) == end

    await eventually(over, "the operator dies, or comes to the end", every=0.5)
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
async def test_every_crash_ends_in_the_same_state(crds: AnyCluster, cluster: Cluster, name: str) -> None:
    base = Config(kubeconfig=crds.kubeconfig, http_port=None)
    async with _site(cluster, name) as site:
        living: list[_Mortal] = []
        undisturbed = Running(replace(base, namespaces=(site.name,)), connect=_dying_after(None, living))
        await undisturbed.start()
        await undisturbed.at_rest()
        expected, total = await state(site), living[0].made
        children = await site.children()
        await undisturbed.stop()
    limit = asyncio.Semaphore(_AT_ONCE)

    async def crash_after(k: int) -> int | None:
        """Writes of the second operator; None when the first one had no k-th write to make."""
        async with limit, _site(cluster, name) as site:
            mine = replace(base, namespaces=(site.name,))
            mortal: list[_Mortal] = []
            first = await Running(mine, connect=_dying_after(k, mortal)).start()
            died = await _dies(mortal[0], site, expected)
            await first.crash()
            if not died:
                return None
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

    async with asyncio.TaskGroup() as crashes:
        tasks = [crashes.create_task(crash_after(k)) for k in range(1, total + 1)]
    found = [each.result() for each in tasks]
    repairs = [each for each in found if each is not None]
    # Each child and each status is written at least once by anybody who comes to the end.
    declared = sum(kind in {type.kind for type in CUSTOM} for kind, _ in expected)
    assert len(repairs) >= len(children) + declared
    print(
        f"\n{name}: {total} writes undisturbed; crashed after each of {len(repairs)} writes: as many same ends,"
        f" {sum(repairs)} writes by the second operators"
    )
