"""Dispatching is idempotent, ordered by priority, written as JSON, and survives the loss of all that the queue had."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from reelplane_crds.runtime import ServerRef
from reelplane_workloads.cache.address import Address
from reelplane_workloads.cache.client import connect
from reelplane_workloads.core.errors import Code, Problem
from reelplane_workloads.queue import Dispatcher
from reelplane_workloads.store.model import Priority

pytestmark = pytest.mark.service
Eventually = Callable[[Callable[[], Any]], Awaitable[None]]


async def test_a_flight_dispatched_twice_runs_once(
    dispatcher: Dispatcher, consume: Any, flights: Any, eventually: Eventually
) -> None:
    await dispatcher.dispatch([flights.make("a"), flights.make("a"), flights.make("b")])
    await dispatcher.dispatch([flights.make("a")])
    assert await dispatcher.depth() == 2
    flights.hold("a")
    consume(flights)
    await eventually(lambda: sorted(flights.begun) == ["a", "b"])
    await dispatcher.dispatch([flights.make("a")])
    flights.release("a")
    await eventually(lambda: flights.ended == ["b", "a"])
    await asyncio.sleep(0.2)
    assert sorted(flights.begun) == ["a", "b"]
    assert await dispatcher.depth() == 0


async def test_a_flight_that_ended_can_be_dispatched_again(
    dispatcher: Dispatcher, consume: Any, flights: Any, eventually: Eventually
) -> None:
    consume(flights)
    for times in (1, 2, 3):
        await dispatcher.dispatch([flights.make("a")])
        await eventually(lambda times=times: flights.ended == ["a"] * times)
        await eventually(lambda: _is(dispatcher.depth(), 0))


async def _is(value: Awaitable[Any], wanted: Any) -> bool:
    return bool(await value == wanted)


async def test_the_next_attempt_is_dispatched_while_the_dead_ones_message_lies_there(
    dispatcher: Dispatcher, flights: Any
) -> None:
    await dispatcher.dispatch([flights.make("a", attempt=0)])
    await dispatcher.dispatch([flights.make("a", attempt=1)])
    assert await dispatcher.depth() == 2


async def test_the_highest_priority_runs_first(
    dispatcher: Dispatcher, consume: Any, flights: Any, eventually: Eventually
) -> None:
    order = [Priority.LOW, Priority.NORMAL, Priority.HIGH, Priority.LOW, Priority.HIGH, Priority.NORMAL]
    made = [flights.make(f"{priority.name}-{i}", priority=priority) for i, priority in enumerate(order)]
    await dispatcher.dispatch(made)
    consume(flights, concurrency=1)
    await eventually(lambda: len(flights.ended) == 6)
    assert flights.begun == ["HIGH-2", "HIGH-4", "NORMAL-1", "NORMAL-5", "LOW-0", "LOW-3"]


async def test_a_high_priority_flight_overtakes_a_backlog(
    dispatcher: Dispatcher, consume: Any, flights: Any, eventually: Eventually
) -> None:
    flights.hold("low-0")
    await dispatcher.dispatch([flights.make(f"low-{i}", priority=Priority.LOW) for i in range(5)])
    consume(flights, concurrency=1)
    await eventually(lambda: flights.begun == ["low-0"])
    await dispatcher.dispatch([flights.make("high", priority=Priority.HIGH)])
    flights.release("low-0")
    await eventually(lambda: len(flights.ended) == 6)
    assert flights.begun[:2] == ["low-0", "high"]


async def test_a_flight_that_is_due_later_is_held_back(
    dispatcher: Dispatcher, consume: Any, flights: Any, eventually: Eventually
) -> None:
    due = time.time() + 2
    await dispatcher.dispatch([flights.make("later", not_before=due), flights.make("past", not_before=1.0)])
    assert await dispatcher.depth() == 1, "what is backing off is not due, so no worker is wanted for it"
    consume(flights)
    await eventually(lambda: flights.ended == ["past", "later"])
    assert time.time() >= due - 0.01, "milliseconds are cut off"


async def test_dispatching_again_works_after_the_queue_lost_everything(
    dispatcher: Dispatcher, consume: Any, flights: Any, eventually: Eventually, valkey: Any
) -> None:
    await dispatcher.dispatch([flights.make("a"), flights.make("b")])
    await asyncio.to_thread(valkey.wipe)

    async def dispatched() -> bool:
        await dispatcher.dispatch([flights.make("a"), flights.make("b")])
        return True

    await eventually(dispatched)
    assert await dispatcher.depth() == 2
    consume(flights)
    await eventually(lambda: sorted(flights.ended) == ["a", "b"])


async def test_many_dispatch_at_once_after_a_wipe(
    dispatcher: Dispatcher, flights: Any, eventually: Eventually, valkey: Any
) -> None:
    await dispatcher.dispatch([flights.make("a")])
    await asyncio.to_thread(valkey.wipe)
    await eventually(lambda: _done(dispatcher.ping()))
    await asyncio.gather(*(dispatcher.dispatch([flights.make(f"f{i}")]) for i in range(50)))
    assert await dispatcher.depth() == 50


async def _done(value: Awaitable[Any]) -> bool:
    await value
    return True


@pytest.mark.parametrize("outage", ["stop", "pause"])
async def test_an_absent_or_hung_server_is_unavailable(
    dispatcher: Dispatcher, flights: Any, eventually: Eventually, valkey: Any, outage: str
) -> None:
    await dispatcher.dispatch([flights.make("a")])
    await asyncio.to_thread(getattr(valkey, outage))
    calls = [lambda: dispatcher.dispatch([flights.make("b")]), dispatcher.ping, dispatcher.depth]
    try:
        for call in calls:
            with pytest.raises(Problem) as caught:
                async with asyncio.timeout(10):
                    await call()
            assert (caught.value.code, caught.value.retry_after) == (Code.UNAVAILABLE, 2)
    finally:
        await asyncio.to_thread(valkey.resume if outage == "pause" else valkey.start)
    await eventually(lambda: _done(dispatcher.dispatch([flights.make("b")])))
    assert await dispatcher.depth() == 2


async def test_a_dispatcher_opens_before_its_server(
    ref: ServerRef, flights: Any, eventually: Eventually, valkey: Any
) -> None:
    valkey.stop()
    dispatcher = Dispatcher(ref, "reels")
    await dispatcher.open()
    try:
        with pytest.raises(Problem):
            await dispatcher.dispatch([flights.make("a")])
        await asyncio.to_thread(valkey.start)
        await eventually(lambda: _done(dispatcher.dispatch([flights.make("a")])))
    finally:
        await dispatcher.close()


async def test_platforms_on_one_server_do_not_meet(
    dispatcher: Dispatcher, ref: ServerRef, flights: Any
) -> None:
    shorts = Dispatcher(ref, "shorts")
    await shorts.open()
    try:
        await dispatcher.dispatch([flights.make("a")])
        await shorts.dispatch([flights.make("a"), flights.make("b")])
        assert (await dispatcher.depth(), await shorts.depth()) == (1, 2)
    finally:
        await shorts.close()


async def test_a_password_and_a_database_are_used(
    ref: ServerRef, valkey: Any, flights: Any, tmp_path: Path
) -> None:
    client = connect(Address.of(ref))
    await client.config_set("requirepass", "s3cret :/?")
    await client.aclose()
    secret = tmp_path / "password"
    secret.write_text("s3cret :/?\n")
    refused = Dispatcher(ServerRef(url=valkey.url), "reels")
    await refused.open()
    with pytest.raises(Problem):
        await refused.ping()
    await refused.close()
    opened = Dispatcher(ServerRef(url=f"{valkey.url}?db=2", password_file=secret), "reels")
    await opened.open()
    try:
        await opened.dispatch([flights.make("a")])
        client = connect(Address.of(ServerRef(url=f"{valkey.url}?db=2", password_file=secret)))
        assert await client.exists("rp:{reels}:q:tasks")
        await client.aclose()
    finally:
        await opened.close()


async def test_what_lies_in_the_queue_is_plain_text(
    dispatcher: Dispatcher, ref: ServerRef, flights: Any
) -> None:
    later = flights.make("later", not_before=time.time() + 100, priority=Priority.LOW)
    await dispatcher.dispatch([flights.make("a", attempt=3), later])
    client = connect(Address.of(ref))
    assert await client.lrange("rp:{reels}:q:1", 0, -1) == [b"1:a.3"]
    assert await client.zrange("rp:{reels}:q:tasks", 0, -1) == [b"1:a.3"]
    assert await client.zrange("rp:{reels}:q:later", 0, -1) == [b"2:later.0"]
    await client.aclose()


@pytest.mark.parametrize(
    "forged", [b"", b"9", b"1:", b"1:x", b"1:\xff.0", b"\x80\x04cos\nsystem\n", b"x" * 10**6]
)
async def test_what_somebody_forged_is_dropped_and_stops_nothing(
    *,
    dispatcher: Dispatcher,
    ref: ServerRef,
    consume: Any,
    flights: Any,
    eventually: Eventually,
    forged: bytes,
) -> None:
    client = connect(Address.of(ref))
    await client.zadd("rp:{reels}:q:tasks", {forged: 1})  # as if its lease had run out
    await client.zadd("rp:{reels}:q:later", {forged + b"later": 1})
    await client.rpush("rp:{reels}:q:1", b"never put in")
    await client.aclose()
    await dispatcher.dispatch([flights.make("honest")])
    consume(flights)
    await eventually(lambda: flights.ended == ["honest"])
    await eventually(lambda: _is(dispatcher.depth(), 0))
