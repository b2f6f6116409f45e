"""Valkey stopped, killed, hung, wiped: calls fail as unavailable in bounded time, and work again when it is back."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from reelplane_crds.runtime import Rate, ServerRef
from reelplane_workloads.cache import Cache, Hit, Miss
from reelplane_workloads.cache.address import Address
from reelplane_workloads.cache.wire import Wire, encode
from reelplane_workloads.core.errors import Code, Problem
from reelplane_workloads.store.model import Medium

pytestmark = pytest.mark.service
KEY = "a" * 32
Recovered = Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]]


def calls(cache: Cache, rate: Rate, medium: Medium) -> dict[str, Callable[[], Awaitable[Any]]]:
    """Every call that talks to the server."""
    return {
        "lookup": lambda: cache.lookup(KEY, "client", rate),
        "refund": lambda: cache.refund("client", rate),
        "put_medium": lambda: cache.put_medium([KEY], medium, 60),
        "put_flight": lambda: cache.put_flight(KEY, "flight"),
        "put_failure": lambda: cache.put_failure(KEY, "internal", "", 60),
        "drop_flight": lambda: cache.drop_flight([KEY]),
        "get_info": lambda: cache.get_info(KEY),
        "put_info": lambda: cache.put_info(KEY, {}),
        "publish": lambda: cache.publish("flight", {"state": "running"}),
        "last": lambda: cache.last("flight"),
        "tell_stop": lambda: cache.tell_stop("flight"),
        "counters": cache.counters,
        "ping": cache.ping,
    }


async def all_fail_as_unavailable(cache: Cache, rate: Rate, medium: Medium) -> None:
    async def attempt(name: str, call: Callable[[], Awaitable[Any]]) -> None:
        with pytest.raises(Problem) as caught:
            await call()
        assert caught.value.code is Code.UNAVAILABLE, name
        assert caught.value.retry_after == 2, name

    async with asyncio.timeout(
        15
    ):  # each is bounded by 2 s; together, on a busy machine, by much less than for ever
        await asyncio.gather(*(attempt(name, call) for name, call in calls(cache, rate, medium).items()))


@pytest.fixture
def known(rate: Rate, medium: Medium) -> tuple[Rate, Medium]:
    return rate, medium


@pytest.mark.parametrize("outage", [{"kill": False}, {"kill": True}], ids=["stopped", "killed"])
async def test_a_stopped_server_fails_every_call_and_a_started_one_serves_again(
    cache: Cache, valkey: Any, known: tuple[Rate, Medium], recovered: Recovered, outage: dict[str, bool]
) -> None:
    rate, medium = known
    await cache.put_medium([KEY], medium, 100)
    await asyncio.to_thread(valkey.stop, **outage)
    await all_fail_as_unavailable(cache, rate, medium)
    await asyncio.to_thread(valkey.start)
    for name, call in calls(cache, rate, medium).items():
        if name == "lookup":
            assert isinstance(await recovered(call), Hit), "the append-only file kept it"
        await recovered(call)


async def test_a_hung_server_fails_every_call_and_serves_again_when_it_goes_on(
    cache: Cache, valkey: Any, rate: Rate, medium: Medium, recovered: Recovered
) -> None:
    await cache.put_medium([KEY], medium, 100)
    valkey.pause()
    try:
        await all_fail_as_unavailable(cache, rate, medium)
        await all_fail_as_unavailable(cache, rate, medium)
    finally:
        valkey.resume()
    assert isinstance(await recovered(lambda: cache.lookup(KEY, "client", rate)), Hit)


async def test_a_wiped_server_is_taught_the_scripts_again(
    cache: Cache, valkey: Any, rate: Rate, medium: Medium, recovered: Recovered
) -> None:
    await cache.put_medium([KEY], medium, 100)
    await cache.lookup(KEY, "client", rate)
    await asyncio.to_thread(valkey.wipe)
    assert isinstance(await recovered(lambda: cache.lookup(KEY, "client", rate)), Miss)
    for call in calls(cache, rate, medium).values():
        await recovered(call)
    await cache.client.script_flush()
    for call in calls(cache, rate, medium).values():
        await call()


async def test_a_cache_opens_before_its_server(
    valkey: Any, rate: Rate, medium: Medium, recovered: Recovered
) -> None:
    valkey.stop()
    cache = Cache(ServerRef(url=valkey.url), "reels")
    await cache.open()
    try:
        await all_fail_as_unavailable(cache, rate, medium)
        await asyncio.to_thread(valkey.start)
        assert isinstance(await recovered(lambda: cache.lookup(KEY, "client", rate)), Miss)
    finally:
        await cache.close()


async def test_counters_outlive_an_outage(
    cache: Cache, valkey: Any, recovered: Recovered, eventually: Callable[..., Awaitable[None]]
) -> None:
    await asyncio.to_thread(valkey.stop)
    cache.count("misses", 5)
    await asyncio.sleep(1.5)
    await asyncio.to_thread(valkey.start)

    async def written() -> bool:
        return bool(await recovered(cache.counters) == {"misses": 5})

    await eventually(written)


async def test_what_waits_for_a_hung_server_is_bounded(valkey: Any) -> None:
    wire = Wire(Address.of(ServerRef(url=valkey.url)), max_pending=3)
    await wire.open()
    valkey.pause()
    try:
        waiting = [wire.send(encode("PING")) for _ in range(3)]
        with pytest.raises(Problem, match="too many"):
            wire.send(encode("PING"))
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert all(isinstance(result, Problem) for result in results)
    finally:
        valkey.resume()
        await wire.close()


async def test_a_cancelled_call_does_not_shift_the_replies_of_others(valkey: Any) -> None:
    wire = Wire(Address.of(ServerRef(url=valkey.url)))
    await wire.open()
    try:
        futures = [wire.send(encode("ECHO", str(i))) for i in range(10)]
        for future in futures[::3]:
            future.cancel()
        answers = await asyncio.gather(*futures, return_exceptions=True)
        assert [a for a in answers if isinstance(a, bytes)] == [b"1", b"2", b"4", b"5", b"7", b"8"]
    finally:
        await wire.close()


async def test_a_server_that_refuses_is_unavailable_and_says_why(
    cache: Cache, rate: Rate, medium: Medium
) -> None:
    await cache.client.config_set("maxmemory", "1")
    await cache.client.config_set("maxmemory-policy", "noeviction")
    with pytest.raises(Problem, match="OOM") as caught:
        await cache.lookup(KEY, "client", rate)
    assert caught.value.code is Code.UNAVAILABLE
    with pytest.raises(Problem) as caught:
        await cache.put_medium([KEY], medium, 60)
    assert caught.value.code is Code.UNAVAILABLE


async def test_password_database_and_tcp(
    cache: Cache, valkey: Any, rate: Rate, medium: Medium, tmp_path: Path
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    await cache.client.config_set("port", port)
    await cache.client.config_set("requirepass", "s3cret :/?")
    secret = tmp_path / "password"
    secret.write_text("s3cret :/?\n")
    for url in (f"{valkey.url}?db=3", f"redis://127.0.0.1:{port}/3"):
        locked = Cache(ServerRef(url=url), "reels")
        await locked.open()
        await all_fail_as_unavailable(locked, rate, medium)
        await locked.close()
        opened = Cache(ServerRef(url=url, password_file=secret), "reels")
        await opened.open()
        await opened.put_medium([KEY], medium, 60)
        assert isinstance(await opened.lookup(KEY, "client", rate), Hit)
        await opened.close()


def test_another_scheme_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="memcached"):
        Cache(ServerRef(url="memcached://localhost"), "reels")
