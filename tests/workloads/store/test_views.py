"""A job is seen by its owner only, with the state of whoever brings its video in."""

from __future__ import annotations

from typing import Any


async def test_a_job_is_its_principals_alone(store: Any) -> None:
    answer = await store.accept("u1", "ann")
    assert (await store.repo.job(answer.job_id, "ann")).principal == "ann"
    assert await store.repo.job(answer.job_id, "bob") is None
    assert await store.repo.list_jobs("bob") == []


async def test_a_follower_is_shown_its_leaders_progress(store: Any) -> None:
    job = (await store.accept("u2", "bob")).job_id
    leader, follower = await store.running("u1"), await store.running("u2", "bob")
    await store.repo.enter_identity(leader.id, leader.attempt, "site:1")
    await store.repo.enter_identity(follower.id, follower.attempt, "site:1")
    view = await store.repo.job(job, "bob")
    assert (view.flight.id, view.flight.state, view.url) == (leader.id, "running", "http://example.com/u2")


async def test_a_done_job_shows_its_medium_until_that_expires(store: Any, medium: Any) -> None:
    job = (await store.accept("u1", "ann")).job_id
    assert (await store.repo.job(job, "ann")).medium is None
    await store.landed("u1", "site:1")
    view = await store.repo.job(job, "ann")
    assert (view.medium.key, view.medium.size, view.medium.duration) == (medium().key, 3_000_000_000, 12.5)
    await store.sql("UPDATE media SET expires_at = 0")
    assert (await store.repo.job(job, "ann")).medium is None


async def test_downloads_are_listed_newest_first_without_items_or_info(store: Any) -> None:
    await store.accept("old")
    await store.later(10)
    await store.accept("new")
    await store.accept("info", info=True)
    await store.accept("other", "bob")
    listed = await store.repo.list_jobs("ann")
    assert [view.flight.url_key for view in listed] == ["new", "old"]
    assert [view.flight.url_key for view in await store.repo.list_jobs("ann", limit=1)] == ["new"]


async def test_workers_are_listed_with_their_silence(store: Any) -> None:
    await store.heartbeat("w1")
    await store.heartbeat("w2")
    await store.sql("UPDATE workers SET seen_at = seen_at - 7 WHERE id = 'w2'")
    first, second = await store.repo.workers()
    assert (first.id, second.id, first.capacity, first.draining) == ("w1", "w2", 2, False)
    assert first.seen_ago < 7 <= second.seen_ago
    await store.repo.remove_worker("w1")
    assert [worker.id for worker in await store.repo.workers()] == ["w2"]
