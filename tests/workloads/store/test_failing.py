"""A failed attempt is tried again with growing patience while that can help, then it is final."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from reelplane_workloads.core.errors import Code, Problem


async def test_transient_failures_back_off_and_end_after_the_last_attempt(store: Any) -> None:
    flight = await store.running()
    for wait in (2, 4):
        (changed,) = await store.repo.fail(flight.id, flight.attempt, Problem(Code.ORIGIN_RESET, "cut"))
        assert (changed.state, changed.error_code, changed.error_detail) == ("queued", "origin_reset", "cut")
        ((now,),) = await store.rows("SELECT max(created_at) FROM flights")
        assert changed.not_before - now == pytest.approx(wait, abs=30)
        assert await store.repo.claim(flight.id, "w1") is None
        await store.later(wait)
        flight = await store.claimed(flight.id)
        assert flight.error_code is None
    (changed,) = await store.repo.fail(flight.id, flight.attempt, Problem(Code.ORIGIN_RESET, "cut"))
    assert (changed.state, changed.attempt) == ("failed", 3)
    assert changed.finished_at is not None
    assert (await store.accept("u1", "bob")).created_flight


async def test_a_final_problem_is_not_tried_again(store: Any) -> None:
    flight = await store.running()
    (changed,) = await store.repo.fail(flight.id, flight.attempt, Problem(Code.TOO_LARGE))
    assert (changed.state, changed.error_code) == ("failed", "too_large")


async def test_what_was_handed_back_is_due_at_once(store: Any) -> None:
    flight = await store.running()
    assert await store.repo.hand_back(flight.id, flight.attempt)
    assert [due.id for due in (await store.repo.sweep()).dispatch] == [flight.id]


async def test_info_is_remembered_for_its_time(store: Any) -> None:
    flight = await store.running("info:u1", info=True)
    assert await store.repo.complete_info(flight.id, flight.attempt, {"title": "Ünï", "formats": [1, 2]})
    assert await store.repo.recent_info("info:u1") == {"title": "Ünï", "formats": [1, 2]}
    assert await store.repo.recent_info("info:u2") is None
    await store.later(3700)
    assert await store.repo.recent_info("info:u1") is None


@pytest.mark.parametrize("text", ["nul \0 inside", "lone \ud83d surrogate"])
async def test_strangers_text_is_stored_whatever_it_holds(store: Any, text: str, medium: Any) -> None:
    flight = await store.running("u1")
    assert await store.repo.fail(flight.id, flight.attempt, Problem(Code.EXTRACTOR_ERROR, text))
    info = await store.running("info", info=True)
    assert await store.repo.complete_info(info.id, info.attempt, {"title": text})
    other = await store.running("u2")
    assert await store.repo.complete(other.id, other.attempt, dataclasses.replace(medium(), title=text))
    assert "\0" not in (await store.repo.known("u2")).title
