"""The queue: one run per key at a time, nothing lost, failures back off."""

from __future__ import annotations

import asyncio
from collections import Counter

from reelplane_operator.reconcile.workqueue import BackOff, WorkQueue
from tests.operator.reconcile.conftest import eventually

_QUICK = BackOff(first=0.01, longest=0.05)


def _queue(handler, concurrency: int = 4, observe=lambda *_: None) -> WorkQueue[str]:  # type: ignore[no-untyped-def]
    return WorkQueue(handler, concurrency=concurrency, jitter=lambda: 0.0, observe=observe, back_off=_QUICK)


async def test_many_events_become_one_run_and_those_during_it_one_more() -> None:
    runs: Counter[str] = Counter()
    go = asyncio.Event()

    async def handler(key: str) -> None:
        runs[key] += 1
        await go.wait()

    queue = _queue(handler)
    for _ in range(10):
        queue.add("a")
    queue.start()
    await asyncio.sleep(0)
    for _ in range(10):
        queue.add("a")
    await asyncio.sleep(0.01)
    assert runs["a"] == 1
    go.set()
    await asyncio.sleep(0.05)
    assert runs["a"] == 2
    assert not queue.busy


async def test_a_key_never_runs_twice_at_once_and_no_more_than_allowed_do() -> None:
    running: Counter[str] = Counter()
    highest = 0

    async def handler(key: str) -> None:
        nonlocal highest
        running[key] += 1
        assert running[key] == 1
        highest = max(highest, running.total())
        await asyncio.sleep(0.002)
        running[key] -= 1

    queue = _queue(handler, concurrency=3)
    queue.start()
    for turn in range(50):
        for key in "abcdefgh":
            queue.add(key)
        if turn % 5 == 0:
            await asyncio.sleep(0.001)
    await eventually(lambda: asyncio.sleep(0, not queue.busy), "the queue is empty")
    assert highest == 3


async def test_nothing_runs_before_the_start_and_all_of_it_after() -> None:
    ran: list[str] = []

    async def handler(key: str) -> None:
        ran.append(key)

    queue = _queue(handler)
    queue.add("a")
    queue.add("b")
    await asyncio.sleep(0.01)
    assert ran == []
    queue.start()
    await asyncio.sleep(0.01)
    assert ran == ["a", "b"]


async def test_failures_are_told_and_tried_again_until_one_works() -> None:
    tries = 0
    told: list[BaseException | None] = []

    async def handler(key: str) -> None:
        nonlocal tries
        tries += 1
        if tries < 4:
            raise ValueError(key)

    queue = _queue(handler, observe=lambda _key, _seconds, error: told.append(error))
    queue.start()
    queue.add("a")
    await eventually(lambda: asyncio.sleep(0, len(told) == 4), "it was tried four times")
    assert tries == 4
    assert [type(each) for each in told] == [ValueError, ValueError, ValueError, type(None)]


def test_back_off_doubles_up_to_its_end() -> None:
    back_off = BackOff(first=1.0, longest=10.0)
    assert [back_off.after(n, 1.0) for n in (1, 2, 3, 4, 5, 99)] == [1, 2, 4, 8, 10, 10]
    assert back_off.after(1, 0.0) == 0.75


async def test_a_handler_is_called_again_when_it_asks_and_an_event_comes_first() -> None:
    ran: list[str] = []

    async def handler(key: str) -> float | None:
        ran.append(key)
        return 0.05 if len(ran) == 1 else None

    queue = _queue(handler)
    queue.start()
    queue.add("a")
    await asyncio.sleep(0.02)
    assert ran == ["a"]
    await asyncio.sleep(0.1)
    assert ran == ["a", "a"]
    queue.add("a", after=30)
    queue.add("a")
    await asyncio.sleep(0.02)
    assert len(ran) == 3


async def test_drain_lets_runs_finish_and_begins_nothing() -> None:
    done: list[str] = []

    async def handler(key: str) -> None:
        await asyncio.sleep(0.05)
        done.append(key)

    queue = _queue(handler, concurrency=1)
    queue.start()
    queue.add("a")
    queue.add("b")
    await asyncio.sleep(0.01)
    await queue.drain()
    assert done == ["a"]


async def test_abort_cuts_off_what_runs() -> None:
    done: list[str] = []

    async def handler(key: str) -> None:
        await asyncio.sleep(0.05)
        done.append(key)

    queue = _queue(handler)
    queue.start()
    queue.add("a")
    await asyncio.sleep(0.01)
    await queue.abort()
    await asyncio.sleep(0.1)
    assert done == []
