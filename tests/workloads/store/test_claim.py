"""A flight runs under one worker at a time, and every claim raises the fence."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from reelplane_workloads.core.errors import Code, Problem


async def test_one_of_many_rivals_gets_each_flight(store: Any, open_store: Callable[..., Any]) -> None:
    stores = [store, open_store(), open_store()]
    for flight in range(20):
        flight_id = (await store.accept(f"u{flight}")).flight_id
        rivals = (stores[n % 3].repo.claim(flight_id, f"w{n}") for n in range(12))
        claims = [claim for claim in await asyncio.gather(*rivals) if claim is not None]
        assert [claim.flight.attempt for claim in claims] == [1]
        assert await store.repo.live_flights_of(claims[0].flight.worker) == {
            claim.flight.id: 1 for claim in claims
        }
        await store.repo.hand_back(flight_id, 1)


async def test_a_flight_that_backs_off_is_not_handed_out_before_its_time(store: Any) -> None:
    flight = await store.running()
    await store.repo.fail(flight.id, flight.attempt, Problem(Code.ORIGIN_RESET))
    assert await store.repo.claim(flight.id, "w1") is None
    await store.later(3)
    assert (await store.repo.claim(flight.id, "w1")).flight.attempt == 2


async def test_a_live_workers_flight_is_not_handed_out(store: Any) -> None:
    flight = await store.running(worker="w1")
    await store.sql("UPDATE flights SET claimed_at = claimed_at - 60")
    assert await store.repo.claim(flight.id, "w2") is None


async def test_a_claim_is_a_sign_of_life_even_before_the_first_heartbeat(store: Any) -> None:
    flight_id = (await store.accept()).flight_id
    assert await store.repo.claim(flight_id, "w1") is not None
    assert await store.repo.claim(flight_id, "w2") is None
    assert (await store.repo.sweep()).dispatch == ()


async def test_a_dead_workers_flight_is_handed_out_with_a_higher_fence(store: Any) -> None:
    flight = await store.running(worker="w1")
    await store.silence("w1")
    taken = (await store.repo.claim(flight.id, "w2")).flight
    assert (taken.attempt, taken.worker) == (2, "w2")


async def test_a_flight_that_kills_its_workers_fails_in_the_end(store: Any) -> None:
    flight = await store.running(worker="w1")
    for attempt in (2, 3):
        await store.silence("w1")
        assert (await store.repo.claim(flight.id, "w1")).flight.attempt == attempt
    await store.silence("w1")
    assert await store.repo.claim(flight.id, "w1") is None
    assert await store.rows("SELECT state, error_code FROM flights") == [("failed", "worker_lost")]


async def test_ended_and_unknown_flights_are_not_handed_out(store: Any) -> None:
    flight = await store.landed()
    assert await store.repo.claim(flight.id, "w1") is None
    assert await store.repo.claim("nothing", "w1") is None


async def test_a_claimed_flight_is_in_the_backlog_as_running(store: Any) -> None:
    await store.running("u1")
    await store.accept("u2")
    delayed = await store.running("u3")
    await store.repo.fail(delayed.id, delayed.attempt, Problem(Code.ORIGIN_RESET))
    backlog = await store.repo.backlog()
    assert (backlog.waiting, backlog.running, backlog.delayed, backlog.total) == (1, 1, 1, 2)
