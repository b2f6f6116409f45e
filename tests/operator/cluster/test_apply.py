"""Server-side apply and the other writes, against a real API server."""

from __future__ import annotations

import pytest

from reelplane_operator.cluster.client import Cluster, Object
from reelplane_operator.cluster.errors import Conflict, Invalid, NotFound, Unserved
from reelplane_operator.cluster.resources import CONFIG_MAPS, PLATFORMS, ResourceType
from reelplane_operator.cluster.transport import Request
from tests.operator.cluster.conftest import config_map, deployment
from tests.testbed.given import Cluster as AnyCluster

pytestmark = pytest.mark.cluster


async def test_apply_creates_then_changes_and_answers_with_the_object(
    cluster: Cluster, namespace: str
) -> None:
    made = await cluster.apply(config_map(namespace, a="1", b="2"))
    changed = await cluster.apply(config_map(namespace, a="3"))

    assert made["metadata"]["uid"] == changed["metadata"]["uid"]
    assert changed["data"] == {"a": "3"}, "what is no longer wanted goes with the field's last owner"
    assert changed["metadata"]["managedFields"][0]["manager"] == "reelplane"


async def test_applying_the_same_again_changes_nothing(cluster: Cluster, namespace: str) -> None:
    first = await cluster.apply(config_map(namespace, a="1"))
    again = await cluster.apply(config_map(namespace, a="1"))

    assert again["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


async def test_every_character_arrives_as_it_is(cluster: Cluster, namespace: str) -> None:
    """An apply's body is read as YAML, which takes neither every escape of JSON nor every character."""
    text = "".join(map(chr, (9, 10, 13, *range(0x20, 0x250), 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF)))
    text += "\U0001f600 \U0010ffff \\ud83d\\ude00"

    made = await cluster.apply(config_map(namespace, a=text))

    assert made["data"] == {"a": text}


async def test_an_object_that_loses_its_last_field_is_empty_and_not_null(
    crds: AnyCluster, cluster: Cluster, namespace: str
) -> None:
    """API servers make null of it, and refuse that. What another manager put there stays."""

    def platform(**embedded: str) -> Object:
        return {
            "apiVersion": "reelplane.io/v1alpha1",
            "kind": "VideoPlatform",
            "metadata": {"name": "reels", "namespace": namespace},
            "spec": {"cache": {"embedded": embedded}, "metrics": {"labels": {}}},
        }

    await cluster.apply(platform(memory="1Gi"))
    theirs = {"spec": {"metrics": {"labels": {"team": "video"}}}}
    await cluster.merge_patch(PLATFORMS, namespace, "reels", theirs)
    emptied = await cluster.apply(platform())
    assert emptied["spec"]["cache"]["embedded"]["memory"] == "512Mi", "the default again"
    assert emptied["spec"]["metrics"]["labels"] == {"team": "video"}
    again = await cluster.apply(platform())
    assert again["metadata"]["resourceVersion"] == emptied["metadata"]["resourceVersion"]


async def test_an_object_that_is_refused_for_more_than_its_empty_fields_stays_as_it_was(
    crds: AnyCluster, cluster: Cluster, namespace: str
) -> None:
    """What the rules of the schema say is said only of objects without null in them."""

    def platform(spec: Object) -> Object:
        head = {"apiVersion": "reelplane.io/v1alpha1", "kind": "VideoPlatform"}
        return {**head, "metadata": {"name": "reels", "namespace": namespace}, "spec": spec}

    first = {"cache": {"embedded": {"memory": "1Gi"}}, "objects": {"embedded": {"size": "1Gi"}}}
    before = await cluster.apply(platform(first))
    both = {"embedded": {"size": "1Gi"}, "s3": {"bucket": "media", "region": "eu-west-1"}}
    with pytest.raises(Invalid, match="exactly one of"):
        await cluster.apply(platform({"cache": {"embedded": {}}, "objects": both}))
    after = await cluster.get(PLATFORMS, namespace, "reels")
    assert after is not None
    assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]

    moved = await cluster.apply(platform({"cache": {"embedded": {}}, "objects": {"s3": both["s3"]}}))
    assert "embedded" not in moved["spec"]["objects"], "what goes does not stand in the way of what comes"


async def test_without_force_a_field_of_another_manager_is_a_conflict_that_names_both(
    api_cluster: AnyCluster, cluster: Cluster, namespace: str
) -> None:
    async with await Cluster.connect(api_cluster.kubeconfig, manager="somebody") as other:
        await other.apply(config_map(namespace, a="theirs"))

    with pytest.raises(Conflict) as refused:
        await cluster.apply(config_map(namespace, a="ours"), force=False)
    taken = await cluster.apply(config_map(namespace, a="ours"))

    assert [(each.field, '"somebody"' in each.message) for each in refused.value.causes] == [
        (".data.a", True)
    ]
    assert taken["data"] == {"a": "ours"}


async def test_a_dry_run_shows_the_result_and_stores_nothing(api_cluster: AnyCluster, namespace: str) -> None:
    seen: list[Request] = []
    async with await Cluster.connect(api_cluster.kubeconfig, on_request=seen.append) as cluster:
        shown = await cluster.apply(config_map(namespace, a="1"), dry_run=True)
        assert await cluster.get(CONFIG_MAPS, namespace, "settings") is None

    assert shown["data"] == {"a": "1"}
    assert [(each.verb, each.write) for each in seen] == [("apply", False), ("get", False)]


async def test_status_is_applied_on_its_own_and_leaves_the_spec(
    crds: AnyCluster, cluster: Cluster, namespace: str
) -> None:
    """Of a kind whose status nobody else writes."""
    head = {
        "apiVersion": "reelplane.io/v1alpha1",
        "kind": "VideoPlatform",
        "metadata": {"name": "reels", "namespace": namespace},
    }
    await cluster.apply({**head, "spec": {"domain": "reels.example.com"}})
    await cluster.apply({**head, "status": {"observedGeneration": 7}}, subresource="status")

    live = await cluster.get(PLATFORMS, namespace, "reels")
    assert live is not None
    assert live["spec"]["domain"] == "reels.example.com"
    assert live["status"]["observedGeneration"] == 7
    ours = [each for each in live["metadata"]["managedFields"] if each["manager"] == "reelplane"]
    assert [each.get("subresource") for each in ours] == [None, "status"]


async def test_a_misspelt_field_is_refused_and_named(cluster: Cluster, namespace: str) -> None:
    with pytest.raises(Invalid) as refused:
        await cluster.apply(deployment(namespace, imagePullPolice="Always"))

    field = '.spec.template.spec.containers[name="main"].imagePullPolice'
    assert [each.field for each in refused.value.causes] == [field]


async def test_a_refused_value_names_what_where_and_why(cluster: Cluster, namespace: str) -> None:
    with pytest.raises(Invalid) as refused:
        await cluster.apply(deployment(namespace, image=""))

    assert str(refused.value).startswith(f"apply Deployment {namespace}/web: Invalid (422)")
    assert [each.field for each in refused.value.causes] == ["spec.template.spec.containers[0].image"]


async def test_a_missing_namespace_is_not_found_and_a_missing_kind_says_what_to_install(
    cluster: Cluster, namespace: str
) -> None:
    with pytest.raises(NotFound, match="nowhere") as missing:
        await cluster.apply(config_map("nowhere"))
    assert not isinstance(missing.value, Unserved)

    route = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "web", "namespace": namespace},
    }
    with pytest.raises(Unserved, match="CustomResourceDefinition"):
        await cluster.apply(route)


async def test_create_makes_once(cluster: Cluster, namespace: str) -> None:
    await cluster.create(config_map(namespace, a="first"))

    with pytest.raises(Conflict):
        await cluster.create(config_map(namespace, a="second"))

    live = await cluster.get(CONFIG_MAPS, namespace, "settings")
    assert live is not None
    assert live["data"] == {"a": "first"}


async def test_a_patch_of_an_older_version_is_a_conflict(cluster: Cluster, namespace: str) -> None:
    made = await cluster.create(config_map(namespace, a="1"))
    version = {"resourceVersion": made["metadata"]["resourceVersion"]}
    await cluster.merge_patch(
        CONFIG_MAPS, namespace, "settings", {"metadata": version, "data": {"a": None, "b": "2"}}
    )

    with pytest.raises(Conflict):
        await cluster.merge_patch(
            CONFIG_MAPS, namespace, "settings", {"metadata": version, "data": {"b": "3"}}
        )

    live = await cluster.get(CONFIG_MAPS, namespace, "settings")
    assert live is not None
    assert live["data"] == {"b": "2"}


async def test_deletion_by_uid_spares_a_successor_of_the_same_name(cluster: Cluster, namespace: str) -> None:
    first = (await cluster.create(config_map(namespace)))["metadata"]["uid"]
    assert await cluster.delete(CONFIG_MAPS, namespace, "settings", uid=first)
    assert not await cluster.delete(CONFIG_MAPS, namespace, "settings", uid=first), "it is gone already"
    await cluster.create(config_map(namespace))

    assert not await cluster.delete(CONFIG_MAPS, namespace, "settings", uid=first)

    assert await cluster.get(CONFIG_MAPS, namespace, "settings") is not None


async def test_a_kind_that_is_not_served_is_never_taken_for_an_object_that_is_not_there(
    cluster: Cluster, namespace: str
) -> None:
    nowhere = ResourceType("nowhere.example.com", "v1", "Nothing", "nothings")
    assert not await cluster.serves(nowhere)
    with pytest.raises(Unserved):
        await cluster.get(nowhere, namespace, "anything")
    with pytest.raises(Unserved):
        await cluster.list(nowhere, namespace)
