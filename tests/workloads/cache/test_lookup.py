"""What a lookup promises: the order of its answers, what costs a token, and one round trip."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import hiredis
import msgspec
import pytest

from reelplane_crds.runtime import Rate, ServerRef
from reelplane_workloads.cache import Cache, Failed, Hit, InFlight, Limited, Miss
from reelplane_workloads.store.model import Medium

pytestmark = pytest.mark.service
Eventually = Callable[[Callable[[], Awaitable[bool]]], Awaitable[None]]
KEY, OTHER_KEY = "a" * 32, "b" * 32


async def tokens(cache: Cache, client: str, rate: Rate) -> int:
    """Tokens that the client has left, found by taking one and giving it back."""
    found = await cache.lookup("f" * 32, client, rate)
    if isinstance(found, Limited):
        return 0
    assert isinstance(found, Miss)
    await cache.refund(client, rate)
    return found.remaining + 1


async def test_hits_flights_and_failures_cost_no_token(cache: Cache, rate: Rate, medium: Medium) -> None:
    await cache.put_flight(KEY, "flight-1")
    assert await cache.lookup(KEY, "client", rate) == InFlight("flight-1")
    await cache.put_failure(KEY, "origin_timeout", "slow\nvery", 30)
    failed = await cache.lookup(KEY, "client", rate)
    assert isinstance(failed, Failed)
    assert (failed.code, failed.detail) == ("origin_timeout", "slow\nvery")
    assert 0 < failed.ttl <= 30
    await cache.put_medium([KEY, OTHER_KEY], medium, 100)
    for key in (KEY, OTHER_KEY):
        hit = await cache.lookup(key, "client", rate)
        assert isinstance(hit, Hit)
        assert msgspec.json.decode(hit.medium, type=Medium) == medium
    assert await tokens(cache, "client", rate) == rate.count


async def test_a_miss_takes_a_token_and_none_left_is_limited(cache: Cache, rate: Rate) -> None:
    found = [await cache.lookup(KEY, "client", rate) for _ in range(4)]
    assert found[:3] == [Miss(2, 20), Miss(1, 40), Miss(0, 60)]
    assert found[3] == Limited(retry_after=20, remaining=0, reset=60, limit=3)
    assert await tokens(cache, "somebody else", rate) == 3


async def test_a_known_video_is_served_to_a_limited_client(cache: Cache, rate: Rate, medium: Medium) -> None:
    for _ in range(4):
        await cache.lookup(KEY, "client", rate)
    await cache.put_medium([OTHER_KEY], medium, 100)
    assert isinstance(await cache.lookup(OTHER_KEY, "client", rate), Hit)


async def test_a_refund_restores_what_the_miss_took(cache: Cache, rate: Rate) -> None:
    await cache.lookup(KEY, "client", rate, 2)
    assert await tokens(cache, "client", rate) == 1
    await cache.refund("client", rate, 2)
    await cache.refund("client", rate, 2)
    assert await tokens(cache, "client", rate) == 3, "no more than a full bucket"


async def test_a_cost_above_the_limit_takes_the_whole_bucket(cache: Cache, rate: Rate) -> None:
    assert await cache.lookup(KEY, "client", rate, 50) == Miss(0, 60)
    assert isinstance(await cache.lookup(KEY, "client", rate), Limited)


async def test_of_many_who_miss_at_once_one_claims_and_pays(cache: Cache, other: Cache, rate: Rate) -> None:
    asked = [process.lookup(KEY, "client", rate, claim=5) for process in (cache, other) for _ in range(500)]
    found = await asyncio.gather(*asked)
    assert sum(isinstance(one, Miss) for one in found) == 1
    assert sum(one == InFlight("") for one in found) == 999
    assert await tokens(cache, "client", rate) == 2
    await cache.put_flight(KEY, "flight-1")
    assert await other.lookup(KEY, "client", rate, claim=5) == InFlight("flight-1")


async def test_a_limited_client_claims_nothing(cache: Cache, rate: Rate) -> None:
    await cache.lookup(OTHER_KEY, "client", rate, 3)
    assert isinstance(await cache.lookup(KEY, "client", rate, claim=5), Limited)
    assert isinstance(await cache.lookup(KEY, "another", rate, claim=5), Miss)


async def test_what_says_less_never_hides_what_says_more(cache: Cache, rate: Rate, medium: Medium) -> None:
    await cache.put_failure(KEY, "origin_timeout", "", 30)
    await cache.put_flight(KEY, "late")
    assert isinstance(await cache.lookup(KEY, "client", rate), Failed)
    await cache.put_medium([KEY], medium, 100)
    await cache.put_flight(KEY, "late")
    await cache.put_failure(KEY, "origin_timeout", "", 30)
    await cache.drop_flight([KEY])
    assert isinstance(await cache.lookup(KEY, "client", rate), Hit)


async def test_a_dropped_flight_is_forgotten(cache: Cache, rate: Rate) -> None:
    await cache.put_flight(KEY, "flight-1")
    await cache.drop_flight([KEY])
    assert isinstance(await cache.lookup(KEY, "client", rate), Miss)


async def test_platforms_on_one_server_do_not_meet(
    cache: Cache, valkey: Any, rate: Rate, medium: Medium
) -> None:
    await cache.put_medium([KEY], medium, 100)
    await cache.lookup(OTHER_KEY, "client", rate, 3)
    shorts = Cache(ServerRef(url=valkey.url), "shorts")
    await shorts.open()
    try:
        assert await shorts.lookup(KEY, "client", rate) == Miss(2, 20)
    finally:
        await shorts.close()


@pytest.mark.parametrize("client", ["::1", "käse", "a\r\n$1\r\nb", "x" * 500, ""])
async def test_any_client_name_is_a_bucket_of_its_own(cache: Cache, rate: Rate, client: str) -> None:
    assert await cache.lookup(KEY, client, rate, 3) == Miss(0, 60)
    assert isinstance(await cache.lookup(KEY, client, rate), Limited)
    assert isinstance(await cache.lookup(KEY, client + "'", rate), Miss)


async def test_info_is_kept_as_it_was(cache: Cache) -> None:
    assert await cache.get_info(KEY) is None
    await cache.put_info(KEY, {"title": "ä", "formats": [{"height": 720}]})
    assert await cache.get_info(KEY) == {"title": "ä", "formats": [{"height": 720}]}


async def test_counters_of_all_processes_add_up(cache: Cache, other: Cache, eventually: Eventually) -> None:
    cache.count("hits.valkey", 3)
    other.count("hits.valkey")
    other.count("misses")

    async def added() -> bool:
        return await cache.counters() == {"hits.valkey": 4, "misses": 1}

    await eventually(added)


@pytest.fixture
async def recorder(short_tmp: Path) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that answers every command with a miss, and keeps what it received in one read."""
    received: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        parser = hiredis.Reader()
        while data := await reader.read(2**20):
            received.append(data)
            parser.feed(data)
            while (command := parser.gets()) is not False:
                writer.write(b"+OK\r\n" if command[0] == b"SELECT" else b"*4\r\n:1\r\n:2\r\n:0\r\n:0\r\n")
        writer.close()

    path = short_tmp / "recorder.sock"
    server = await asyncio.start_unix_server(serve, path)
    async with server:
        yield f"unix://{path}", received


async def test_calls_of_one_tick_are_one_round_trip_each_and_one_write_together(
    recorder: tuple[str, list[bytes]], rate: Rate
) -> None:
    url, received = recorder
    cache = Cache(ServerRef(url=url), "reels")
    await cache.open()
    received.clear()
    try:
        await asyncio.gather(*(cache.lookup(KEY, f"client-{i}", rate) for i in range(100)))
    finally:
        await cache.close()
    commands = [chunk.count(b"EVALSHA") for chunk in received]
    assert commands == [100]
