"""Events as a real API server stores them; telling never fails or delays who tells."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from reelplane_operator.cluster.client import Cluster
from reelplane_operator.cluster.recorder import Recorder
from reelplane_operator.cluster.resources import EVENTS
from tests.operator.cluster.conftest import Misbehaving, config_map
from tests.testbed.given import Cluster as AnyCluster


class Clock:
    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def recorder(cluster: Cluster, clock: Clock) -> AsyncIterator[Recorder]:
    recorder = Recorder(cluster, "operator-0", window=60, clock=clock)
    yield recorder
    await recorder.close()


@pytest.fixture
async def regarding(cluster: Cluster, namespace: str) -> dict[str, Any]:
    return await cluster.apply(config_map(namespace))


def say(recorder: Recorder, regarding: dict[str, Any], note: str = "It was done.") -> None:
    recorder.event(regarding, reason="Done", note=note, action="Reconcile")


async def events(cluster: Cluster, namespace: str) -> list[dict[str, Any]]:
    found = await cluster.list(EVENTS, namespace)
    return [each for each in found if each.get("reportingController") == "reelplane.io/operator"]


@pytest.mark.cluster
async def test_a_person_reads_it_under_the_object(
    api_cluster: AnyCluster,
    cluster: Cluster,
    namespace: str,
    recorder: Recorder,
    regarding: dict[str, Any],
) -> None:
    recorder.event(
        regarding, reason="Overridden", note="mallory changed data.a", action="Apply", type="Warning"
    )
    await recorder.flush()

    [found] = await events(cluster, namespace)
    assert found["regarding"]["uid"] == regarding["metadata"]["uid"]
    described = api_cluster.kubectl("-n", namespace, "describe", "configmap", "settings").stdout
    assert "Warning" in described
    assert "mallory changed data.a" in described


@pytest.mark.cluster
async def test_what_is_repeated_becomes_a_series_and_then_costs_no_write_until_the_window_is_over(
    cluster: Cluster, namespace: str, recorder: Recorder, regarding: dict[str, Any], clock: Clock
) -> None:
    async def repeat(times: int) -> list[dict[str, Any]]:
        for _ in range(times):
            say(recorder, regarding)
        await recorder.flush()
        return await events(cluster, namespace)

    [once] = await repeat(1)
    assert "series" not in once
    [twice] = await repeat(1)
    assert twice["series"]["count"] == 2
    [often] = await repeat(20)
    assert often["metadata"]["resourceVersion"] == twice["metadata"]["resourceVersion"]
    clock.time = 59
    await repeat(1)
    clock.time = 61
    [later] = await repeat(1)
    assert later["series"]["count"] == 24
    clock.time = 200
    assert len(await repeat(1)) == 2, "after a pause it is news again"


@pytest.mark.cluster
async def test_an_object_that_says_something_else_each_time_is_cut_short(
    cluster: Cluster, namespace: str, recorder: Recorder, regarding: dict[str, Any]
) -> None:
    for number in range(50):
        say(recorder, regarding, f"attempt {number} failed")
    await recorder.flush()

    assert len(await events(cluster, namespace)) == 20


@pytest.mark.cluster
async def test_a_long_note_is_cut_to_what_the_api_takes(
    cluster: Cluster, namespace: str, recorder: Recorder, regarding: dict[str, Any]
) -> None:
    say(recorder, regarding, "ä" * 2000)
    await recorder.flush()

    [found] = await events(cluster, namespace)
    assert found["note"].endswith("ä…")
    assert len(found["note"].encode()) <= 1024


async def test_a_server_that_refuses_or_is_silent_never_reaches_the_caller(misbehaving: Misbehaving) -> None:
    misbehaving.answers = [misbehaving.bad(403), misbehaving.silence]
    obj = config_map("mine") | {"metadata": {"name": "a", "namespace": "mine", "uid": "u"}}
    async with await Cluster.connect(misbehaving.kubeconfig) as cluster:
        recorder = Recorder(cluster, "operator-0")
        say(recorder, obj, "refused")
        await recorder.flush()
        for number in range(1000):
            say(recorder, obj, f"into silence {number}")
        await recorder.close()

    assert len(misbehaving.seen) == 2
