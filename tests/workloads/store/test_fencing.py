"""What a worker does after its flight was given to another has no effect at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from reelplane_workloads.core.errors import Code, Problem
from reelplane_workloads.store.model import Entry, Options

TABLES = ("flights", "identities", "media", "urls", "objects", "jobs")


async def _everything(store: Any) -> list[Any]:
    return [await store.rows(f"SELECT * FROM {table}") for table in TABLES]


@pytest.fixture
async def taken(store: Any) -> Any:
    """A flight that one worker still believes to hold, claimed by another meanwhile."""
    flight = await store.running(worker="slow")
    await store.silence("slow")
    await store.claimed(flight.id, "quick")
    return flight


async def test_a_fenced_worker_writes_nothing(store: Any, taken: Any, medium: Callable[..., Any]) -> None:
    before = await _everything(store)
    repo, flight, fence = store.repo, taken.id, taken.attempt
    assert await repo.enter_identity(flight, fence, "site:1") == "fenced"
    assert await repo.complete(flight, fence, medium("site:1")) is None
    assert await repo.complete_info(flight, fence, {"title": "x"}) is False
    assert await repo.expand_playlist(flight, fence, "Mix", [Entry("http://x/", "k", Options())]) is None
    assert await repo.fail(flight, fence, Problem(Code.ORIGIN_RESET)) is None
    assert await repo.hand_back(flight, fence) is False
    assert await repo.wanted(flight, fence) is False
    assert await _everything(store) == before


async def test_the_holder_is_not_hindered(store: Any, taken: Any, medium: Callable[..., Any]) -> None:
    assert await store.repo.wanted(taken.id, taken.attempt + 1)
    assert await store.repo.complete(taken.id, taken.attempt + 1, medium("site:1")) == (taken.id,)


async def test_completing_twice_has_one_effect(store: Any, medium: Callable[..., Any]) -> None:
    flight = await store.running()
    assert await store.repo.complete(flight.id, flight.attempt, medium("site:1")) == (flight.id,)
    assert await store.repo.complete(flight.id, flight.attempt, medium("site:1")) is None


async def test_another_video_than_the_one_entered_is_refused(store: Any, medium: Callable[..., Any]) -> None:
    flight = await store.running()
    await store.repo.enter_identity(flight.id, flight.attempt, "site:1")
    with pytest.raises(ValueError, match="site:2"):
        await store.repo.complete(flight.id, flight.attempt, medium("site:2"))
    assert await store.repo.wanted(flight.id, flight.attempt)


async def test_the_fence_rises_with_a_hand_back_that_counts_as_no_failure(store: Any) -> None:
    flight = await store.running()
    for expected in range(2, 8):
        assert await store.repo.hand_back(flight.id, flight.attempt)
        flight = await store.claimed(flight.id)
        assert flight.attempt == expected
    changed = await store.repo.fail(flight.id, flight.attempt, Problem(Code.ORIGIN_RESET))
    assert changed[0].state == "queued"
