"""Cancelling detaches one follower; the work stops with the last one, wherever that one hangs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from reelplane_workloads.store.model import Entry, Options


async def test_only_the_last_of_three_stops_the_work(store: Any) -> None:
    jobs = [(await store.accept("u1", name)).job_id for name in ("ann", "bob", "cat")]
    flight = await store.claimed((await store.accept("u1", "ann")).flight_id)
    assert await store.repo.cancel(jobs[0], "ann") == (True, ())
    assert await store.repo.cancel(jobs[1], "bob") == (True, ())
    assert await store.repo.wanted(flight.id, flight.attempt)
    assert await store.repo.cancel(jobs[2], "cat") == (True, (flight.id,))
    assert not await store.repo.wanted(flight.id, flight.attempt)
    assert await store.state(flight.id) == "cancelled"
    assert (await store.accept("u1", "dan")).created_flight


async def test_fifty_cancelling_at_once_stop_it_exactly_once(
    store: Any, open_store: Callable[..., Any]
) -> None:
    stores = [store, open_store()]
    accepted = [await store.accept("u1", f"p{n}") for n in range(50)]
    outcomes = await asyncio.gather(
        *(stores[n % 2].repo.cancel(answer.job_id, f"p{n}") for n, answer in enumerate(accepted))
    )
    assert all(found for found, _ in outcomes)
    assert [stopped for _, stopped in outcomes if stopped] == [(accepted[0].flight_id,)]


async def test_cancelling_and_joining_at_once_never_leaves_a_job_on_dead_work(
    store: Any, open_store: Callable[..., Any]
) -> None:
    other = open_store()
    for n in range(15):
        first = await store.accept(f"u{n}", "ann")
        _, joined = await asyncio.gather(store.repo.cancel(first.job_id, "ann"), other.accept(f"u{n}", "bob"))
        assert await store.state(joined.flight_id) == "queued"


async def test_cancelling_twice_is_fine(store: Any) -> None:
    answer = await store.accept()
    assert await store.repo.cancel(answer.job_id, "ann") == (True, (answer.flight_id,))
    assert await store.repo.cancel(answer.job_id, "ann") == (True, ())


async def test_nobody_cancels_anothers_job(store: Any) -> None:
    answer = await store.accept("u1", "ann")
    assert await store.repo.cancel(answer.job_id, "bob") == (False, ())
    assert not (await store.repo.job(answer.job_id, "ann")).cancelled


async def test_what_has_ended_stays_what_it_became(store: Any) -> None:
    answer = await store.accept("u1", "ann")
    await store.landed("u1")
    assert await store.repo.cancel(answer.job_id, "ann") == (True, ())
    view = await store.repo.job(answer.job_id, "ann")
    assert (view.cancelled, view.flight.state) == (False, "done")


async def test_a_leader_works_on_for_those_who_follow_it(store: Any) -> None:
    lead_job, follow_job = (await store.accept("u1", "ann")).job_id, (await store.accept("u2", "bob")).job_id
    leader, follower = await store.running("u1", "ann"), await store.running("u2", "bob")
    await store.repo.enter_identity(leader.id, leader.attempt, "site:1")
    await store.repo.enter_identity(follower.id, follower.attempt, "site:1")
    assert await store.repo.cancel(lead_job, "ann") == (True, ())
    assert await store.repo.wanted(leader.id, leader.attempt)
    found, stopped = await store.repo.cancel(follow_job, "bob")
    assert (found, set(stopped)) == (True, {leader.id, follower.id})
    assert await store.rows("SELECT count(*) FROM identities") == [(0,)]


async def test_a_follower_that_nobody_wants_leaves_its_leader_alone(store: Any) -> None:
    follow_job = (await store.accept("u2", "bob")).job_id
    leader, follower = await store.running("u1", "ann"), await store.running("u2", "bob")
    await store.repo.enter_identity(leader.id, leader.attempt, "site:1")
    await store.repo.enter_identity(follower.id, follower.attempt, "site:1")
    assert await store.repo.cancel(follow_job, "bob") == (True, (follower.id,))
    assert await store.repo.wanted(leader.id, leader.attempt)


async def test_a_cancelled_playlist_stops_the_items_nobody_else_wants(store: Any) -> None:
    playlist = await store.running("list", "ann", playlist=True)
    parent = (await store.accept("list", "ann", playlist=True)).job_id
    entries = [Entry(f"http://example.com/{n}", f"item{n}", Options()) for n in range(3)]
    items = await store.repo.expand_playlist(playlist.id, playlist.attempt, "Mix", entries)
    await store.accept("item1", "bob")
    found, stopped = await store.repo.cancel(parent, "ann")
    assert (found, set(stopped)) == (True, {items[0].id, items[2].id})
    view = await store.repo.job(parent, "ann")
    assert view.cancelled
    assert all(item.cancelled for item in view.items)
    assert await store.state(items[1].id) == "queued"


async def test_a_playlist_item_keeps_work_going_that_its_owner_cancelled_elsewhere(store: Any) -> None:
    playlist = await store.running("list", "ann", playlist=True)
    await store.repo.expand_playlist(
        playlist.id, playlist.attempt, "Mix", [Entry("http://e/1", "u1", Options())]
    )
    direct = await store.accept("u1", "ann")
    assert not direct.created_flight
    assert await store.repo.cancel(direct.job_id, "ann") == (True, ())
    assert await store.state(direct.flight_id) == "queued"
