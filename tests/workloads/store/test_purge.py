"""Retention removes what is over, and never a blob that is referred to or about to be."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from reelplane_crds.runtime import Retention
from reelplane_workloads.core.errors import Problem
from reelplane_workloads.store import objects
from reelplane_workloads.store.model import Entry, Options

HOUR, DAY = 3600, 86400


async def test_a_finished_job_can_be_asked_for_an_hour(store: Any) -> None:
    job = (await store.accept("u1", "ann")).job_id
    await store.landed("u1")
    await store.later(HOUR - 60)
    await store.repo.purge()
    assert await store.repo.job(job, "ann") is not None
    await store.later(120)
    await store.repo.purge()
    assert await store.repo.job(job, "ann") is None
    assert await store.rows("SELECT count(*) FROM flights") == [(0,)]
    assert await store.repo.known("u1") is not None


async def test_active_work_is_never_purged(store: Any) -> None:
    job = (await store.accept("u1", "ann")).job_id
    await store.running("u2", "ann")
    await store.later(365 * DAY)
    await store.repo.purge()
    assert await store.repo.job(job, "ann") is not None
    assert await store.rows("SELECT count(*) FROM flights") == [(2,)]


async def test_a_cancelled_job_goes_while_others_work_goes_on(store: Any) -> None:
    job = (await store.accept("u1", "ann")).job_id
    await store.accept("u1", "bob")
    await store.repo.cancel(job, "ann")
    await store.later(2 * HOUR)
    await store.repo.purge()
    assert await store.rows("SELECT principal FROM jobs") == [("bob",)]


async def test_a_playlist_stays_whole_until_its_last_item_is_over(store: Any) -> None:
    playlist = await store.running("list", "ann", playlist=True)
    parent = (await store.accept("list", "ann", playlist=True)).job_id
    entries = [Entry(f"http://example.com/{n}", f"item{n}", Options()) for n in range(2)]
    await store.repo.expand_playlist(playlist.id, playlist.attempt, "Mix", entries)
    await store.landed("item0", "site:0")
    await store.later(2 * HOUR)
    await store.repo.purge()
    assert len((await store.repo.job(parent, "ann")).items) == 2
    await store.landed("item1", "site:1")
    await store.later(2 * HOUR)
    await store.repo.purge()
    assert await store.rows("SELECT count(*) FROM jobs") == [(0,)]


async def test_info_is_kept_as_long_as_it_is_fresh(store: Any, open_store: Callable[..., Any]) -> None:
    hasty = open_store(Retention(jobs=60, info=HOUR))
    flight = await hasty.running("info", info=True)
    await hasty.repo.complete_info(flight.id, flight.attempt, {"title": "x"})
    await hasty.later(1800)
    await hasty.repo.purge()
    assert await hasty.repo.recent_info("info") == {"title": "x"}


async def test_an_expired_medium_goes_with_its_blob(store: Any, medium: Callable[..., Any]) -> None:
    await store.landed("u1", "site:1")
    await store.later(29 * DAY)
    assert await store.repo.purge() == []
    await store.later(2 * DAY)
    assert await store.repo.purge() == [medium("site:1").key]
    await store.repo.forget_object(medium("site:1").key)
    assert await store.rows("SELECT count(*) FROM objects") == [(0,)]
    assert await store.rows("SELECT count(*) FROM urls") == [(0,)]


async def test_a_blob_that_another_medium_refers_to_stays(store: Any, medium: Callable[..., Any]) -> None:
    for n in (1, 2):
        flight = await store.running(f"u{n}")
        await store.repo.complete(flight.id, flight.attempt, medium(f"site:{n}", key="ab/same.mp4"))
    await store.later(20 * DAY)
    await store.accept("u2", "bob")  # extends the second medium
    await store.later(20 * DAY)
    assert await store.repo.purge() == []
    assert (await store.repo.known("u2")).key == "ab/same.mp4"


async def test_a_blob_touched_within_the_hour_stays(store: Any) -> None:
    await store.repo.touch_object("ab/1.mp4", 10)
    await store.later(HOUR - 60)
    assert await store.repo.purge() == []
    await store.repo.touch_object("ab/1.mp4", 10)
    await store.later(HOUR - 60)
    assert await store.repo.purge() == []
    await store.later(120)
    assert await store.repo.purge() == ["ab/1.mp4"]


async def test_a_blob_under_deletion_cannot_be_published(
    store: Any, medium: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "_PATIENCE", 0.3)
    flight = await store.running("u1")
    await store.repo.touch_object(medium().key, 10)
    await store.sql("UPDATE objects SET touched_at = touched_at - 7200")
    assert await store.repo.purge() == [medium().key]
    with pytest.raises(Problem, match="being deleted"):
        await store.repo.touch_object(medium().key, 10)
    with pytest.raises(Problem, match="being deleted"):
        await store.repo.complete(flight.id, flight.attempt, medium())
    assert await store.repo.wanted(flight.id, flight.attempt)


async def test_a_publisher_waits_for_a_deletion_to_end(store: Any) -> None:
    await store.repo.touch_object("ab/1.mp4", 10)
    await store.later(2 * HOUR)
    await store.repo.purge()
    touching = asyncio.create_task(store.repo.touch_object("ab/1.mp4", 10))
    await asyncio.sleep(0.3)
    assert not touching.done()
    await store.repo.forget_object("ab/1.mp4")
    await touching
    assert await store.rows("SELECT key, condemned_at FROM objects") == [("ab/1.mp4", None)]


async def test_a_key_whose_deleter_died_is_named_again(store: Any) -> None:
    await store.repo.touch_object("ab/1.mp4", 10)
    await store.later(2 * HOUR)
    assert await store.repo.purge() == ["ab/1.mp4"]
    assert await store.repo.purge() == []
    await store.later(700)
    assert await store.repo.purge() == ["ab/1.mp4"]


async def test_forgetting_a_blob_that_is_in_use_is_refused(store: Any, medium: Callable[..., Any]) -> None:
    await store.landed("u1", "site:1")
    await store.repo.forget_object(medium("site:1").key)
    assert await store.rows("SELECT count(*) FROM objects") == [(1,)]


async def test_purging_pages_through_a_big_day(store: Any) -> None:
    await asyncio.gather(*(store.accept(f"u{n % 3}", f"p{n}") for n in range(2300)))
    for n in range(3):
        await store.landed(f"u{n}", f"site:{n}", "p0")
    await store.later(2 * HOUR)
    await store.repo.purge()
    assert await store.rows("SELECT count(*) FROM jobs") == [(0,)]
    assert await store.rows("SELECT count(*) FROM flights") == [(0,)]
