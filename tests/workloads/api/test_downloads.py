"""Asking for videos and looking after the jobs."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

from reelplane_crds.runtime import Rate, ServerRef
from reelplane_workloads.core.errors import Code
from reelplane_workloads.core.keys import normalise, url_key
from reelplane_workloads.store.model import Entry, FlightKind, Options, Priority

VIDEO = "https://video.example/watch?v=1"


async def test_an_unknown_url_becomes_a_committed_and_dispatched_job(platform: Any) -> None:
    client = platform.client()
    answer = await client.post("/v1/downloads", json={"url": VIDEO})
    assert answer.status_code == 202
    body = answer.json()
    assert body["state"] == "queued"
    assert answer.headers["location"] == f"/v1/downloads/{body['id']}" == body["links"]["self"]
    job = (await client.get(answer.headers["location"])).json()
    assert (job["url"], job["state"], job["kind"]) == (VIDEO, "queued", "download")
    assert (await platform.services.repository.backlog()).waiting == 1
    assert await platform.services.dispatcher.depth() == 1


async def test_the_same_client_asking_again_gets_the_same_job_under_every_spelling(platform: Any) -> None:
    client = platform.client()
    first = (await client.post("/v1/downloads", json={"url": VIDEO})).json()["id"]
    spelled = "HTTPS://VIDEO.example:443/watch?utm_source=mail&v=1#t=3"
    again = (await client.post("/v1/downloads", json={"url": spelled})).json()["id"]
    other = (await platform.client().post("/v1/downloads", json={"url": VIDEO})).json()["id"]
    assert first == again
    assert other != first
    assert (await platform.services.repository.backlog()).waiting == 1


async def test_a_finished_video_is_a_hit_for_everyone_and_makes_no_job(platform: Any, tmp_path: Path) -> None:
    client = platform.client()
    job = (await client.post("/v1/downloads", json={"url": VIDEO})).json()
    await platform.finish(await platform.flight_of(job["id"]), b"content" * 100, tmp_path)
    done = (await client.get(job["links"]["self"])).json()
    assert done["state"] == "done"
    assert (await client.get(done["media"]["url"])).content == b"content" * 100

    stranger = platform.client()
    for _ in range(3):
        answer = await stranger.post("/v1/downloads", json={"url": VIDEO})
        assert answer.status_code == 200
        media = answer.json()["media"]
        assert answer.json()["state"] == "done"
        assert media["title"] == "A title"
        assert (media["contentType"], media["size"], media["width"]) == ("video/mp4", 700, 320)
        assert (await stranger.get(media["url"])).content == b"content" * 100
    assert "set-cookie" not in answer.headers
    assert (await stranger.get("/v1/downloads")).json() == {"jobs": []}


async def test_the_three_layers_are_asked_in_order_and_refilled(
    platform: Any, valkey: Any, tmp_path: Path, start: Any, document: Any
) -> None:
    job = (await platform.client().post("/v1/downloads", json={"url": VIDEO})).json()
    await platform.finish(await platform.flight_of(job["id"]), b"x" * 10, tmp_path)
    tally = platform.services.tally

    def counted() -> tuple[int, int, int]:
        return tally.memory.n, tally.valkey.n, tally.database.n

    await platform.client().post("/v1/downloads", json={"url": VIDEO})
    await platform.client().post("/v1/downloads", json={"url": VIDEO})
    tally.fold(platform.services.cache)
    fresh = await start(document)
    await fresh.forget(VIDEO)
    await fresh.client().post("/v1/downloads", json={"url": VIDEO})
    third = await start(document)
    await third.client().post("/v1/downloads", json={"url": VIDEO})
    for process in (fresh, third):
        process.services.tally.fold(process.services.cache)
    for _ in range(100):
        status = await third.services.cache.counters()
        if status.get("hits_memory") and status.get("hits_database") and status.get("hits_valkey", 0) >= 2:
            break
        await asyncio.sleep(0.1)
    assert status["hits_memory"] == 1, counted()
    assert status["hits_database"] == 1
    assert status["hits_valkey"] == 2


async def test_other_options_never_get_anothers_result(platform: Any, tmp_path: Path) -> None:
    client = platform.client()
    job = (await client.post("/v1/downloads", json={"url": VIDEO})).json()
    await platform.finish(await platform.flight_of(job["id"]), b"video", tmp_path)
    for options in ({"format": "audio"}, {"maxHeight": 480}, {"playlist": True}):
        answer = await client.post("/v1/downloads", json={"url": VIDEO, **options})
        assert answer.status_code == 202, options
    # As high as the pipeline allows is the same as not saying so.
    assert (await client.post("/v1/downloads", json={"url": VIDEO, "maxHeight": 1080})).status_code == 200


async def test_a_burst_for_one_unknown_url_over_two_processes_is_one_flight_and_one_token(
    start: Any, document: Any, helpers: Any
) -> None:
    strict = helpers.with_api(document, download_rate=Rate(count=1, per=3600))
    processes = [await start(strict), await start(strict)]
    clients = [process.client() for process in processes for _ in range(10)]
    answers = await asyncio.gather(
        *(client.post("/v1/downloads", json={"url": VIDEO}) for client in clients for _ in range(10))
    )
    assert {answer.status_code for answer in answers} == {202}
    assert (await processes[0].services.repository.backlog()).waiting == 1
    assert await processes[0].services.dispatcher.depth() == 1
    refused = await processes[0].client().post("/v1/downloads", json={"url": VIDEO + "2"})
    assert refused.status_code == 429


async def test_a_remembered_failure_is_told_at_once_and_says_when_to_come_back(platform: Any) -> None:
    client = platform.client()
    job = (await client.post("/v1/downloads", json={"url": VIDEO})).json()
    await platform.fail(await platform.flight_of(job["id"]), Code.UNSUPPORTED_SITE, "no player on that page")
    answer = await platform.client().post("/v1/downloads", json={"url": VIDEO})
    assert answer.status_code == 422
    assert answer.json()["code"] == "unsupported_site"
    assert answer.json()["detail"] == "no player on that page"
    assert 0 < int(answer.headers["retry-after"]) <= 30
    shown = (await client.get(job["links"]["self"])).json()
    assert shown["state"] == "failed"
    assert shown["error"]["code"] == "unsupported_site"
    assert shown["error"]["fix"]


async def test_a_job_is_seen_and_cancelled_by_its_own_client_only(platform: Any) -> None:
    mine, theirs = platform.client(), platform.client()
    job = (await mine.post("/v1/downloads", json={"url": VIDEO})).json()["links"]["self"]
    await theirs.post("/v1/downloads", json={"url": VIDEO + "2"})
    for stranger in (theirs, platform.client()):
        assert (await stranger.get(job)).json()["code"] == "job_not_found"
        assert (await stranger.delete(job)).status_code == 404
        assert (await stranger.get(job + "/events")).status_code == 404
    assert (await mine.get(job)).status_code == 200
    assert [one["links"]["self"] for one in (await mine.get("/v1/downloads")).json()["jobs"]] == [job]


async def test_cancel_detaches_one_follower_and_the_last_one_stops_the_work(platform: Any) -> None:
    first, second = platform.client(), platform.client()
    jobs = [(await one.post("/v1/downloads", json={"url": VIDEO})).json() for one in (first, second)]
    flight = await platform.flight_of(jobs[0]["id"])
    claim = await platform.claim(flight)
    stops = platform.services.cache.stops()
    told = asyncio.ensure_future(anext(stops))
    await asyncio.sleep(0.2)
    assert (await first.delete(jobs[0]["links"]["cancel"])).status_code == 204
    assert (await first.delete(jobs[0]["links"]["cancel"])).status_code == 204
    assert (await first.get(jobs[0]["links"]["self"])).json()["state"] == "cancelled"
    assert (await second.get(jobs[1]["links"]["self"])).json()["state"] == "running"
    assert await platform.services.repository.wanted(flight, claim.flight.attempt)
    assert (await second.delete(jobs[1]["links"]["cancel"])).status_code == 204
    assert not await platform.services.repository.wanted(flight, claim.flight.attempt)
    assert await asyncio.wait_for(told, 10) == flight
    # The URL is free for a new start at once.
    fresh = (await first.post("/v1/downloads", json={"url": VIDEO})).json()
    assert await platform.flight_of(fresh["id"]) != flight


async def test_a_playlist_is_a_set_of_jobs(platform: Any, tmp_path: Path) -> None:
    client = platform.client()
    parent = (await client.post("/v1/downloads", json={"url": VIDEO, "playlist": True})).json()["links"][
        "self"
    ]
    flight = (await platform.claim(await platform.next_flight())).flight
    entries = [
        Entry(
            url=url,
            url_key=url_key(FlightKind.DOWNLOAD, normalise(url), Options()),
            options=Options(),
            title=url,
        )
        for url in (f"https://video.example/part{n}" for n in (1, 2, 3))
    ]
    created = await platform.services.repository.expand_playlist(
        flight.id, flight.attempt, "Three parts", entries
    )
    assert [one.priority for one in created] == [Priority.LOW] * 3
    shown = (await client.get(parent)).json()
    assert shown["state"] == "running"
    assert shown["playlist"]["title"] == "Three parts"
    assert shown["counts"] == {"total": 3, "queued": 3}
    assert [item["url"] for item in shown["items"]] == [entry.url for entry in entries]

    by_url = {one.url: one.id for one in created}
    await platform.finish(by_url[entries[0].url], b"one", tmp_path)
    await platform.fail(by_url[entries[1].url], Code.DRM_PROTECTED, "no")
    counts = (await client.get(parent)).json()["counts"]
    assert counts == {"total": 3, "done": 1, "failed": 1, "queued": 1}
    assert (await client.delete(parent)).status_code == 204
    ended = (await client.get(parent)).json()
    assert ended["state"] == "cancelled"
    assert [item["state"] for item in ended["items"]] == ["done", "failed", "cancelled"]
    listed = (await client.get("/v1/downloads")).json()["jobs"]
    assert [one["id"] for one in listed] == [ended["id"]]


async def test_jobs_are_listed_newest_first(platform: Any) -> None:
    client = platform.client()
    ids = []
    for n in range(3):
        ids.append((await client.post("/v1/downloads", json={"url": f"{VIDEO}{n}"})).json()["id"])
        await asyncio.sleep(0.02)
    assert [job["id"] for job in (await client.get("/v1/downloads")).json()["jobs"]] == ids[::-1]
    assert len((await client.get("/v1/downloads", params={"limit": 2})).json()["jobs"]) == 2


@pytest.mark.service
async def test_the_same_promises_hold_on_postgresql(
    start: Any, document: Any, postgres_url: str, tmp_path: Path
) -> None:
    stores = document.stores.model_copy(update={"database": ServerRef(url=postgres_url)})
    platform = await start(document.model_copy(update={"stores": stores}))
    clients = [platform.client() for _ in range(20)]
    answers = await asyncio.gather(*(client.post("/v1/downloads", json={"url": VIDEO}) for client in clients))
    assert {answer.status_code for answer in answers} == {202}
    assert (await platform.services.repository.backlog()).waiting == 1
    await platform.finish(await platform.flight_of(answers[0].json()["id"]), b"content", tmp_path)
    done = (await clients[0].get(answers[0].headers["location"])).json()
    assert done["state"] == "done"
    assert (await clients[1].post("/v1/downloads", json={"url": VIDEO})).status_code == 200
    assert (await clients[2].delete(answers[2].headers["location"])).status_code == 204


async def test_one_line_of_the_log_names_both_job_and_flight(
    platform: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "reelplane.api")
    job = (await platform.client().post("/v1/downloads", json={"url": VIDEO})).json()["id"]
    (line,) = (record for record in caplog.records if record.message == "accepted")
    assert (line.job, line.flight) == (job, await platform.flight_of(job))
    assert "video.example" not in str(vars(line))
