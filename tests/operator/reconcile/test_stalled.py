"""What only the operator can know is said as Stalled, with a reason and a sentence; running children stay."""

from __future__ import annotations

import asyncio

import pytest

from reelplane_operator.cluster import resources
from reelplane_operator.cluster.errors import Forbidden
from tests.operator.reconcile.conftest import Object, Running, Site, eventually, sample
from tests.testbed.given import Cluster as AnyCluster

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]


async def test_a_missing_secret_stalls_until_it_appears(site: Site, operator: Running) -> None:
    secret, *objects = sample("external")
    for each in objects:
        await site.apply(each)
    stalled = await site.becomes(resources.PLATFORMS, "reels", "Stalled", "True", "SecretNotFound")
    assert "'stores'" in stalled["message"]
    await site.becomes(resources.PROXY_POOLS, "residential", "Stalled", "True", "SecretNotFound")
    waiting = await site.becomes(resources.PIPELINES, "shorts", "Reconciling")
    assert waiting["reason"].startswith("WaitsFor")
    assert await site.children() == {}
    await site.apply(secret)
    await site.becomes(resources.PLATFORMS, "reels", "Stalled", "False")
    await site.becomes(resources.PROXY_POOLS, "residential", "Ready")
    await site.exists(resources.DEPLOYMENTS, "shorts-download")


async def test_a_changed_secret_reaches_the_pods(site: Site, operator: Running) -> None:
    for each in sample("external"):
        await site.apply(each)
    await site.exists(resources.DEPLOYMENTS, "reels-api")
    await operator.at_rest()
    before = (await site.get(resources.DEPLOYMENTS, "reels-api"))["spec"]["template"]["metadata"]
    await site.patch(
        resources.SECRETS,
        "stores",
        stringData={"database": "postgresql://reels:new@database.example.com/reels"},
    )
    await operator.at_rest()
    after = (await site.get(resources.DEPLOYMENTS, "reels-api"))["spec"]["template"]["metadata"]
    assert after["annotations"] != before["annotations"]


async def test_running_children_stay_untouched_while_a_reference_dangles(
    site: Site, operator: Running, development: list[Object]
) -> None:
    for each in development:
        await site.apply(each)
    await site.exists(resources.DEPLOYMENTS, "shorts-download")
    await operator.at_rest()
    before = {
        name: obj["metadata"]["resourceVersion"]
        for name, obj in (await site.children()).items()
        if name[0] not in ("Deployment", "StatefulSet", "HorizontalPodAutoscaler", "PodDisruptionBudget")
    }
    await site.patch(
        resources.PIPELINES,
        "shorts",
        spec={"workers": {"download": {"proxies": "nowhere", "concurrency": 7}}},
    )
    stalled = await site.becomes(resources.PIPELINES, "shorts", "Stalled", "True", "ProxyPoolNotFound")
    assert "nowhere" in stalled["message"]
    await operator.at_rest()
    after = await site.children()
    assert {name: after[name]["metadata"]["resourceVersion"] for name in before} == before
    await site.patch(resources.PIPELINES, "shorts", spec={"workers": {"download": {"proxies": None}}})
    await site.becomes(resources.PIPELINES, "shorts", "Stalled", "False")
    await operator.at_rest()
    document = (await site.get(resources.CONFIG_MAPS, "shorts-download"))["data"]["runtime.json"]
    assert '"concurrency":7' in document.replace(" ", "")


async def test_a_child_that_the_server_refuses_is_named_and_the_others_are_made(
    site: Site, operator: Running, development: list[Object], crds: AnyCluster
) -> None:
    """A quota is the plainest way in which an admission rule of a cluster refuses what the plan wants."""
    arguments = ("-n", site.name, "create", "quota", "no-services", "--hard=services=0")
    await asyncio.to_thread(crds.kubectl, *arguments)
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "any", "namespace": site.name}}

    async def counts() -> bool:
        try:
            await site.cluster.apply({**service, "spec": {"ports": [{"port": 80}]}}, dry_run=True)
        except Forbidden:
            return True
        return False

    await eventually(counts, "the quota is in force")
    for each in development:
        await site.apply(each)
    stalled = await site.becomes(resources.PLATFORMS, "reels", "Stalled", "True", "NotPermitted")
    assert "services" in stalled["message"]
    await site.exists(resources.DEPLOYMENTS, "reels-api")
    available = await site.condition(resources.PLATFORMS, "reels", "Available")
    assert available["status"] == "False"


async def test_a_second_pipeline_is_refused_and_disturbs_nobody(
    site: Site, operator: Running, development: list[Object]
) -> None:
    for each in development:
        await site.apply(each)
    await site.exists(resources.DEPLOYMENTS, "shorts-download")
    await operator.at_rest()
    await asyncio.sleep(1.1)  # Creation times have whole seconds, and the older one runs.
    _, pipeline = development
    await site.apply({**pipeline, "metadata": {"name": "another"}})
    await site.becomes(resources.PIPELINES, "another", "Stalled", "True", "PipelineNotSupported")
    for type, name in ((resources.PLATFORMS, "reels"), (resources.PIPELINES, "shorts")):
        assert (await site.condition(type, name, "Stalled"))["status"] == "False"
