"""What the page, the supervisor and Prometheus are told."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from pathlib import Path
from typing import Any

from reelplane_workloads.api import schemas
from reelplane_workloads.api.status import summary
from reelplane_workloads.store.model import Backlog, WorkerRow

VIDEO = {"url": "https://video.example/watch?v=1"}


def worker(name: str, seen_ago: float) -> WorkerRow:
    return WorkerRow(name, "download", "host", capacity=4, busy=1, draining=False, seen_ago=seen_ago)


def test_the_hit_rate_is_the_share_of_requests_that_started_no_work() -> None:
    counters = {"hits_memory": 90, "hits_valkey": 5, "hits_database": 1, "followers": 3, "misses": 1}
    cache = summary("reels", Backlog(0, 0), [], counters, extractors=[], proxies=None)["cache"]
    assert cache["hits"] == {"memory": 90, "valkey": 5, "database": 1}
    assert cache["hitRate"] == 0.99
    assert summary("reels", Backlog(0, 0), [], {}, extractors=[], proxies=None)["cache"]["hitRate"] is None


def test_silent_workers_are_not_shown() -> None:
    shown = summary(
        "reels",
        Backlog(3, 2, 4, 1),
        [worker("fresh", 1), worker("dead", 60)],
        None,
        extractors=[],
        proxies=None,
    )
    assert [one["id"] for one in shown["workers"]] == ["fresh"]
    assert shown["queue"] == {"waiting": 3, "running": 2, "delayed": 4, "backlog": 6}
    assert shown["cache"] is None
    schemas.Status.model_validate(shown)


async def test_the_status_is_that_of_all_processes_together(
    platform: Any, start: Any, document: Any, tmp_path: Path
) -> None:
    second = await start(document)
    client = platform.client()
    job = (await client.post("/v1/downloads", json=VIDEO)).json()
    await second.client().post("/v1/downloads", json=VIDEO)
    await platform.finish(await platform.flight_of(job["id"]), b"x", tmp_path)
    await second.client().post("/v1/downloads", json=VIDEO)
    await platform.services.repository.heartbeat(
        "w1",
        worker_class="download",
        host="h",
        capacity=4,
        busy=2,
        draining=False,
        extractor="2026.10.26",
    )
    await platform.services.repository.put_tally("w1.0", {("2026.10.26", "Vimeo"): (3, 1)})
    await platform.services.cache.tell_proxies({"healthy": 2, "total": 3, "bans": 1}, 60)
    async with asyncio.timeout(20):
        while True:
            status = (await client.get("/v1/status")).json()
            cache = status["cache"]
            if sum(cache["hits"].values()) + cache["followers"] + cache["misses"] == 3 and status["workers"]:
                break
            await asyncio.sleep(0.2)
    assert (cache["misses"], cache["followers"], cache["hits"]["valkey"]) == (1, 1, 1)
    assert cache["hitRate"] == 0.6667
    assert status["workers"] == [
        {
            "id": "w1",
            "instance": "w1",
            "class": "download",
            "busy": 2,
            "capacity": 4,
            "draining": False,
            "extractor": "2026.10.26",
        }
    ]
    assert status["proxies"] == {"healthy": 2, "total": 3, "bans": 1}
    fresh = (await second.client().get("/v1/status")).json()["extractors"]
    assert fresh in ([], [{"version": "2026.10.26", "site": "Vimeo", "done": 3, "failed": 1}])


async def test_the_metrics_count_hot_and_other_requests_alike(platform: Any, tmp_path: Path) -> None:
    client = platform.client()

    async def value(sample: str) -> float:
        lines = (await client.get("/metrics")).text.splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(sample + " "))

    samples = {
        'reelplane_cache_lookups_total{layer="none"}': 1,
        'reelplane_cache_lookups_total{layer="valkey"}': 1,
        'reelplane_cache_lookups_total{layer="memory"}': 2,
        'reelplane_downloads_requested_total{outcome="hit"}': 3,
        'reelplane_downloads_requested_total{outcome="new"}': 1,
        'reelplane_http_requests_total{method="POST",route="/v1/downloads",status="200"}': 3,
        'reelplane_http_requests_total{method="POST",route="/v1/downloads",status="202"}': 1,
        'reelplane_http_requests_total{method="GET",route="/v1/downloads/{job_id}",status="200"}': 1,
        'reelplane_http_request_duration_seconds_count{route="/v1/downloads"}': 4,
    }
    before = {sample: await value(sample) for sample in samples}
    job = (await client.post("/v1/downloads", json=VIDEO)).json()
    await platform.finish(await platform.flight_of(job["id"]), b"x", tmp_path)
    for _ in range(3):
        await client.post("/v1/downloads", json=VIDEO)
    await client.get(job["links"]["self"])
    for sample, expected in samples.items():
        assert await value(sample) - before[sample] == expected, sample
    assert job["id"] not in (await client.get("/metrics")).text


async def test_the_metrics_say_how_long_the_queue_is_though_nobody_asked_for_the_status(
    platform: Any, short_tmp: Path
) -> None:
    client = platform.client()

    async def waiting() -> list[str]:
        lines = (await client.get("/metrics")).text.splitlines()
        return [line.rpartition(" ")[2] for line in lines if 'reelplane_queue_jobs{state="waiting"}' in line]

    async def becomes(expected: list[str]) -> None:
        async with asyncio.timeout(20):
            while True:
                if await waiting() == expected:
                    return
                await asyncio.sleep(0.2)

    await becomes(["0.0"])
    await client.post("/v1/downloads", json=VIDEO)
    await becomes(["1.0"])
    with contextlib.closing(sqlite3.connect(short_tmp / "db.sqlite")) as database:
        database.execute("ALTER TABLE flights RENAME TO away")
        database.commit()
    await becomes([])


async def test_readiness_names_what_is_missing(platform: Any) -> None:
    client = platform.client()
    ready = await client.get("/readyz")
    assert (ready.status_code, ready.json()["ready"]) == (200, True)
    assert set(ready.json()["checks"]) == {"database", "cache", "queue", "objects"}
    platform.services.draining.set()
    stopping = await client.get("/readyz")
    assert (stopping.status_code, stopping.json()["checks"]["process"]) == (503, "stopping")


async def test_absolute_links_and_secure_cookies_where_a_public_url_is_declared(
    start: Any, document: Any, helpers: Any, tmp_path: Path
) -> None:
    platform = await start(helpers.with_api(document, public_url="https://reels.example.com/"))
    client = platform.client()
    answer = await client.post("/v1/downloads", json=VIDEO)
    assert "Secure" in answer.headers["set-cookie"]
    await platform.finish(await platform.flight_of(answer.json()["id"]), b"x", tmp_path)
    media = (await platform.client().post("/v1/downloads", json=VIDEO)).json()["media"]
    assert media["url"].startswith("https://reels.example.com/v1/media/")
    assert (await client.get(media["url"].removeprefix("https://reels.example.com"))).content == b"x"
