"""At most one active flight per URL, whatever number of requests and processes ask for it at once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest


async def test_five_hundred_requests_from_two_processes_create_one_flight(
    database_url: str, store: Any, start_process: Callable[..., Any]
) -> None:
    processes = [start_process("stampede", [database_url, name, "250", "1"]) for name in ("one", "two")]
    outcomes = await asyncio.to_thread(_race, processes)
    assert sum(outcome["created"] for outcome in outcomes) == 1
    assert outcomes[0]["flights"] == outcomes[1]["flights"]
    assert await store.rows("SELECT count(*) FROM flights") == [(1,)]
    assert await store.rows("SELECT count(*) FROM jobs") == [(500,)]


async def test_many_urls_from_three_processes_create_one_flight_each(
    database_url: str, store: Any, start_process: Callable[..., Any]
) -> None:
    processes = [
        start_process("stampede", [database_url, name, "400", "40"]) for name in ("one", "two", "three")
    ]
    outcomes = await asyncio.to_thread(_race, processes)
    assert sum(outcome["created"] for outcome in outcomes) == 40
    assert outcomes[0]["flights"] == outcomes[1]["flights"] == outcomes[2]["flights"]
    assert await store.rows("SELECT count(*) FROM jobs") == [(1200,)]


def _race(processes: list[Any]) -> list[dict[str, Any]]:
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    return [json.loads(process.communicate(timeout=60)[0]) for process in processes]


async def test_one_of_a_batch_creates_and_pays(store: Any) -> None:
    answers = await asyncio.gather(*(store.accept("u1", f"p{n}") for n in range(50)))
    assert sum(answer.created_flight for answer in answers) == 1
    assert len({answer.flight_id for answer in answers}) == 1
    assert len({answer.job_id for answer in answers}) == 50


async def test_asking_twice_is_one_job(store: Any) -> None:
    first = await store.accept()
    asked_at = (await store.repo.job(first.job_id, "ann")).created_at
    second = await store.accept()
    assert (await store.repo.job(first.job_id, "ann")).created_at == asked_at
    assert first.job_id == second.job_id
    assert (first.created_flight, second.created_flight) == (True, False)


async def test_asking_again_after_cancelling_revives_the_job(store: Any) -> None:
    await store.accept("u1", "bob")
    first = await store.accept("u1", "ann")
    await store.repo.cancel(first.job_id, "ann")
    again = await store.accept("u1", "ann")
    assert again.job_id == first.job_id
    assert not (await store.repo.job(first.job_id, "ann")).cancelled


async def test_a_known_medium_needs_no_job(store: Any) -> None:
    await store.landed("u1", "site:1")
    answer = await store.accept("u1", "bob")
    assert answer.medium.identity == "site:1"
    assert (answer.job_id, answer.flight_id, answer.created_flight) == (None, None, False)
    assert await store.repo.known("u1") == answer.medium
    assert await store.repo.known("u2") is None


async def test_an_expired_medium_is_brought_in_again(store: Any) -> None:
    await store.landed("u1", "site:1")
    await store.later(31 * 86400)
    assert await store.repo.known("u1") is None
    assert (await store.accept("u1", "bob")).created_flight


async def test_a_request_moves_the_expiry_on_at_most_once_an_hour(store: Any) -> None:
    await store.landed("u1", "site:1")
    before = (await store.repo.known("u1")).expires_at
    await store.later(1800)
    assert (await store.accept("u1", "bob")).medium.expires_at == pytest.approx(before - 1800, abs=0.01)
    await store.later(2400)
    extended = (await store.accept("u1", "bob")).medium.expires_at
    assert extended == pytest.approx(before, abs=60)
    assert await store.rows("SELECT identity FROM urls WHERE expires_at < :t", t=extended - 1) == []


async def test_a_finished_flight_is_not_joined(store: Any) -> None:
    flight = await store.running("u1", playlist=True)
    assert await store.repo.expand_playlist(flight.id, flight.attempt, "Mix", []) == []
    answer = await store.accept("u1", "bob", playlist=True)
    assert answer.created_flight
    assert answer.flight_id != flight.id


async def test_an_info_that_came_meanwhile_needs_no_job(store: Any) -> None:
    """Whoever saw the flight a moment ago and joins it when it has ended would have all extracted again."""
    first = await store.accept("u1", "ann", info=True)
    flight = await store.claimed(first.flight_id)
    joining = await store.accept("u1", "bob", info=True)
    assert (joining.flight_id, joining.info) == (flight.id, None)
    assert await store.repo.complete_info(flight.id, flight.attempt, {"title": "T"})
    known, new = await asyncio.gather(*(store.accept(key, "cem", info=True) for key in ("u1", "u2")))
    assert (known.info, known.job_id, known.created_flight) == ({"title": "T"}, None, False)
    assert (new.info, new.created_flight) == (None, True)
    await store.later(3601)
    assert (await store.accept("u1", "dan", info=True)).created_flight
