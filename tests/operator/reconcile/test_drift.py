"""What others change of ours is put back and named; what is theirs stays; what opted out is left alone."""

from __future__ import annotations

import asyncio

import pytest

from reelplane_operator.cluster import resources
from reelplane_operator.cluster.client import Cluster
from tests.operator.reconcile.conftest import Object, Running, Site, eventually
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
    site: Site, applied: Running, served: AnyCluster
) -> None:
    ours = _image(await site.get(resources.DEPLOYMENTS, "reels-api"))
    arguments = ("-n", site.name, "set", "image", "deployment/reels-api", "*=evil:1")
    await asyncio.to_thread(served.kubectl, *arguments)

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


async def test_fields_of_others_survive(site: Site, applied: Running, served: AnyCluster) -> None:
    """An autoscaler's replicas, an injected sidecar, a label somebody needs: none of them is ours."""
    async with await Cluster.connect(served.kubeconfig, manager="injector") as injector:
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


async def test_a_child_that_opted_out_is_left_alone(site: Site, applied: Running, served: AnyCluster) -> None:
    await site.annotate(resources.DEPLOYMENTS, "reels-api", "reelplane.io/reconcile", "disabled")
    arguments = ("-n", site.name, "set", "image", "deployment/reels-api", "*=mine:1")
    await asyncio.to_thread(served.kubectl, *arguments)
    await site.patch(resources.PLATFORMS, "reels", spec={"api": {"rateLimits": {"info": "20/min"}}})
    await applied.at_rest()
    assert _image(await site.get(resources.DEPLOYMENTS, "reels-api")) == "mine:1"
    await site.annotate(resources.DEPLOYMENTS, "reels-api", "reelplane.io/reconcile", None)

    async def back() -> bool:
        return _image(await site.get(resources.DEPLOYMENTS, "reels-api")) != "mine:1"

    await eventually(back, "it is looked after again")
