"""POST /v1/downloads and what becomes of the job."""

from __future__ import annotations

import asyncio
from typing import Any

VIDEO = "https://video.example/watch?v=1"


async def test_an_unknown_url_becomes_a_committed_job(platform: Any) -> None:
    client = platform.client()
    answer = await client.post("/v1/downloads", json={"url": VIDEO})
    assert answer.status_code == 202
    body = answer.json()
    assert body["state"] == "queued"
    assert answer.headers["location"] == f"/v1/downloads/{body['id']}" == body["links"]["self"]
    job = (await client.get(answer.headers["location"])).json()
    assert job["url"] == VIDEO
    assert job["state"] == "queued"
    backlog = await platform.services.repository.backlog()
    assert backlog.waiting == 1
    assert await platform.services.dispatcher.depth() == 1


async def test_the_same_client_asking_again_gets_the_same_job(platform: Any) -> None:
    client = platform.client()
    first = (await client.post("/v1/downloads", json={"url": VIDEO})).json()["id"]
    again = (await client.post("/v1/downloads", json={"url": VIDEO + "&utm_source=mail"})).json()["id"]
    other = (await platform.client().post("/v1/downloads", json={"url": VIDEO})).json()["id"]
    assert first == again
    assert other != first


async def test_a_finished_video_is_a_hit_for_everyone_and_makes_no_job(platform: Any, tmp_path: Any) -> None:
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
        assert answer.json()["state"] == "done"
        assert answer.json()["media"]["title"] == "A title"
        assert (await stranger.get(answer.json()["media"]["url"])).content == b"content" * 100
    assert (await stranger.get("/v1/downloads")).json() == {"jobs": []}
    saved = await stranger.get(answer.json()["media"]["downloadUrl"])
    assert saved.headers["content-disposition"] == 'attachment; filename="A title.mp4"'
    status = (await asyncio.wait_for(client.get("/v1/status"), 10)).json()
    assert status["platform"] == "test"
