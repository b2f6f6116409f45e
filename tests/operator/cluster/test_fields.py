"""Drift is a changed fingerprint, on a real API server: who writes what, and what that does to our fields."""

from __future__ import annotations

import json

import pytest

from reelplane_operator.cluster.client import Cluster
from reelplane_operator.cluster.fields import fingerprint, overridden
from reelplane_operator.cluster.resources import DEPLOYMENTS
from tests.operator.cluster.conftest import deployment
from tests.testbed.given import Cluster as AnyCluster

pytestmark = pytest.mark.cluster

IMAGE = {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "example.com/evil:1"}]}}}}


async def look(cluster: Cluster, namespace: str) -> dict[str, object]:
    live = await cluster.get(DEPLOYMENTS, namespace, "web")
    assert live is not None
    return live


async def test_another_writer_of_a_value_of_ours_changes_it_and_is_named(
    api_cluster: AnyCluster, cluster: Cluster, namespace: str
) -> None:
    before = await cluster.apply(deployment(namespace))
    api_cluster.kubectl(
        "-n",
        namespace,
        "set",
        "image",
        "deployment/web",
        "main=example.com/evil:1",
        "--field-manager=mallory",
    )
    drifted = await look(cluster, namespace)
    restored = await cluster.apply(deployment(namespace))

    assert fingerprint(drifted) != fingerprint(before)
    assert overridden(before, drifted) == ("mallory",)
    assert overridden(restored, drifted) == ("mallory",), "the answer of the repair serves as well"
    assert fingerprint(restored) == fingerprint(before), "applying again brings it back"
    assert overridden(before, restored) == ()


async def test_a_field_of_ours_that_somebody_removed_changes_it(cluster: Cluster, namespace: str) -> None:
    wanted = deployment(namespace, env=[{"name": "A", "value": "1"}, {"name": "B", "value": "2"}])
    before = await cluster.apply(wanted)
    # Not by kubectl: a merge patch with null is what editors and scripts send.
    await cluster.merge_patch(DEPLOYMENTS, namespace, "web", {"metadata": {"labels": {"app": None}}})
    drifted = await look(cluster, namespace)

    assert fingerprint(drifted) != fingerprint(before)
    assert fingerprint(await cluster.apply(wanted)) == fingerprint(before)


async def test_writers_of_what_we_leave_alone_do_not_change_it(
    api_cluster: AnyCluster, cluster: Cluster, namespace: str
) -> None:
    before = await cluster.apply(deployment(namespace))
    run = api_cluster.kubectl
    where = ("-n", namespace)
    # What an autoscaler does.
    run(*where, "scale", "deployment/web", "--replicas=3")
    # What `kubectl rollout restart` and people do.
    run(*where, "rollout", "restart", "deployment/web")
    run(*where, "label", "deployment/web", "team=video")
    # What an injector does.
    sidecar = [{"name": "proxy", "image": "example.com/proxy:1"}]
    patch = json.dumps({"spec": {"template": {"spec": {"containers": sidecar}}}})
    run(*where, "patch", "deployment/web", "--type=strategic", f"-p={patch}")
    # What the deployment controller does.
    status = json.dumps({"status": {"observedGeneration": 99, "replicas": 3}})
    run(*where, "patch", "deployment/web", "--subresource=status", "--type=merge", f"-p={status}")

    after = await look(cluster, namespace)
    assert after["spec"]["replicas"] == 3  # type: ignore[index]
    assert fingerprint(after) == fingerprint(before)
    assert overridden(before, after) == ()


async def test_another_owner_of_the_same_value_does_not_change_it(
    api_cluster: AnyCluster, cluster: Cluster, namespace: str
) -> None:
    before = await cluster.apply(deployment(namespace))
    async with await Cluster.connect(api_cluster.kubeconfig, manager="twin") as twin:
        await twin.apply(deployment(namespace))

    assert fingerprint(await look(cluster, namespace)) == fingerprint(before)


async def test_it_is_the_same_for_every_reader(
    api_cluster: AnyCluster, cluster: Cluster, namespace: str
) -> None:
    """A restarted operator must find what the one before it wrote down."""
    answer = await cluster.apply(deployment(namespace))
    async with await Cluster.connect(api_cluster.kubeconfig) as restarted:
        read = await look(restarted, namespace)
        listed = (await restarted.list(DEPLOYMENTS, namespace))[0]

    assert fingerprint(answer) == fingerprint(read) == fingerprint(listed)


async def test_our_own_status_is_no_part_of_it_wherever_the_server_lists_it(
    cluster: Cluster, namespace: str
) -> None:
    wanted = deployment(namespace)
    before = await cluster.apply(wanted)
    status = {key: wanted[key] for key in ("apiVersion", "kind", "metadata")}
    after = await cluster.apply(status | {"status": {"replicas": 1}}, subresource="status")
    mixed = {"metadata": {"managedFields": after["metadata"]["managedFields"][::-1]}}

    assert fingerprint(after) == fingerprint(mixed) == fingerprint(before)


async def test_an_object_that_we_never_applied_has_none(cluster: Cluster, namespace: str) -> None:
    made = await cluster.create(deployment(namespace))

    assert fingerprint(made) is None
