"""What workers do in one commit is decided as if each had come by itself, whatever the others of the batch want."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import Connection

from reelplane_workloads.core.errors import Code, Problem

Make = Callable[..., Any]


@asynccontextmanager
async def _held_up(store: Any) -> AsyncIterator[None]:
    """Keeps every writer of the store busy, so that what is submitted meanwhile becomes one batch."""
    writers = 1 if store.url.startswith("sqlite") else 4
    busy, release = threading.Semaphore(0), threading.Event()

    def wait(_connection: Connection) -> None:
        busy.release()
        release.wait(10)

    blockers = [asyncio.create_task(store.db.write(wait)) for _ in range(writers)]
    for _ in blockers:
        await asyncio.to_thread(busy.acquire, timeout=10)
    try:
        yield
    finally:
        release.set()
        await asyncio.gather(*blockers)


async def _together(store: Any, *calls: Coroutine[Any, Any, Any]) -> list[Any]:
    """Results or exceptions of calls that share a batch."""
    async with _held_up(store):
        tasks = [asyncio.create_task(call) for call in calls]
        await asyncio.sleep(0.01)
    return await asyncio.gather(*tasks, return_exceptions=True)


async def test_claims_of_one_batch(store: Any) -> None:
    first, second = [(await store.accept(f"u{n}")).flight_id for n in range(2)]
    delayed, running, lost = [await store.running(f"v{n}", worker=f"old{n}") for n in range(3)]
    await store.repo.fail(delayed.id, delayed.attempt, Problem(Code.ORIGIN_RESET))
    await store.silence("old2")
    ids = [first, first, delayed.id, running.id, "nothing", lost.id, second, first]
    claims = await _together(store, *(store.repo.claim(id_, f"w{n % 2}") for n, id_ in enumerate(ids)))
    taken = Counter(claim.flight.id for claim in claims if claim is not None)
    assert taken == {first: 1, second: 1, lost.id: 1}
    for n, claim in enumerate(claims):
        if claim is not None:
            attempt = 2 if ids[n] == lost.id else 1
            assert (claim.flight.worker, claim.flight.attempt) == (f"w{n % 2}", attempt)
            assert await store.repo.wanted(ids[n], attempt)


async def test_entrances_of_one_batch(store: Any) -> None:
    await store.landed("old", "site:known")
    flights = [await store.running(f"u{n}") for n in range(8)]
    await store.repo.enter_identity(flights[5].id, flights[5].attempt, "site:led")
    wanted = ["site:1", "site:1", "site:2", "site:known", "site:3", "site:led", "site:led", "site:9"]
    fences = [flight.attempt for flight in flights]
    fences[7] += 1
    entrances = await _together(
        store, *(store.repo.enter_identity(f.id, fences[n], wanted[n]) for n, f in enumerate(flights))
    )
    assert sorted(entrances[:2]) == ["follow", "lead"]
    assert entrances[2:] == ["lead", "known", "lead", "lead", "follow", "fenced"]
    assert sorted(await store.rows("SELECT identity FROM identities")) == [
        ("site:1",),
        ("site:2",),
        ("site:3",),
        ("site:led",),
    ]
    assert await store.rows("SELECT identity FROM flights WHERE id = :id", id=flights[7].id) == [(None,)]


async def test_publications_of_one_batch(store: Any, medium: Make) -> None:
    flights = [await store.running(f"u{n}") for n in range(8)]
    for n, flight in enumerate(flights[:6]):
        await store.repo.enter_identity(flight.id, flight.attempt, f"site:{n}")
    await store.repo.enter_identity(flights[6].id, flights[6].attempt, "site:1")
    media = {n: medium(f"site:{n}") for n in range(8)}
    media[3] = medium("site:other")
    media[5] = medium("site:5", key=media[0].key)
    await store.repo.touch_object(media[4].key, 1)
    await store.later(8000)
    await store.repo.purge()
    fences = [flight.attempt for flight in flights]
    fences[2] -= 1
    order = [0, 0, 1, 2, 3, 4, 5, 7]
    calls = (store.repo.complete(flights[n].id, fences[n], media[n]) for n in order)
    once, twice, followed, fenced, other, condemned, same_bytes, not_entered = await _together(store, *calls)
    assert sorted([once, twice], key=str) == [(flights[0].id,), None]
    assert followed == (flights[1].id, flights[6].id)
    assert fenced is None
    assert isinstance(other, ValueError)
    assert isinstance(condemned, Problem)
    assert condemned.code is Code.UNAVAILABLE
    assert same_bytes == (flights[5].id,)
    assert not_entered == (flights[7].id,)
    for n in (0, 1, 5, 7):
        assert (await store.repo.known(f"u{n}")).identity == f"site:{n}"
    assert (await store.repo.known("u6")).identity == "site:1"
    for n in (2, 3, 4):
        assert await store.repo.known(f"u{n}") is None
        assert await store.state(flights[n].id) == "running"
    leases = await store.rows("SELECT identity FROM identities ORDER BY identity")
    assert leases == [("site:2",), ("site:3",), ("site:4",)]


async def test_touches_of_one_batch(store: Any) -> None:
    await _together(store, *(store.repo.touch_object(key, 7) for key in ("b", "a", "b", "c")))
    assert await store.rows("SELECT key, size FROM objects ORDER BY key") == [("a", 7), ("b", 7), ("c", 7)]


@pytest.mark.parametrize("identities", [5, 40])
async def test_batches_of_several_processes_meet(
    store: Any, open_store: Make, medium: Make, identities: int
) -> None:
    stores = [store, open_store(), open_store()]
    accepted = await asyncio.gather(*(store.accept(f"u{n}", f"p{n}") for n in range(60)))

    async def work(rival: int, flight_id: str, identity: str) -> None:
        repo = stores[rival].repo
        claim = await repo.claim(flight_id, f"w{rival}")
        if claim is None:
            return
        fence = claim.flight.attempt
        if await repo.enter_identity(flight_id, fence, identity) == "lead":
            await repo.touch_object(medium(identity).key, 1)
            assert await repo.complete(flight_id, fence, medium(identity)) is not None

    await asyncio.gather(
        *(
            work((n + turn) % 3, answer.flight_id, f"site:{n * 7 % identities}")
            for turn in range(3)
            for n, answer in enumerate(accepted)
        )
    )
    assert await store.rows("SELECT state, attempt, count(*) FROM flights GROUP BY state, attempt") == [
        ("done", 1, 60)
    ]
    assert await store.rows("SELECT count(*) FROM identities") == [(0,)]
    for n in range(60):
        assert (await store.repo.known(f"u{n}")).identity == f"site:{n * 7 % identities}"
