"""A job keeps its proxy; bad proxies are left out, for all workers, and come back."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from reelplane_crds.runtime import ProxyEndpoint, ProxyPoolSettings
from reelplane_workloads.core.errors import Code, Problem
from reelplane_workloads.egress import shelf
from reelplane_workloads.egress.proxies import ProxyPool
from reelplane_workloads.egress.standing import Standing, draw

BAN_FOR = 1800


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def pool(redis=None, *, clock=None, names="abc", seed=1, urls=(), **settings) -> ProxyPool:
    endpoints = tuple(
        ProxyEndpoint(name=name, url=url)
        for name, url in zip(
            names, urls or [f"http://127.0.0.1:{n + 1}" for n in range(len(names))], strict=True
        )
    )
    made = ProxyPoolSettings(
        name="res", endpoints=endpoints, **{"max_failures": 3, "ban_for": BAN_FOR} | settings
    )
    return ProxyPool(made, redis, "test", rng=random.Random(seed), clock=clock or Clock())


@pytest.fixture
async def redis(valkey, monkeypatch):
    # A busy machine is not an absent Valkey: only the tests of its absence want to be quick about it.
    monkeypatch.setattr(shelf, "TIMEOUT", 30.0)
    client = Redis(unix_socket_path=str(valkey.socket), socket_timeout=30, retry=Retry(NoBackoff(), 1))
    yield client
    await client.aclose()


async def ban(proxies: ProxyPool, name: str, extractor: str) -> None:
    for _ in range(3):
        await proxies.report(ProxyEndpoint(name=name, url="http://x:1"), extractor, ok=False)


async def test_a_job_keeps_its_proxy_also_in_another_worker(redis) -> None:
    one, two = pool(redis, seed=1), pool(redis, seed=2)
    for job in map(str, range(20)):
        first = await one.pick("youtube", job)
        assert await one.pick("youtube", job) == await two.pick("youtube", job) == first


async def test_two_workers_that_choose_for_one_job_at_once_choose_the_same(redis) -> None:
    workers = [pool(redis, seed=seed) for seed in range(8)]
    picked = await asyncio.gather(*(worker.pick("youtube", "j") for worker in workers))
    assert len({endpoint.name for endpoint in picked}) == 1


async def test_failover_goes_to_one_that_the_job_has_not_tried(redis) -> None:
    proxies = pool(redis)
    tried: set[str] = set()
    for _ in "abc":
        endpoint = await proxies.pick("youtube", "j", exclude=tried)
        assert endpoint.name not in tried
        assert (await proxies.pick("youtube", "j", exclude=tried)) == endpoint
        tried.add(endpoint.name)
    assert not await proxies.has_other(tried)
    with pytest.raises(Problem) as raised:
        await proxies.pick("youtube", "j", exclude=tried)
    assert raised.value.code is Code.PROXY_FAILED


async def test_a_proxy_is_banned_after_failures_in_a_row_for_that_extractor_everywhere_and_returns(
    redis,
) -> None:
    clock = Clock()
    one, two = pool(redis, clock=clock), pool(redis, clock=clock, seed=9)
    await ban(one, "a", "youtube")
    assert "a" not in {(await two.pick("youtube", str(job))).name for job in range(50)}
    assert "a" in {(await two.pick("vimeo", str(job))).name for job in range(100, 150)}
    status = {entry.name: entry for entry in await two.snapshot()}
    assert status["a"].banned_for == {"youtube": pytest.approx(BAN_FOR)}
    assert status["b"].banned_for == {}
    clock.now += BAN_FOR + 1
    assert "a" in {(await two.pick("youtube", str(job))).name for job in range(200, 300)}


async def test_a_ban_moves_a_job_that_had_the_proxy(redis) -> None:
    proxies = pool(redis)
    first = await proxies.pick("youtube", "j")
    await ban(proxies, first.name, "youtube")
    assert (await proxies.pick("youtube", "j")).name != first.name


async def test_failures_between_successes_do_not_ban(redis) -> None:
    proxies = pool(redis)
    endpoint = ProxyEndpoint(name="a", url="http://x:1")
    for ok in (False, False, True) * 4:
        await proxies.report(endpoint, "youtube", ok=ok)
    assert (await proxies.snapshot())[0].banned_for == {}


async def test_reports_of_many_workers_at_once_are_all_counted(redis) -> None:
    workers = [pool(redis, max_failures=40) for _ in range(4)]
    endpoint = ProxyEndpoint(name="a", url="http://x:1")
    await asyncio.gather(
        *(worker.report(endpoint, "youtube", ok=False) for worker in workers for _ in range(10))
    )
    assert "youtube" in (await workers[0].snapshot())[0].banned_for


async def test_when_all_are_banned_the_pool_does_as_it_was_told(redis) -> None:
    proxies = pool(redis)
    direct = pool(redis, when_exhausted="Direct")
    for name in "abc":
        await ban(proxies, name, "youtube")
    assert await direct.pick("youtube", "j") is None
    assert await direct.has_other({"a", "b", "c"})
    with pytest.raises(Problem) as raised:
        await proxies.pick("youtube", "j")
    assert raised.value.retry_after == BAN_FOR


async def test_without_valkey_the_pool_goes_on_by_itself_and_says_so_once(
    valkey, redis, caplog, monkeypatch
) -> None:
    monkeypatch.setattr(shelf, "PAUSE", 0.0)
    caplog.set_level(logging.INFO)
    proxies = pool(redis)
    valkey.stop(kill=True)
    first = await proxies.pick("youtube", "j")
    assert await proxies.pick("youtube", "j") == first
    await ban(proxies, first.name, "youtube")
    assert (await proxies.pick("youtube", "j")).name != first.name
    assert sum("valkey is away" in record.message for record in caplog.records) == 1
    valkey.start()
    await proxies.pick("youtube", "k")
    assert sum("valkey is back" in record.message for record in caplog.records) == 1


async def test_a_hung_valkey_does_not_hold_up_jobs_one_by_one(valkey, redis, monkeypatch) -> None:
    monkeypatch.setattr(shelf, "TIMEOUT", 0.3)
    proxies = pool(redis)
    await redis.ping()
    valkey.pause()
    try:
        async with asyncio.timeout(10):
            for job in map(str, range(200)):
                await proxies.pick("youtube", job)
    finally:
        valkey.resume()


async def test_health_checks_go_through_the_proxies_and_ban_for_all_extractors(
    redis, origin, upstream
) -> None:
    site = await origin()
    good, bad = await upstream("socks5"), await upstream("http", fault="refuse")
    checked = pool(
        redis, names="ab", urls=[good.url, bad.url], health_url=f"{site.url}/generate_204", max_failures=1
    )
    assert await checked.check()
    assert good.asked == [f"127.0.0.1:{site.port}"]
    assert site.heads[0].startswith(b"GET /generate_204 HTTP/1.1\r\n")
    assert [entry.healthy for entry in await checked.snapshot()] == [True, False]
    assert {(await checked.pick("any", str(job))).name for job in range(20)} == {"a"}


async def test_a_proxy_that_recovers_is_taken_back_by_the_next_health_check(redis, origin, upstream) -> None:
    healthy = False

    async def moody(reader, writer, head) -> None:
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n" if healthy else b"HTTP/1.1 500 Oops\r\n\r\n")

    site, proxy = await origin(moody), await upstream()
    checked = pool(redis, names="a", urls=[proxy.url], health_url=site.url, max_failures=1, health_interval=1)
    assert await checked.check()
    assert not (await checked.snapshot())[0].healthy
    healthy = True
    looping = asyncio.create_task(checked.check_forever())
    for _ in range(400):
        if (await checked.snapshot())[0].healthy:
            break
        await asyncio.sleep(0.05)
    looping.cancel()
    assert (await checked.snapshot())[0].healthy


async def test_of_all_workers_one_checks_per_interval(redis, origin, upstream) -> None:
    site, proxy = await origin(), await upstream()
    workers = [pool(redis, names="a", urls=[proxy.url], health_url=site.url) for _ in range(5)]
    assert sorted(await asyncio.gather(*(worker.check() for worker in workers))) == [False] * 4 + [True]
    assert len(site.heads) == 1


@settings(deadline=None)
@given(st.lists(st.booleans(), max_size=60), st.integers(1, 5))
def test_banned_is_exactly_what_failed_so_often_in_a_row(results: list[bool], max_failures: int) -> None:
    standing, streak, banned = Standing(), 0, False
    for ok in results:
        standing = standing.after(ok=ok, now=100.0, max_failures=max_failures, ban_for=60.0)
        streak = 0 if ok else streak + 1
        banned = False if ok else banned or streak >= max_failures
        if streak >= max_failures:
            streak = 0
        assert standing.banned(100.0) is banned
        assert not standing.banned(160.0)
        assert 0.0 <= standing.score <= 1.0
        assert Standing.decode(standing.encode()).score == pytest.approx(standing.score, abs=1e-6)


def test_what_worked_better_is_drawn_more_often_and_nothing_is_never_drawn() -> None:
    rng = random.Random(7)
    drawn = Counter(draw({"good": 1.0, "fair": 0.5, "poor": 0.0}, rng) for _ in range(3000))
    assert drawn["good"] > drawn["fair"] > drawn["poor"] > 0
