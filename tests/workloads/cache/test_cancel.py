"""A task that is cancelled in the middle of a command ends: a process that drains waits for it."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from reelplane_crds.runtime import ServerRef
from reelplane_workloads.cache import Cache
from reelplane_workloads.cache.address import Address
from reelplane_workloads.cache.client import guarded

pytestmark = pytest.mark.service


async def test_no_cancellation_is_swallowed_under_way(valkey: Any) -> None:
    ref = ServerRef(url=valkey.url)
    cache = Cache(ref, "reels")
    await cache.open()

    async def command() -> None:
        async with guarded(Address.of(ref)):
            await cache.client.hgetall("nothing")

    random.seed(7)
    swallowed = cancelled = 0
    for _ in range(600):
        task = asyncio.create_task(command())
        for _ in range(random.randrange(14)):
            await asyncio.sleep(0)
        if random.random() < 0.5:
            await asyncio.sleep(random.uniform(0, 0.0006))
        if task.done():
            continue
        task.cancel()
        await asyncio.wait([task])
        cancelled += task.cancelled()
        swallowed += not task.cancelled()
    assert swallowed == 0
    assert cancelled
    await cache.close()
