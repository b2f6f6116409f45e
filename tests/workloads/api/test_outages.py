"""When something is away: what still works, what says so, and that nothing accepted is lost."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from reelplane_workloads.core.errors import Code, Problem

VIDEO = {"url": "https://video.example/watch?v=1"}
OTHER = {"url": "https://video.example/watch?v=2"}


async def hit(platform: Any, tmp_path: Path) -> Any:
    client = platform.client()
    job = (await client.post("/v1/downloads", json=VIDEO)).json()
    await platform.finish(await platform.flight_of(job["id"]), b"content", tmp_path)
    assert (await client.post("/v1/downloads", json=VIDEO)).status_code == 200
    return client


async def accepted_again(client: Any, body: dict[str, str]) -> Any:
    """The 202, once the process has found Valkey again."""
    deadline = time.monotonic() + 20
    while (answer := await client.post("/v1/downloads", json=body)).status_code == 503:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.2)
    assert answer.status_code == 202
    return answer.json()


async def test_without_valkey_known_hits_are_served_and_new_work_is_refused_before_it_is_committed(
    platform: Any, valkey: Any, tmp_path: Path
) -> None:
    client = await hit(platform, tmp_path)
    valkey.stop(kill=True)
    answer = await client.post("/v1/downloads", json=VIDEO)
    assert answer.status_code == 200
    assert (await client.get(answer.json()["media"]["url"])).content == b"content"
    refused = await client.post("/v1/downloads", json=OTHER)
    assert refused.status_code == 503
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["code"] == "unavailable"
    assert int(refused.headers["retry-after"]) >= 1
    assert (await platform.services.repository.backlog()).total == 0
    assert len((await client.get("/v1/downloads")).json()["jobs"]) == 1
    status = (await client.get("/v1/status")).json()
    assert status["cache"] is None
    ready = await client.get("/readyz")
    assert ready.status_code == 503
    assert ready.json()["checks"]["database"] == "ok"
    assert ready.json()["checks"]["cache"] != "ok"
    assert (await client.get("/healthz")).status_code == 200

    valkey.start()
    await accepted_again(client, OTHER)


async def test_a_remembered_hit_whose_time_is_up_still_answers_while_valkey_is_away(
    platform: Any, valkey: Any, tmp_path: Path
) -> None:
    client = await hit(platform, tmp_path)
    for entry in platform.services.hits._by_key.values():
        entry.fresh_until = 0.0
    platform.services.hits._monotonic = lambda: 100.0
    valkey.stop(kill=True)
    assert (await client.post("/v1/downloads", json=VIDEO)).status_code == 200
    platform.services.hits._monotonic = lambda: 100000.0
    assert (await client.post("/v1/downloads", json=VIDEO)).status_code == 503


async def test_a_hung_valkey_is_an_absent_one(platform: Any, valkey: Any) -> None:
    client = platform.client()
    valkey.pause()
    try:
        answer = await asyncio.wait_for(client.post("/v1/downloads", json=VIDEO), 15)
        assert answer.status_code == 503
    finally:
        valkey.resume()


async def test_valkey_lost_between_the_commit_and_the_dispatch_is_still_a_202_and_swept(
    platform: Any, valkey: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = platform.services.repository
    accept = repository.accept

    async def accept_then_lose_valkey(**kwargs: Any) -> Any:
        accepted = await accept(**kwargs)
        valkey.stop(kill=True)
        return accepted

    monkeypatch.setattr(repository, "accept", accept_then_lose_valkey)
    client = platform.client()
    answer = await client.post("/v1/downloads", json=VIDEO)
    assert answer.status_code == 202
    monkeypatch.undo()
    assert (await client.get(answer.headers["location"])).json()["state"] == "queued"
    assert [flight.url for flight in (await repository.sweep()).dispatch] == [VIDEO["url"]]


async def test_what_was_accepted_survives_that_valkeys_data_is_wiped(
    platform: Any, valkey: Any, tmp_path: Path
) -> None:
    client = platform.client()
    job = (await client.post("/v1/downloads", json=VIDEO)).json()
    valkey.wipe()
    again = await accepted_again(client, VIDEO)
    assert again["id"] == job["id"]
    assert (await platform.services.repository.backlog()).waiting == 1
    await platform.finish(await platform.flight_of(job["id"]), b"content", tmp_path)
    assert (await client.get(job["links"]["self"])).json()["state"] == "done"


async def test_a_cancellation_while_valkey_is_away_counts(platform: Any, valkey: Any) -> None:
    client = platform.client()
    job = (await client.post("/v1/downloads", json=VIDEO)).headers["location"]
    valkey.stop(kill=True)
    assert (await client.delete(job)).status_code == 204
    assert (await client.get(job)).json()["state"] == "cancelled"
    assert (await platform.services.repository.backlog()).total == 0


async def test_a_database_that_is_away_is_said_and_costs_no_token(
    platform: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any, **__: Any) -> None:
        raise Problem(Code.UNAVAILABLE, "the database does not answer", retry_after=2)

    monkeypatch.setattr(platform.services.repository, "known", away)
    client = platform.client()
    for _ in range(5):
        answer = await client.post("/v1/downloads", json=VIDEO)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    monkeypatch.undo()
    answer = await client.post("/v1/downloads", json=VIDEO)
    assert answer.status_code == 202
    assert answer.headers["ratelimit"].startswith('"download";r=999;')
