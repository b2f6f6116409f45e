"""One leader at any time, on a real API server; times are short, the rules are the same."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reelplane_operator.cluster.client import Cluster
from reelplane_operator.cluster.lease import Elector
from reelplane_operator.cluster.resources import LEASES
from reelplane_operator.cluster.transport import Request
from tests.testbed.given import Cluster as AnyCluster

pytestmark = pytest.mark.cluster

LEASE, RENEW, RETRY = 4.0, 2.5, 0.3

Candidate = Callable[..., Any]


@pytest.fixture
async def candidate(api_cluster: AnyCluster, namespace: str) -> AsyncIterator[Candidate]:
    """Makes an elector with a connection of its own, as another process has."""
    async with AsyncExitStack() as stack:

        async def make(identity: str, **options: Any) -> tuple[Elector, Cluster]:
            cluster = await stack.enter_async_context(await Cluster.connect(api_cluster.kubeconfig))
            elector = Elector(
                cluster, namespace, "operator", identity, lease=LEASE, renew=RENEW, retry=RETRY, **options
            )
            stack.push_async_callback(elector.release)
            return elector, cluster

        yield make


async def test_of_two_that_start_together_one_leads(candidate: Candidate) -> None:
    one, _ = await candidate("one")
    two, _ = await candidate("two")
    tasks = {asyncio.create_task(each.acquire()): each for each in (one, two)}
    done, waiting = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    # Longer than the lease: it is renewed, or the other would have it.
    more, _ = await asyncio.wait(waiting, timeout=LEASE + 2) if waiting else (set(), set())

    assert len(done) == 1
    assert not more
    leader = tasks[done.pop()]
    assert not leader.lost.is_set()
    for each in waiting:
        each.cancel()
        with suppress(asyncio.CancelledError):
            await each


async def test_a_leader_that_cannot_renew_stops_before_another_starts(candidate: Candidate) -> None:
    # A clock that is ahead must not keep the lease for a day.
    one, connection = await candidate("one", now=lambda: datetime.now(UTC) + timedelta(days=1))
    two, _ = await candidate("two")
    await one.acquire()
    waiting = asyncio.create_task(two.acquire())
    await asyncio.sleep(4 * RETRY)
    assert not waiting.done()

    cut = time.monotonic()
    await connection.close()
    await one.lost.wait()
    stopped = time.monotonic()
    assert not waiting.done()
    await waiting
    started = time.monotonic()

    assert stopped < started
    assert stopped - cut <= RENEW + RETRY + 2
    assert two.holder == "two"
    assert not two.lost.is_set()


async def test_a_released_lease_is_taken_at_once(
    candidate: Candidate, cluster: Cluster, namespace: str
) -> None:
    zero, _ = await candidate("zero")
    one, _ = await candidate("one")
    two, _ = await candidate("two")
    await zero.acquire()
    await zero.release()
    released = await cluster.get(LEASES, namespace, "operator")
    assert released is not None
    assert "holderIdentity" not in released["spec"]

    await one.acquire()
    waiting = asyncio.create_task(two.acquire())
    await asyncio.sleep(2 * RETRY)

    await one.release()
    await asyncio.wait_for(waiting, LEASE - 1)

    assert one.lost.is_set()
    assert two.holder == "two"


async def test_a_leader_whose_clock_is_behind_keeps_the_lease(candidate: Candidate) -> None:
    one, _ = await candidate("one", now=lambda: datetime.now(UTC) - timedelta(days=1))
    two, _ = await candidate("two")
    await one.acquire()
    waiting = asyncio.create_task(two.acquire())

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(waiting), LEASE + 1)
    await one.release()
    await asyncio.wait_for(waiting, LEASE - 1)


async def test_a_leader_whose_lease_somebody_took_stops_at_once(
    candidate: Candidate, cluster: Cluster, namespace: str
) -> None:
    one, _ = await candidate("one")
    await one.acquire()
    await cluster.merge_patch(LEASES, namespace, "operator", {"spec": {"holderIdentity": "a person"}})

    await asyncio.wait_for(one.lost.wait(), RENEW)

    assert one.holder == "a person"


async def test_another_writer_of_the_object_does_not_cost_the_lease(
    candidate: Candidate, cluster: Cluster, namespace: str
) -> None:
    one, _ = await candidate("one")
    await one.acquire()
    for number in range(4):
        note = {"metadata": {"annotations": {"note": str(number)}}}
        await cluster.merge_patch(LEASES, namespace, "operator", note)
        await asyncio.sleep(RETRY)

    assert not one.lost.is_set()


async def test_a_lease_that_somebody_deleted_is_made_again(
    candidate: Candidate, cluster: Cluster, namespace: str
) -> None:
    one, _ = await candidate("one")
    await one.acquire()
    await cluster.delete(LEASES, namespace, "operator")
    # Past the time after which a leader that could not renew would have given up.
    await asyncio.sleep(RENEW + 4 * RETRY)

    found = await cluster.get(LEASES, namespace, "operator")
    assert found is not None
    assert found["spec"]["holderIdentity"] == "one"
    assert not one.lost.is_set()


async def test_a_restarted_process_of_the_same_name_goes_on(candidate: Candidate) -> None:
    one, connection = await candidate("pod-0")
    await one.acquire()
    await connection.close()
    again, _ = await candidate("pod-0")

    await asyncio.wait_for(again.acquire(), LEASE - 1)


async def test_its_writes_can_be_told_from_all_others(api_cluster: AnyCluster, namespace: str) -> None:
    """So that an operator with nothing to do can be shown to write nothing else."""
    seen: list[Request] = []
    async with await Cluster.connect(api_cluster.kubeconfig, on_request=seen.append) as cluster:
        elector = Elector(cluster, namespace, "operator", "one", lease=LEASE, renew=RENEW, retry=RETRY)
        await elector.acquire()
        await asyncio.sleep(3 * RETRY)
        await elector.release()

    assert {each.kind for each in seen} == {"Lease"}
    assert any(each.write for each in seen)


async def test_times_that_would_allow_two_leaders_are_refused(cluster: Cluster) -> None:
    with pytest.raises(ValueError, match="retry < renew < lease"):
        Elector(cluster, "n", "operator", "one", lease=10, renew=15)
