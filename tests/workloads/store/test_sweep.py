"""Whatever fell to the ground is picked up: dead workers' flights, and a queue that lost its data."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from reelplane_workloads.store.model import FlightKind, Options, Priority


async def test_a_dead_workers_flights_are_queued_again(store: Any) -> None:
    lost, kept = await store.running("u1", worker="dead"), await store.running("u2", worker="alive")
    await store.silence("dead")
    swept = await store.repo.sweep()
    assert [(flight.id, flight.state, flight.attempt) for flight in swept.dispatch] == [
        (lost.id, "queued", 1)
    ]
    assert await store.state(kept.id) == "running"
    assert await store.repo.live_flights_of("dead") == {}


async def test_a_worker_that_was_removed_is_as_good_as_dead(store: Any) -> None:
    flight = await store.running("u1", worker="w1")
    await store.repo.remove_worker("w1")
    await store.sql("UPDATE flights SET claimed_at = claimed_at - 60")
    assert [due.id for due in (await store.repo.sweep()).dispatch] == [flight.id]


async def test_a_flight_that_loses_every_worker_ends_with_its_followers(store: Any) -> None:
    follower = await store.running("u2", worker="safe")
    flight = await store.running("u1", worker="dead")
    await store.repo.enter_identity(flight.id, flight.attempt, "site:1")
    await store.repo.enter_identity(follower.id, follower.attempt, "site:1")
    for _ in range(2):
        await store.silence("dead")
        assert (await store.repo.sweep()).ended == ()
        await store.claimed(flight.id, "dead")
    await store.silence("dead")
    ended = (await store.repo.sweep()).ended
    assert [(f.id, f.state, f.error_code) for f in ended] == [
        (flight.id, "failed", "worker_lost"),
        (follower.id, "failed", "worker_lost"),
    ]


async def test_all_that_is_due_can_be_dispatched_again_most_urgent_first(store: Any) -> None:
    for priority in (Priority.LOW, Priority.HIGH, Priority.NORMAL):
        await store.repo.accept(
            principal="ann",
            kind=FlightKind.DOWNLOAD,
            url="http://example.com/",
            url_key=priority.name,
            options=Options(max_height=480),
            priority=priority,
        )
    swept = await store.repo.sweep()
    assert [flight.url_key for flight in swept.dispatch] == ["HIGH", "NORMAL", "LOW"]
    assert swept.dispatch[0].options == Options(max_height=480)
    assert [flight.url_key for flight in (await store.repo.sweep(limit=1)).dispatch] == ["HIGH"]


async def test_sweeps_from_many_processes_count_a_loss_once(
    store: Any, open_store: Callable[..., Any]
) -> None:
    others = [open_store() for _ in range(3)]
    flights = [await store.running(f"u{n}", worker="dead") for n in range(20)]
    await store.silence("dead")
    await asyncio.gather(*(one.repo.sweep() for one in (store, *others)))
    assert await store.rows("SELECT DISTINCT state, failures FROM flights") == [("queued", 1)]
    assert len((await store.repo.sweep()).dispatch) == len(flights)


async def test_a_silent_worker_is_forgotten_after_a_while(store: Any) -> None:
    await store.heartbeat("w1")
    await store.silence("w1", 30)
    await store.repo.sweep()
    assert [worker.id for worker in await store.repo.workers()] == ["w1"]
    await store.silence("w1", 60)
    await store.repo.sweep()
    assert await store.repo.workers() == []
