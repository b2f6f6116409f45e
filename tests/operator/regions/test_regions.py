"""What a RegionDeployment promises, against three real API servers."""

from __future__ import annotations

import base64

import pytest

from reelplane_operator.cluster import resources
from reelplane_operator.cluster.kubeconfigs import RemoteClusters
from reelplane_operator.cluster.recorder import Recorder
from reelplane_operator.regions.loop import RegionReconciler
from reelplane_operator.regions.record import Record
from reelplane_operator.regions.records import Records
from tests.testbed.cluster import ControlPlane

pytestmark = pytest.mark.cluster
OPERATOR = "reelplane-system"


async def test_a_region_gets_the_objects_resolved_for_it(world) -> None:
    await world.region(
        "us-west-2",
        weight=40,
        overrides={
            "domain": "west.example.com",
            "objects": {"s3": {"bucket": "reels-us-west-2", "region": "us-west-2"}},
            "pipelines": [{"name": "shorts", "workers": {"min": 2, "max": 12}}],
        },
    )
    await world.run("us-west-2")
    platform = await world.there("us-west-2", resources.PLATFORMS, "reels")
    pipeline = await world.there("us-west-2", resources.PIPELINES, "shorts")
    assert platform["spec"]["domain"] == "west.example.com"
    assert platform["spec"]["objects"]["s3"]["bucket"] == "reels-us-west-2"
    assert "embedded" not in platform["spec"]["objects"], "an override replaces a union whole"
    assert pipeline["spec"]["workers"]["download"]["max"] == 12
    assert await world.there("eu-west-1", resources.PLATFORMS, "reels") is None


async def test_its_status_is_what_the_regions_own_operator_says(world) -> None:
    await world.region("us-west-2")
    await world.run("us-west-2")
    assert await world.condition("us-west-2", "Ready") == ("False", "RegionProgressing")
    assert await world.condition("us-west-2", "Reconciling") == ("True", "RegionProgressing")
    await world.play_operator("us-west-2")
    await world.run("us-west-2")
    status = await world.status("us-west-2")
    assert await world.condition("us-west-2", "Ready") == ("True", "RegionReady")
    assert (status["workers"], status["queue"], status["endpoint"]) == ("3/4", 7, "http://reels.example.com")
    assert status["observedGeneration"] == 1


async def test_nothing_is_written_when_all_is_as_it_should_be(world) -> None:
    await world.region("us-west-2")
    await world.run("us-west-2")
    await world.play_operator("us-west-2")
    await world.run("us-west-2")
    await world.events.flush()
    world.writes.clear()
    for _ in range(3):
        assert await world.run("us-west-2") == 10.0
    await world.events.flush()
    assert world.writes == []


async def test_what_somebody_changed_in_the_region_is_put_right(world) -> None:
    await world.region("us-west-2")
    await world.run("us-west-2")
    region = world.regions["us-west-2"]
    patch = {"spec": {"api": {"replicas": {"max": 3}}}}
    await region.merge_patch(resources.PLATFORMS, world.namespace, "reels", patch)
    await world.run("us-west-2")
    live = await world.there("us-west-2", resources.PLATFORMS, "reels")
    assert live["spec"]["api"]["replicas"]["max"] == 8


async def test_what_the_hub_no_longer_has_goes_from_the_region_too(world) -> None:
    await world.declare("ProxyPool", "home", {"endpoints": [], "whenExhausted": "Direct"})
    workers = {"download": {"min": 0, "max": 50, "proxies": "home"}}
    await world.declare("VideoPipeline", "shorts", {"platform": "reels", "workers": workers})
    await world.region("us-west-2")
    await world.run("us-west-2")
    assert await world.there("us-west-2", resources.PROXY_POOLS, "home")
    await world.declare("VideoPipeline", "shorts", {"platform": "reels"})
    await world.run("us-west-2")
    assert await world.there("us-west-2", resources.PROXY_POOLS, "home") is None
    assert await world.there("us-west-2", resources.PIPELINES, "shorts")


async def test_an_unreachable_region_holds_nobody_back_and_converges_when_it_returns(
    world, servers: ControlPlane, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("us-west-2", "eu-west-1"):
        await world.region(name)
        await world.run(name)
        await world.play_operator(name)
        await world.run(name)
    servers.kill("kube-apiserver-2")
    try:
        await world.declare("VideoPlatform", "reels", {"api": {"replicas": {"min": 3, "max": 9}}})
        await world.run("us-west-2")
        assert await world.condition("us-west-2", "Ready") == ("Unknown", "RegionUnreachable")
        lost = await world.status("us-west-2")
        assert lost["workers"] == "3/4", "what was last known is kept"
        assert lost["lastContactTime"]
        await world.run("us-west-2")
        assert await world.status("us-west-2") == lost, "being away still is no change"
        warnings = [each.getMessage() for each in caplog.records if each.levelname == "WARNING"]
        assert [each.partition(":")[0] for each in warnings] == ["RegionUnreachable"], "it is said once"
        await world.run("eu-west-1")
        live = await world.there("eu-west-1", resources.PLATFORMS, "reels")
        assert live["spec"]["api"]["replicas"] == {"min": 3, "max": 9}
    finally:
        servers.restart("kube-apiserver-2")
    await world.run("us-west-2")
    live = await world.there("us-west-2", resources.PLATFORMS, "reels")
    assert live["spec"]["api"]["replicas"] == {"min": 3, "max": 9}
    await world.play_operator("us-west-2")
    await world.run("us-west-2")
    assert await world.condition("us-west-2", "Ready") == ("True", "RegionReady")


async def test_a_deleted_region_is_cleared_away_also_by_an_operator_that_was_away_meanwhile(world) -> None:
    await world.region("us-west-2")
    await world.run("us-west-2")
    await world.hub.delete(resources.REGIONS, world.namespace, "us-west-2")
    assert await world.hub.get(resources.REGIONS, world.namespace, "us-west-2") is None, (
        "no finalizer holds it"
    )
    remotes = RemoteClusters()
    fresh = RegionReconciler(
        world.hub, remotes, Records(world.hub, OPERATOR), Recorder(world.hub, "t"), lambda: ""
    )
    left = [key for key in await fresh.left_over() if key.namespace == world.namespace]
    assert left == [world.key("us-west-2")]
    while await fresh(left[0]) is not None:
        pass
    await remotes.close()
    assert await world.there("us-west-2", resources.PLATFORMS, "reels") is None
    assert await world.there("us-west-2", resources.PIPELINES, "shorts") is None
    assert left[0] not in await world.reconciler.left_over()


async def test_orphaned_objects_stay_when_the_region_is_deleted(world) -> None:
    await world.region("us-west-2", deletionPolicy="Orphan")
    await world.run("us-west-2")
    await world.hub.delete(resources.REGIONS, world.namespace, "us-west-2")
    assert await world.run("us-west-2") is None
    assert await world.there("us-west-2", resources.PLATFORMS, "reels")
    assert world.key("us-west-2") not in await world.reconciler.left_over()


async def test_what_the_hub_did_not_write_is_never_deleted(world) -> None:
    await world.region("us-west-2")
    await world.run("us-west-2")
    region = world.regions["us-west-2"]
    patch = {"metadata": {"annotations": {"reelplane.io/hub": "somebody.else"}}}
    await region.merge_patch(resources.PIPELINES, world.namespace, "shorts", patch)
    await world.hub.delete(resources.REGIONS, world.namespace, "us-west-2")
    await world.run("us-west-2")
    assert await world.there("us-west-2", resources.PIPELINES, "shorts")
    assert await world.there("us-west-2", resources.PLATFORMS, "reels") is None


async def test_credentials_that_are_lost_with_the_namespace_are_not_waited_for(world) -> None:
    await world.region("us-west-2")
    await world.run("us-west-2")
    await world.hub.delete(resources.REGIONS, world.namespace, "us-west-2")
    await world.hub.delete(resources.SECRETS, world.namespace, "us-west-2-kubeconfig")
    assert await world.run("us-west-2") is None
    assert world.key("us-west-2") not in await world.reconciler.left_over()


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"platform": "rels"}, "VideoPlatformNotFound"),
        ({"cluster": {"kubeconfigFrom": {"secret": "nowhere", "key": "k"}}}, "SecretNotFound"),
        (
            {"cluster": {"kubeconfigFrom": {"secret": "us-west-2-kubeconfig", "key": "k"}}},
            "SecretKeyNotFound",
        ),
        ({"cluster": {"inCluster": {}}}, "SameNamespace"),
    ],
)
async def test_what_only_a_person_can_mend_is_stalled_with_its_reason(world, spec, reason: str) -> None:
    await world.region("us-west-2", **spec)
    await world.run("us-west-2")
    assert await world.condition("us-west-2", "Stalled") == ("True", reason)
    assert await world.condition("us-west-2", "Reconciling") == ("False", reason)
    assert await world.there("us-west-2", resources.PLATFORMS, "reels") is None


async def test_a_kubeconfig_that_would_run_a_command_here_is_refused(world) -> None:
    world.texts["us-west-2"] = """
apiVersion: v1
kind: Config
current-context: c
contexts: [{name: c, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]
users: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: /bin/id}}}]
"""
    await world.region("us-west-2")
    await world.run("us-west-2")
    assert await world.condition("us-west-2", "Stalled") == ("True", "BadKubeconfig")


async def test_a_region_in_another_namespace_of_the_hubs_own_cluster(world) -> None:
    other = f"{world.namespace}-west"
    await world.region("us-west-2", cluster={"inCluster": {}}, namespace=other)
    await world.run("us-west-2")
    assert await world.hub.get(resources.PLATFORMS, other, "reels")


async def test_a_region_that_moves_is_cleared_where_it_was(world) -> None:
    await world.region("us-west-2")
    await world.run("us-west-2")
    await world.region("us-west-2", namespace=f"{world.namespace}-b")
    while await world.run("us-west-2") != 2.0 or await world.there("us-west-2", resources.PLATFORMS, "reels"):
        pass
    await world.run("us-west-2")
    moved = await world.regions["us-west-2"].get(resources.PLATFORMS, f"{world.namespace}-b", "reels")
    assert moved is not None


async def test_a_paused_region_is_left_alone(world) -> None:
    await world.region("us-west-2")
    patch = {"metadata": {"annotations": {"reelplane.io/paused": "true"}}}
    await world.hub.merge_patch(resources.REGIONS, world.namespace, "us-west-2", patch)
    await world.run("us-west-2")
    assert await world.condition("us-west-2", "Paused") == ("True", "Annotated")
    assert await world.there("us-west-2", resources.PLATFORMS, "reels") is None


async def test_the_record_knows_what_is_written_before_it_is_written(world, servers: ControlPlane) -> None:
    """The region's server dies between the record and the first object: nothing that may exist is unknown."""
    await world.region("us-west-2")
    servers.kill("kube-apiserver-2")
    try:
        await world.run("us-west-2")
        found = await Records(world.hub, OPERATOR).get(world.namespace, "us-west-2")
        assert isinstance(found, Record)
        assert [each.kind for each in found.objects] == ["VideoPipeline", "VideoPlatform"]
    finally:
        servers.restart("kube-apiserver-2")


async def test_no_secret_value_is_in_a_record(world) -> None:
    await world.region("us-west-2")
    await world.run("us-west-2")
    for each in await world.hub.list(resources.CONFIG_MAPS, OPERATOR):
        assert "client-key-data" not in str(each)
        assert base64.b64encode(world.texts["us-west-2"].encode()).decode() not in str(each)
