"""Several URLs of one video: one flight brings it in, the others end as it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from reelplane_workloads.core.errors import Code, Problem

Make = Callable[..., Any]


async def test_of_twenty_flights_for_one_video_one_leads_and_all_finish(
    store: Any, open_store: Make, medium: Make
) -> None:
    stores = [store, open_store()]
    flights = [await store.running(f"u{n}", f"p{n}") for n in range(20)]
    entrances = await asyncio.gather(
        *(stores[n % 2].repo.enter_identity(f.id, f.attempt, "site:1") for n, f in enumerate(flights))
    )
    assert sorted(entrances) == ["follow"] * 19 + ["lead"]
    leader = flights[entrances.index("lead")]
    done = await store.repo.complete(leader.id, leader.attempt, medium("site:1"))
    assert done[0] == leader.id
    assert sorted(done) == sorted(flight.id for flight in flights)
    for n in range(20):
        assert (await store.repo.known(f"u{n}")).identity == "site:1"
    assert await store.rows("SELECT count(*) FROM identities") == [(0,)]


async def test_entering_twice_is_leading_still(store: Any) -> None:
    flight = await store.running()
    assert await store.repo.enter_identity(flight.id, flight.attempt, "site:1") == "lead"
    assert await store.repo.enter_identity(flight.id, flight.attempt, "site:1") == "lead"


async def test_a_known_video_ends_the_flight_at_once(store: Any) -> None:
    await store.landed("u1", "site:1")
    flight = await store.running("u2")
    assert await store.repo.enter_identity(flight.id, flight.attempt, "site:1") == "known"
    assert await store.state(flight.id) == "done"
    assert (await store.repo.known("u2")).identity == "site:1"


async def test_a_leader_that_backs_off_still_leads(store: Any, medium: Make) -> None:
    leader = await store.running("u1")
    await store.repo.enter_identity(leader.id, leader.attempt, "site:1")
    await store.repo.fail(leader.id, leader.attempt, Problem(Code.ORIGIN_RESET))
    follower = await store.running("u2")
    assert await store.repo.enter_identity(follower.id, follower.attempt, "site:1") == "follow"
    await store.later(3)
    leader = await store.claimed(leader.id)
    assert await store.repo.enter_identity(leader.id, leader.attempt, "site:1") == "lead"
    assert set(await store.repo.complete(leader.id, leader.attempt, medium("site:1"))) == {
        leader.id,
        follower.id,
    }


async def test_a_dead_leaders_followers_end_with_its_successor(store: Any, medium: Make) -> None:
    leader = await store.running("u1", worker="w1")
    follower = await store.running("u2", worker="w2")
    await store.repo.enter_identity(leader.id, leader.attempt, "site:1")
    await store.repo.enter_identity(follower.id, follower.attempt, "site:1")
    await store.silence("w1")
    await store.heartbeat("w2")
    swept = await store.repo.sweep()
    assert [flight.id for flight in swept.dispatch] == [leader.id]
    successor = await store.claimed(leader.id, "w2")
    assert successor.attempt == leader.attempt + 1
    assert await store.repo.complete(leader.id, leader.attempt, medium("site:1")) is None
    assert await store.repo.enter_identity(leader.id, successor.attempt, "site:1") == "lead"
    done = await store.repo.complete(leader.id, successor.attempt, medium("site:1"))
    assert set(done) == {leader.id, follower.id}


async def test_a_flight_whose_leader_was_cancelled_takes_over(store: Any) -> None:
    leader = await store.running("u1", "ann")
    await store.repo.enter_identity(leader.id, leader.attempt, "site:1")
    job = (await store.accept("u1", "ann")).job_id
    assert await store.repo.cancel(job, "ann") == (True, (leader.id,))
    follower = await store.running("u2", "bob")
    assert await store.repo.enter_identity(follower.id, follower.attempt, "site:1") == "lead"


async def test_followers_fail_with_their_leader(store: Any) -> None:
    leader, follower = await store.running("u1"), await store.running("u2", "bob")
    await store.repo.enter_identity(leader.id, leader.attempt, "site:1")
    await store.repo.enter_identity(follower.id, follower.attempt, "site:1")
    changed = await store.repo.fail(leader.id, leader.attempt, Problem(Code.DRM_PROTECTED, "sealed"))
    assert [(f.id, f.state, f.error_code, f.error_detail) for f in changed] == [
        (leader.id, "failed", "drm_protected", "sealed"),
        (follower.id, "failed", "drm_protected", "sealed"),
    ]
    retry = await store.running("u3")
    assert await store.repo.enter_identity(retry.id, retry.attempt, "site:1") == "lead"


async def test_a_retry_that_sees_another_video_lets_its_followers_go(store: Any, medium: Make) -> None:
    leader, follower = await store.running("u1"), await store.running("u2")
    await store.repo.enter_identity(leader.id, leader.attempt, "site:1")
    await store.repo.enter_identity(follower.id, follower.attempt, "site:1")
    assert await store.repo.enter_identity(leader.id, leader.attempt, "site:2") == "lead"
    assert await store.state(follower.id) == "queued"
    assert await store.repo.complete(leader.id, leader.attempt, medium("site:2")) == (leader.id,)
    assert await store.repo.known("u2") is None
    follower = await store.claimed(follower.id)
    assert await store.repo.enter_identity(follower.id, follower.attempt, "site:1") == "lead"


async def test_nobody_follows_a_follower(store: Any) -> None:
    first, second, third = [await store.running(f"u{n}") for n in range(3)]
    assert await store.repo.enter_identity(first.id, first.attempt, "site:1") == "lead"
    assert await store.repo.enter_identity(second.id, second.attempt, "site:2") == "lead"
    assert await store.repo.enter_identity(third.id, third.attempt, "site:2") == "follow"
    # The second turns out to be the first's video; the third must not hang behind a follower.
    assert await store.repo.enter_identity(second.id, second.attempt, "site:1") == "follow"
    assert await store.rows("SELECT state, leader FROM flights WHERE id = :id", id=third.id) == [
        ("queued", None)
    ]


async def test_followers_are_swept_up_when_their_leader_is_gone(store: Any) -> None:
    leader, follower = await store.running("u1"), await store.running("u2")
    await store.repo.enter_identity(leader.id, leader.attempt, "site:1")
    await store.repo.enter_identity(follower.id, follower.attempt, "site:1")
    await store.sql("DELETE FROM identities")
    await store.sql("UPDATE flights SET leader = 'vanished' WHERE leader IS NOT NULL")
    swept = await store.repo.sweep()
    assert [flight.id for flight in swept.dispatch] == [follower.id]


async def test_entering_and_completing_at_once_never_strands_a_follower(
    store: Any, open_store: Make, medium: Make
) -> None:
    other = open_store()
    for n in range(15):
        identity = f"site:{n}"
        leader, late = await store.running(f"a{n}"), await store.running(f"b{n}")
        await store.repo.enter_identity(leader.id, leader.attempt, identity)
        await asyncio.gather(
            store.repo.complete(leader.id, leader.attempt, medium(identity)),
            other.repo.enter_identity(late.id, late.attempt, identity),
        )
        assert await store.state(late.id) == "done"
        assert (await store.repo.known(f"b{n}")).identity == identity
