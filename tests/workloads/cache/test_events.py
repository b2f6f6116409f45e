"""Progress: who follows a flight sees its last event at once, what comes then in order, and its last word."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from reelplane_workloads.cache import Cache, Subscription, events
from reelplane_workloads.cache.events import KEEP

pytestmark = pytest.mark.service
Recovered = Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]]
DONE = {"state": "done"}


def progress(percent: int) -> dict[str, Any]:
    return {"state": "running", "percent": percent}


def seen(event: dict[str, Any] | None) -> Any:
    assert event is not None, "nothing came within 20 s"
    return event.get("percent", event["state"])


async def rest(subscription: Subscription) -> list[Any]:
    async with asyncio.timeout(20):
        return [seen(event) async for event in subscription]


async def test_a_follower_starts_with_the_last_event_and_ends_with_the_last_word(
    cache: Cache, other: Cache
) -> None:
    await other.publish("f1", progress(10))
    await other.publish("f2", progress(99))
    async with cache.subscribe("f1") as subscription:
        assert seen(await subscription.next(20)) == 10
        await other.publish("f1", progress(20))
        await other.publish("f1", progress(30))
        await other.publish("f1", DONE)
        assert await rest(subscription) == [20, 30, "done"]
    assert await cache.last("f1") == {"state": "done", "flight": "f1"}
    assert await cache.last("f3") is None


async def test_who_comes_after_the_end_is_told_the_last_word(cache: Cache) -> None:
    await cache.publish("f1", {"state": "failed", "code": "origin_timeout"})
    assert await rest(cache.subscribe("f1")) == ["failed"]


async def test_nothing_follows_the_last_word(cache: Cache, other: Cache) -> None:
    subscription = cache.subscribe("f1")
    await other.publish("f1", progress(10))
    assert seen(await subscription.next(20)) == 10
    await other.publish("f1", {"state": "cancelled"})
    await other.publish("f1", progress(11))
    assert await rest(subscription) == ["cancelled"]
    assert seen(await cache.last("f1")) == "cancelled"


async def test_a_slow_follower_loses_progress_and_never_the_end(cache: Cache, other: Cache) -> None:
    await other.publish("f1", progress(-1))
    slow, quick = cache.subscribe("f1"), cache.subscribe("f1")
    assert seen(await quick.next(20)) == -1
    for percent in range(100):
        await other.publish("f1", progress(percent))
    await other.publish("f1", DONE)
    assert (await rest(quick))[-1] == "done"
    kept = await rest(slow)
    assert kept == [*range(100 - KEEP + 1, 100), "done"]


async def test_silence_is_told_from_the_end(cache: Cache) -> None:
    async with cache.subscribe("f1") as subscription:
        assert await subscription.next(0.05) is None
        await cache.publish("f1", DONE)
        assert seen(await subscription.next(20)) == "done"
        with pytest.raises(StopAsyncIteration):
            await subscription.next(20)


async def test_a_process_has_one_subscriber_connection_and_forgets_who_left(cache: Cache) -> None:
    subscriptions = [cache.subscribe(f"f{i % 50}") for i in range(200)]
    await cache.publish("f7", progress(1))
    assert [seen(await one.next(20)) for one in subscriptions[7::50]] == [1, 1, 1, 1]
    assert len(await cache.client.client_list(_type="pubsub")) == 1
    for subscription in subscriptions:
        subscription.close()
    assert cache._hub._followers == {}


async def test_a_quiet_connection_is_asked_and_kept(
    cache: Cache, other: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "QUIET", 0.1)
    await other.publish("f1", progress(1))
    subscription = cache.subscribe("f1")
    assert seen(await subscription.next(20)) == 1
    before = await cache.client.client_list(_type="pubsub")
    assert await subscription.next(1) is None
    after = await cache.client.client_list(_type="pubsub")
    assert [one["id"] for one in after] == [one["id"] for one in before]
    assert after[0]["cmd"] == "ping"
    await other.publish("f1", DONE)
    assert await rest(subscription) == ["done"]


@pytest.mark.parametrize("outage", ["stop", "kill", "wipe"])
async def test_following_survives_an_outage(
    cache: Cache, other: Cache, valkey: Any, recovered: Recovered, outage: str
) -> None:
    await other.publish("f1", progress(10))
    subscription = cache.subscribe("f1")
    assert seen(await subscription.next(20)) == 10
    if outage == "wipe":
        await asyncio.to_thread(valkey.wipe)
    else:
        await asyncio.to_thread(valkey.stop, kill=outage == "kill")
        await asyncio.to_thread(valkey.start)
    # Said before the follower's connection is back, or after: it must arrive either way.
    await recovered(lambda: other.publish("f1", DONE))
    assert await rest(subscription) == ["done"]


async def test_closing_the_cache_ends_its_followers(valkey: Any, cache: Cache) -> None:
    subscription = cache.subscribe("f1")
    waiting = asyncio.create_task(rest(subscription))
    await asyncio.sleep(0.1)
    await cache.close()
    assert await waiting == []


async def test_a_stop_reaches_every_worker_that_listens(cache: Cache, other: Cache, valkey: Any) -> None:
    heard: list[list[str]] = [[], []]

    async def listen(process: Cache, into: list[str]) -> None:
        async for flight_id in process.stops():
            into.append(flight_id)

    async def until(text: str) -> None:
        async with asyncio.timeout(20):
            while not all(text in ids for ids in heard):
                await other.tell_stop(text)  # only what is told while somebody listens is heard
                await asyncio.sleep(0.1)

    listeners = [asyncio.create_task(listen(p, into)) for p, into in zip((cache, other), heard, strict=True)]
    try:
        await until("f1")
        await asyncio.to_thread(valkey.wipe)
        async with asyncio.timeout(20):
            while True:
                try:
                    await until("f2")
                    break
                except Exception:
                    await asyncio.sleep(0.1)
    finally:
        for listener in listeners:
            listener.cancel()
        await asyncio.gather(*listeners, return_exceptions=True)
