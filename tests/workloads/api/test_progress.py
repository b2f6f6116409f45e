"""Server-sent events: nothing is missed, and every stream ends."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from reelplane_workloads.api import progress
from reelplane_workloads.core.errors import Code
from reelplane_workloads.core.keys import normalise, url_key
from reelplane_workloads.core.metrics import EVENT_STREAMS
from reelplane_workloads.store.model import Entry, FlightKind, Options

VIDEO = "https://video.example/watch?v=1"
RUNNING = {"state": "running", "phase": "downloading", "bytes": 50, "total": 200, "speed": 10.0, "eta": 15.0}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "LOOK_EVERY", 0.3)
    monkeypatch.setattr(progress, "LOOK_AT_ITEMS", 0.1)
    monkeypatch.setattr(progress, "SLICE", 0.1)


class Follower:
    """Reads one stream in the background."""

    def __init__(self, client: httpx.AsyncClient, path: str, helpers: Any, **headers: str) -> None:
        self.events: list[Any] = []
        self.status = 0
        self._arrived = asyncio.Event()
        self.task = asyncio.create_task(self._read(client, path, helpers, headers))

    async def _read(
        self, client: httpx.AsyncClient, path: str, helpers: Any, headers: dict[str, str]
    ) -> None:
        async with client.stream("GET", path + "/events", headers=headers) as response:
            self.status = response.status_code
            self.headers = response.headers
            async for event in helpers.events_of(response):
                self.events.append(event)
                self._arrived.set()

    async def seen(self, name: str) -> Any:
        """The first event of that name, waiting for it."""
        async with asyncio.timeout(20):
            while True:
                for event in self.events:
                    if event.name == name:
                        return event
                assert not self.task.done(), [event.name for event in self.events]
                self._arrived.clear()
                await self._arrived.wait()

    async def ended(self) -> list[str]:
        await asyncio.wait_for(self.task, 20)
        return [event.name for event in self.events]


async def asked(client: httpx.AsyncClient, **options: Any) -> str:
    return (await client.post("/v1/downloads", json={"url": VIDEO, **options})).headers["location"]


async def test_a_stream_is_a_snapshot_then_steps_then_the_end(
    platform: Any, helpers: Any, tmp_path: Path
) -> None:
    client = platform.client()
    job = await asked(client)
    flight = await platform.flight_of(job.rpartition("/")[2])
    follower = Follower(client, job, helpers)
    snapshot = await follower.seen("job")
    assert snapshot.data["state"] == "queued"
    assert follower.headers["content-type"].startswith("text/event-stream")
    assert follower.headers["cache-control"] == "no-cache, no-transform"
    await platform.services.cache.publish(flight, RUNNING)
    step = await follower.seen("progress")
    assert step.data == {**RUNNING, "percent": 25.0}
    medium = await platform.finish(flight, b"x" * 200, tmp_path)
    names = await follower.ended()
    assert names[-1] == "done"
    last = follower.events[-1]
    assert last.data["media"]["key"] == medium.key
    assert last.id == "end"


async def test_who_comes_late_sees_the_last_step_at_once_and_who_comes_after_the_end_the_end(
    platform: Any, helpers: Any, tmp_path: Path
) -> None:
    client = platform.client()
    job = await asked(client)
    flight = await platform.flight_of(job.rpartition("/")[2])
    await platform.services.cache.publish(flight, RUNNING)
    late = Follower(client, job, helpers)
    assert (await late.seen("progress")).data["percent"] == 25.0
    await platform.finish(flight, b"x", tmp_path)
    await late.ended()
    assert await Follower(client, job, helpers).ended() == ["done"]
    again = Follower(client, job, helpers, **{"last-event-id": "end"})
    assert await again.ended() == []
    assert again.status == 204
    resumed = Follower(client, job, helpers, **{"last-event-id": "whatever"})
    assert await resumed.ended() == ["done"]


async def test_a_failure_ends_the_stream_with_its_problem(platform: Any, helpers: Any) -> None:
    client = platform.client()
    job = await asked(client)
    follower = Follower(client, job, helpers)
    await follower.seen("job")
    await platform.fail(await platform.flight_of(job.rpartition("/")[2]), Code.TOO_LARGE, "900 MB")
    assert (await follower.ended())[-1] == "failed"
    assert follower.events[-1].data["error"]["code"] == "too_large"
    assert follower.events[-1].data["error"]["detail"] == "900 MB"


async def test_a_cancellation_in_another_window_ends_the_stream_while_others_go_on(
    platform: Any, helpers: Any
) -> None:
    mine, other = platform.client(), platform.client()
    job, theirs = await asked(mine), await asked(other)
    followers = [Follower(mine, job, helpers), Follower(other, theirs, helpers)]
    for follower in followers:
        await follower.seen("job")
    await mine.delete(job)
    assert (await followers[0].ended())[-1] == "cancelled"
    await asyncio.sleep(0.5)
    assert not followers[1].task.done()
    await other.delete(theirs)
    assert (await followers[1].ended())[-1] == "cancelled"


async def test_a_stream_survives_that_valkey_dies_and_comes_back_empty(
    platform: Any, valkey: Any, helpers: Any, tmp_path: Path
) -> None:
    client = platform.client()
    job = await asked(client)
    flight = await platform.flight_of(job.rpartition("/")[2])
    follower = Follower(client, job, helpers)
    await follower.seen("job")
    valkey.stop(kill=True)
    await asyncio.sleep(0.5)
    assert not follower.task.done()
    await platform.finish(flight, b"x", tmp_path, tell=False)
    assert (await follower.ended())[-1] == "done"


async def test_silence_is_broken_by_comments(
    platform: Any, helpers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "QUIET", 0.3)
    client = platform.client()
    follower = Follower(client, await asked(client), helpers)
    assert (await follower.seen("comment")).data == ": still here"
    follower.task.cancel()


async def test_a_playlists_stream_shows_its_items_until_the_last_has_ended(
    platform: Any, helpers: Any, tmp_path: Path
) -> None:
    client = platform.client()
    parent = await asked(client, playlist=True)
    follower = Follower(client, parent, helpers)
    await follower.seen("job")
    flight = (await platform.claim(await platform.next_flight())).flight
    urls = ["https://video.example/part1", "https://video.example/part2"]
    entries = [
        Entry(url=url, url_key=url_key(FlightKind.DOWNLOAD, normalise(url), Options()), options=Options())
        for url in urls
    ]
    created = await platform.services.repository.expand_playlist(flight.id, flight.attempt, "Two", entries)
    await platform.services.cache.publish(flight.id, {"state": "done"})
    items = await follower.seen("items")
    assert items.data["counts"] == {"total": 2, "queued": 2}
    for one in created:
        await platform.finish(one.id, one.id.encode(), tmp_path)
    assert (await follower.ended())[-1] == "done"
    assert follower.events[-1].data["counts"] == {"total": 2, "done": 2}


async def test_a_stopping_process_ends_its_streams_with_a_hint_to_come_back(
    platform: Any, helpers: Any
) -> None:
    client = platform.client()
    follower = Follower(client, await asked(client), helpers)
    await follower.seen("job")
    platform.server.stop()
    assert (await follower.ended())[-1] == "retry"
    await asyncio.wait_for(platform.serving, 20)


async def test_a_client_that_leaves_is_not_followed_any_more(platform: Any, helpers: Any) -> None:
    client = platform.client()
    before = EVENT_STREAMS._value.get()
    follower = Follower(client, await asked(client), helpers)
    await follower.seen("job")
    assert EVENT_STREAMS._value.get() == before + 1
    follower.task.cancel()
    await asyncio.gather(follower.task, return_exceptions=True)
    async with asyncio.timeout(20):
        while EVENT_STREAMS._value.get() != before:  # noqa: ASYNC110 - the gauge has no event
            await asyncio.sleep(0.05)
