"""What others change of ours is put back and named; what is theirs stays; what opted out is left alone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from reelplane_operator.cluster import resources
from reelplane_operator.cluster.client import Cluster
from reelplane_operator.reconcile.keys import ChildId, Key
from tests.operator.reconcile.conftest import Object, Running, Site, Start, eventually
from tests.testbed.given import Cluster as AnyCluster

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]


@pytest.fixture
async def applied(site: Site, operator: Running, development: list[Object]) -> Running:
    """The development platform, its children made."""
    for each in development:
        await site.apply(each)
    await site.exists(resources.DEPLOYMENTS, "reels-api")
    await operator.at_rest()
    return operator


def _image(deployment: Object) -> str:
    return str(deployment["spec"]["template"]["spec"]["containers"][0]["image"])


async def test_a_changed_field_is_put_back_and_an_event_names_who_changed_it(
    site: Site, applied: Running, crds: AnyCluster
) -> None:
    ours = _image(await site.get(resources.DEPLOYMENTS, "reels-api"))
    arguments = ("-n", site.name, "set", "image", "deployment/reels-api", "*=evil:1")
    await asyncio.to_thread(crds.kubectl, *arguments)

    async def back() -> bool:
        return _image(await site.get(resources.DEPLOYMENTS, "reels-api")) == ours

    await eventually(back, "the image is put back")

    async def told() -> list[Object]:
        events = await site.cluster.list(resources.EVENTS, site.name)
        return [each for each in events if each["reason"] == "DriftCorrected"]

    (event,) = await eventually(told, "an event says so")
    assert "Deployment/reels-api" in event["note"]
    assert "kubectl-set" in event["note"]
    assert event["regarding"]["kind"] == "VideoPlatform"


class _Interrupted(Cluster):
    """Between the writes of a run somebody changes a child that the run does not write, and the watch says so."""

    meddle: Callable[[], Awaitable[None]] | None = None

    async def apply(self, manifest: Object, **options: Any) -> Object:
        made = await super().apply(manifest, **options)
        if self.meddle is not None and manifest["kind"] == "Deployment":
            meddle, self.meddle = self.meddle, None
            await meddle()
        return made


async def test_a_change_that_comes_in_the_middle_of_a_run_is_put_back(
    site: Site, development: list[Object], start: Start
) -> None:
    """It once was not: the run recorded how the child looked at its end, as if it had been wanted that way."""
    connected: list[_Interrupted] = []

    async def connect(*arguments: Any, **options: Any) -> Cluster:
        made = await _Interrupted.connect(*arguments, **options)
        assert isinstance(made, _Interrupted)
        connected.append(made)
        return made

    operator = await start(connect=connect)
    for each in development:
        await site.apply(each)
    await site.exists(resources.DEPLOYMENTS, "reels-api")
    await operator.at_rest()
    owner, name = Key("VideoPlatform", site.name, "reels"), ChildId("v1", "Service", "reels-api")

    async def meddle() -> None:
        (port,) = (await site.get(resources.SERVICES, "reels-api"))["spec"]["ports"]
        wrong = {**port, "targetPort": 9999}
        changed = await site.patch(resources.SERVICES, "reels-api", spec={"ports": [wrong]})
        assert operator.operator is not None
        world = operator.operator.world

        async def seen() -> bool:
            known = world.children(owner).get(name)
            return known is not None and known.version >= int(changed["metadata"]["resourceVersion"])

        await eventually(seen, "the watch says so")

    (interrupted,) = connected
    interrupted.meddle = meddle
    await site.patch(resources.PLATFORMS, "reels", spec={"api": {"rateLimits": {"info": "20/min"}}})

    async def back() -> bool:
        service = await site.get(resources.SERVICES, "reels-api")
        return interrupted.meddle is None and service["spec"]["ports"][0]["targetPort"] != 9999

    await eventually(back, "the Service is put back")


async def test_a_deleted_child_comes_back(site: Site, applied: Running) -> None:
    before = await site.get(resources.SERVICES, "reels-api")
    await site.cluster.delete(resources.SERVICES, site.name, "reels-api")

    async def another() -> bool:
        found = await site.cluster.get(resources.SERVICES, site.name, "reels-api")
        return found is not None and found["metadata"]["uid"] != before["metadata"]["uid"]

    await eventually(another, "the Service is made again")


async def test_labels_that_were_taken_away_come_back(site: Site, applied: Running) -> None:
    uid = (await site.get(resources.CONFIG_MAPS, "reels-api"))["metadata"]["uid"]
    await site.patch(resources.CONFIG_MAPS, "reels-api", metadata={"labels": None})

    async def labelled() -> bool:
        found = await site.get(resources.CONFIG_MAPS, "reels-api")
        return "reelplane.io/owner" in (found["metadata"].get("labels") or {})

    await eventually(labelled, "the labels are back")
    await applied.at_rest()
    assert (await site.get(resources.CONFIG_MAPS, "reels-api"))["metadata"]["uid"] == uid


async def test_fields_of_others_survive(site: Site, applied: Running, crds: AnyCluster) -> None:
    """An autoscaler's replicas, an injected sidecar, a label somebody needs: none of them is ours."""
    async with await Cluster.connect(crds.kubeconfig, manager="injector") as injector:
        await injector.apply(
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {
                    "name": "shorts-download",
                    "namespace": site.name,
                    "labels": {"team": "video"},
                },
                "spec": {
                    "replicas": 3,
                    "template": {"spec": {"containers": [{"name": "sidecar", "image": "mesh:1"}]}},
                },
            }
        )
    # A change of ours, applied over theirs.
    await site.patch(resources.PIPELINES, "shorts", spec={"workers": {"download": {"concurrency": 3}}})
    await applied.at_rest()
    found = await site.get(resources.DEPLOYMENTS, "shorts-download")
    assert found["spec"]["replicas"] == 3
    assert found["metadata"]["labels"]["team"] == "video"
    names = {each["name"] for each in found["spec"]["template"]["spec"]["containers"]}
    assert "sidecar" in names
    document = (await site.get(resources.CONFIG_MAPS, "shorts-download"))["data"]["runtime.json"]
    assert '"concurrency":3' in document.replace(" ", "")


async def test_a_child_that_opted_out_is_left_alone(site: Site, applied: Running, crds: AnyCluster) -> None:
    await site.annotate(resources.DEPLOYMENTS, "reels-api", "reelplane.io/reconcile", "disabled")
    arguments = ("-n", site.name, "set", "image", "deployment/reels-api", "*=mine:1")
    await asyncio.to_thread(crds.kubectl, *arguments)
    await site.patch(resources.PLATFORMS, "reels", spec={"api": {"rateLimits": {"info": "20/min"}}})
    await applied.at_rest()
    assert _image(await site.get(resources.DEPLOYMENTS, "reels-api")) == "mine:1"
    await site.annotate(resources.DEPLOYMENTS, "reels-api", "reelplane.io/reconcile", None)

    async def back() -> bool:
        return _image(await site.get(resources.DEPLOYMENTS, "reels-api")) != "mine:1"

    await eventually(back, "it is looked after again")
