"""Applied objects become children and, when their pods are ready, Ready; kubectl wait and kstatus say the same."""

from __future__ import annotations

import asyncio

import pytest

from reelplane_operator.cluster import resources
from tests.operator.reconcile.conftest import Object, Running, Site, Start
from tests.testbed.given import Cluster as AnyCluster

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]


async def test_children_are_made_and_the_status_says_what_is_missing(
    site: Site, operator: Running, development: list[Object]
) -> None:
    for each in development:
        await site.apply(each)
    await site.becomes(resources.PLATFORMS, "reels", "Reconciling", "True", "RollingOut")
    await operator.at_rest()
    children = await site.children()
    assert ("Deployment", "reels-api") in children
    assert ("Deployment", "shorts-download") in children
    for child in children.values():
        (owner,) = child["metadata"]["ownerReferences"]
        assert owner["controller"] is True
        assert owner["blockOwnerDeletion"] is False
    ready = await site.condition(resources.PLATFORMS, "reels", "Ready")
    assert ready["status"] == "False"
    assert "Deployment/reels-api: 0 of 1 pods are available" in ready["message"]
    available = await site.condition(resources.PLATFORMS, "reels", "Available")
    assert available["status"] == "False"
    platform = await site.get(resources.PLATFORMS, "reels")
    assert platform["status"]["observedGeneration"] == platform["metadata"]["generation"]
    inventory = {(each["kind"], each["name"]) for each in platform["status"]["inventory"]}
    pipeline = await site.get(resources.PIPELINES, "shorts")
    inventory |= {(each["kind"], each["name"]) for each in pipeline["status"]["inventory"]}
    assert inventory == set(children)


async def test_ready_when_pods_are_and_kubectl_wait_agrees(
    site: Site, operator: Running, development: list[Object], kubelet: None, crds: AnyCluster
) -> None:
    for each in development:
        await site.apply(each)
    arguments = (
        "-n",
        site.name,
        "wait",
        "--for=condition=Ready",
        "vplat/reels",
        "vp/shorts",
        "--timeout=240s",
    )
    await asyncio.to_thread(crds.kubectl, *arguments)
    for type, name in ((resources.PLATFORMS, "reels"), (resources.PIPELINES, "shorts")):
        said = {each["type"]: each["status"] for each in (await site.get(type, name))["status"]["conditions"]}
        # kstatus: Current means that neither of the two abnormal conditions holds, and Ready does not deny it.
        assert said["Reconciling"] == "False"
        assert said["Stalled"] == "False"
        assert said["Available"] == "True"
    platform = await site.get(resources.PLATFORMS, "reels")
    assert platform["status"]["api"] == "1/1"
    assert platform["status"]["workers"] == "1/1"


async def test_a_condition_keeps_its_time_while_its_status_stays(
    site: Site, start: Start, development: list[Object], kubelet: None
) -> None:
    operator = await start()
    for each in development:
        await site.apply(each)
    await site.ready()
    before = await site.condition(resources.PLATFORMS, "reels", "Ready")
    await site.patch(resources.PLATFORMS, "reels", spec={"api": {"rateLimits": {"info": "20/min"}}})
    await asyncio.sleep(1.1)
    await site.becomes(resources.PLATFORMS, "reels", "DevelopmentOnly")
    await operator.at_rest()
    after = await site.condition(resources.PLATFORMS, "reels", "DevelopmentOnly")
    assert after["lastTransitionTime"] <= before["lastTransitionTime"]


async def test_an_object_that_came_first_waits_for_the_other(
    site: Site, operator: Running, development: list[Object]
) -> None:
    platform, pipeline = development
    await site.apply(platform)
    await site.becomes(resources.PLATFORMS, "reels", "Reconciling", "True", "WaitsForVideoPipeline")
    assert await site.children() == {}
    await site.apply(pipeline)
    await site.exists(resources.DEPLOYMENTS, "reels-api")
