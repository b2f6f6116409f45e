"""A consumer takes what it has room for; no outage and no lost message cancels, repeats or loses a flight."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import textwrap
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from reelplane_crds.runtime import ServerRef
from reelplane_workloads.cache.address import Address
from reelplane_workloads.cache.client import connect
from reelplane_workloads.core.errors import Code, Problem
from reelplane_workloads.queue import Dispatcher
from reelplane_workloads.queue import consume as consume_room
from reelplane_workloads.store.model import Priority

pytestmark = pytest.mark.service
Eventually = Callable[[Callable[[], Any]], Awaitable[None]]


async def _is(value: Awaitable[Any], wanted: Any) -> bool:
    return bool(await value == wanted)


async def test_no_more_than_its_slots_and_nothing_is_hoarded(
    dispatcher: Dispatcher, ref: ServerRef, consume: Any, flights: Any, eventually: Eventually
) -> None:
    names = [f"f{i}" for i in range(6)]
    flights.hold(*names)
    consume(flights, concurrency=2)
    await dispatcher.dispatch([flights.make(name) for name in names])
    await eventually(lambda: len(flights.begun) == 2)
    await asyncio.sleep(0.3)
    assert (len(flights.begun), await dispatcher.depth()) == (2, 6), "waiting and running are counted alike"
    client = connect(Address.of(ref))
    waiting = await client.llen("rp:{reels}:q:1")
    await client.aclose()
    assert waiting == 4, "nothing that another worker could run lies in this one's memory"
    consume(flights, concurrency=4)
    await eventually(lambda: sorted(flights.begun) == names)
    flights.release()
    await eventually(lambda: _is(dispatcher.depth(), 0))
    assert sorted(flights.ended) == names


async def test_bursts_over_all_priorities_are_all_run_once(
    dispatcher: Dispatcher, consume: Any, flights: Any, eventually: Eventually
) -> None:
    consume(flights, concurrency=1)
    total = 0
    for burst in range(60):
        await dispatcher.dispatch([flights.make(f"{burst}-{p.name}", priority=p) for p in Priority])
        total += len(Priority)
        await asyncio.sleep(0.003 * (burst % 5))
    await eventually(lambda: len(flights.ended) >= total)
    await eventually(lambda: _is(dispatcher.depth(), 0))
    assert len(flights.begun) == len(set(flights.begun)) == total
    assert flights.most == 1


@pytest.mark.parametrize("outage", ["stop", "wipe"])
async def test_an_outage_neither_cancels_nor_repeats_what_runs(
    *, dispatcher: Dispatcher, consume: Any, flights: Any, eventually: Eventually, valkey: Any, outage: str
) -> None:
    flights.hold("running")
    await dispatcher.dispatch([flights.make("running")])
    consumer, _ = consume(flights, concurrency=2)
    await eventually(lambda: flights.begun == ["running"])
    if outage == "wipe":
        await asyncio.to_thread(valkey.wipe)
    else:
        await asyncio.to_thread(valkey.stop, kill=True)
        await asyncio.sleep(0.5)
        await asyncio.to_thread(valkey.start)

    async def dispatched() -> bool:
        await dispatcher.dispatch(
            [flights.make("running"), flights.make("next")]
        )  # what the sweeper would do
        return True

    await eventually(dispatched)
    await eventually(lambda: flights.ended == ["next"])
    assert consumer.running == 1
    await asyncio.sleep(0.3)
    assert flights.begun == ["running", "next"], "the message that came again waits for the same handler"
    assert await dispatcher.depth() == 1
    flights.release("running")
    await eventually(lambda: _is(dispatcher.depth(), 0))
    assert flights.cancelled == []
    assert flights.ended == ["next", "running"]


async def test_a_hung_server_is_noticed_and_left(
    *,
    dispatcher: Dispatcher,
    consume: Any,
    flights: Any,
    eventually: Eventually,
    valkey: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "reelplane_workloads.queue")
    flights.hold("running")
    await dispatcher.dispatch([flights.make("running")])
    consume(flights)
    await eventually(lambda: flights.begun == ["running"])
    valkey.pause()
    try:
        await eventually(lambda: "the queue is away" in caplog.text)
    finally:
        valkey.resume()
    await eventually(lambda: "the queue is back" in caplog.text)

    async def dispatched() -> bool:
        await dispatcher.dispatch([flights.make("next")])
        return True

    await eventually(dispatched)
    await eventually(lambda: flights.ended == ["next"])
    flights.release("running")
    await eventually(lambda: _is(dispatcher.depth(), 0))
    assert (flights.begun, flights.cancelled) == (["running", "next"], [])


async def test_a_consumer_starts_before_its_server(
    dispatcher: Dispatcher, consume: Any, flights: Any, eventually: Eventually, valkey: Any
) -> None:
    await dispatcher.dispatch([flights.make("a")])
    await asyncio.to_thread(valkey.stop)
    consume(flights)
    await asyncio.sleep(0.3)
    await asyncio.to_thread(valkey.start)
    await eventually(lambda: flights.ended == ["a"])


async def test_stop_takes_nothing_new_and_lets_running_flights_end(
    dispatcher: Dispatcher, consume: Any, flights: Any, eventually: Eventually
) -> None:
    flights.hold("running")
    await dispatcher.dispatch([flights.make("running")])
    consumer, run = consume(flights)
    await eventually(lambda: flights.begun == ["running"])
    await consumer.stop()
    await dispatcher.dispatch([flights.make("late")])
    await asyncio.sleep(0.3)
    assert not run.done()
    flights.release("running")
    await asyncio.wait_for(run, 20)
    assert (flights.begun, flights.ended) == (["running"], ["running"])
    assert await dispatcher.depth() == 1
    consume(flights)
    await eventually(lambda: flights.ended == ["running", "late"])


async def test_stop_ends_an_idle_consumer_and_one_without_a_server(
    consume: Any, flights: Any, valkey: Any
) -> None:
    for absent in (False, True):
        if absent:
            await asyncio.to_thread(valkey.stop)
        consumer, run = consume(flights)
        await asyncio.sleep(0.3)
        await consumer.stop()
        await asyncio.wait_for(run, 20)


async def test_cancelling_run_cancels_the_handlers_and_their_messages_are_given_back(
    dispatcher: Dispatcher, consume: Any, flights: Any, eventually: Eventually
) -> None:
    flights.hold("a")
    await dispatcher.dispatch([flights.make("a")])
    _, run = consume(flights)
    await eventually(lambda: flights.begun == ["a"])
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert flights.cancelled == ["a"]
    flights.release("a")
    consume(flights)
    await eventually(lambda: flights.ended == ["a"])


async def test_a_handler_that_raises_is_told_and_does_not_stop_the_rest(
    dispatcher: Dispatcher,
    consume: Any,
    eventually: Eventually,
    flights: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def handler(flight_id: str) -> None:
        if flight_id == "bad":
            raise RuntimeError("a fault of ours")
        await flights(flight_id)

    await dispatcher.dispatch([flights.make("bad"), flights.make("good")])
    consume(handler, concurrency=1)
    await eventually(lambda: flights.ended == ["good"])
    await eventually(lambda: _is(dispatcher.depth(), 0))
    assert "flight bad failed" in caplog.text


async def test_the_process_keeps_its_own_signal_handlers(
    dispatcher: Dispatcher, consume: Any, flights: Any, eventually: Eventually
) -> None:
    caught: list[str] = []
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, caught.append, "SIGTERM")
    try:
        await dispatcher.dispatch([flights.make("a")])
        consume(flights)
        await eventually(lambda: flights.ended == ["a"])
        os.kill(os.getpid(), signal.SIGTERM)
        await eventually(lambda: caught == ["SIGTERM"])
        await dispatcher.dispatch([flights.make("b")])
        await eventually(lambda: flights.ended == ["a", "b"])
    finally:
        loop.remove_signal_handler(signal.SIGTERM)


async def test_what_a_killed_worker_held_goes_to_another(
    *,
    dispatcher: Dispatcher,
    ref: ServerRef,
    consume: Any,
    flights: Any,
    eventually: Eventually,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(consume_room, "LEASE", 1.0)
    program = f"""
        import asyncio
        from reelplane_crds.runtime import ServerRef
        from reelplane_workloads.queue import Consumer

        async def handler(flight_id):
            print(flight_id, flush=True)
            await asyncio.sleep(1000)

        asyncio.run(Consumer(ServerRef(url={ref.url!r}), "reels", handler, 1).run())
    """
    await dispatcher.dispatch([flights.make("a")])
    doomed = await asyncio.create_subprocess_exec(
        sys.executable, "-c", textwrap.dedent(program), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert doomed.stdout is not None
        assert await asyncio.wait_for(doomed.stdout.readline(), 30) == b"a\n"
    finally:
        doomed.kill()
        await doomed.wait()
    await dispatcher.dispatch([flights.make("a")])
    assert await dispatcher.depth() == 1, "the same attempt is still the dead one's"
    consume(flights)
    await eventually(lambda: flights.ended == ["a"])


async def test_what_is_done_leaves_nothing_behind(
    *, ref: ServerRef, dispatcher: Dispatcher, consume: Any, flights: Any, eventually: Eventually
) -> None:
    consumer, run = consume(flights)
    await dispatcher.dispatch([flights.make(f"f{n}", priority=p) for n in range(20) for p in Priority])
    await eventually(lambda: _is(dispatcher.depth(), 0))
    await consumer.stop()
    await asyncio.wait_for(run, 20)
    client = connect(Address.of(ref))
    assert await client.keys("*") in ([], [b"rp:{reels}:q:bell"])
    assert await client.llen("rp:{reels}:q:bell") <= 1
    await client.aclose()


async def test_many_consumers_share_what_comes_and_none_sleeps_beside_work(
    dispatcher: Dispatcher, consume: Any, flights: Any, eventually: Eventually
) -> None:
    names = [f"f{n}" for n in range(12)]
    flights.hold(*names)
    for _ in range(6):
        consume(flights, concurrency=2)
    await asyncio.sleep(0.5)  # all are idle and wait for the bell
    await dispatcher.dispatch([flights.make(name) for name in names])
    async with asyncio.timeout(1.5):  # less than a poll
        while len(flights.begun) < 12:  # noqa: ASYNC110 - what begins has no event
            await asyncio.sleep(0.01)
    flights.release()
    await eventually(lambda: _is(dispatcher.depth(), 0))
    assert sorted(flights.begun) == sorted(names)


async def test_a_flight_that_could_not_be_begun_is_delivered_again(
    *,
    dispatcher: Dispatcher,
    consume: Any,
    flights: Any,
    eventually: Eventually,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(consume_room, "LEASE", 0.3)
    tried: list[str] = []

    async def handler(flight_id: str) -> None:
        tried.append(flight_id)
        if len(tried) < 4:
            raise Problem(Code.UNAVAILABLE, "the database does not answer")
        await flights(flight_id)

    consume(handler, concurrency=1)
    await dispatcher.dispatch([flights.make("a")])
    await eventually(lambda: flights.ended == ["a"])
    await eventually(lambda: _is(dispatcher.depth(), 0))
    assert caplog.text.count("the database does not answer") == 1
    assert len(tried) == 4
