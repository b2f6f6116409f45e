"""What the plan no longer wants is deleted; what only looks like ours is not."""

from __future__ import annotations

import pytest

from reelplane_operator.cluster import resources
from tests.operator.reconcile.conftest import Object, Site, Start

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]

_EXTERNAL = {"external": {"urlFrom": {"secret": "cache", "key": "url"}}, "embedded": None}


async def test_children_that_are_no_longer_wanted_go_also_over_a_restart(
    site: Site, start: Start, development: list[Object]
) -> None:
    operator = await start()
    for each in development:
        await site.apply(each)
    await site.exists(resources.STATEFUL_SETS, "reels-cache")
    await operator.at_rest()
    await operator.stop()
    # The change comes while nobody looks.
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "cache"}}
    await site.apply({**secret, "stringData": {"url": "redis://cache.example.com:6379/0"}})
    await site.patch(resources.PLATFORMS, "reels", spec={"cache": _EXTERNAL})
    another = await start()
    await site.gone(resources.STATEFUL_SETS, "reels-cache")
    await site.gone(resources.SERVICES, "reels-cache")
    await another.at_rest()
    left = [name for _, name in await site.children() if name.startswith("reels-cache")]
    assert left == []


async def test_an_object_of_the_same_labels_that_is_another_owners_stays(
    site: Site, start: Start, development: list[Object]
) -> None:
    operator = await start()
    for each in development:
        await site.apply(each)
    await operator.at_rest()
    other = await site.apply(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "other"}, "data": {}}
    )
    labels = (await site.get(resources.CONFIG_MAPS, "reels-api"))["metadata"]["labels"]
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "other", "uid": other["metadata"]["uid"]}
    head = {"name": "alien", "labels": labels, "ownerReferences": [{**owner, "controller": True}]}
    await site.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": head, "data": {}})
    await site.patch(resources.PLATFORMS, "reels", spec={"api": {"port": 9090}})
    await operator.at_rest()
    await site.get(resources.CONFIG_MAPS, "alien")


async def test_a_name_that_is_taken_is_not_taken_over(
    site: Site, start: Start, development: list[Object]
) -> None:
    theirs = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "reels-api"}}
    await site.cluster.create(
        {
            **theirs,
            "metadata": {"name": "reels-api", "namespace": site.name},
            "spec": {"selector": {"app": "theirs"}, "ports": [{"port": 1234}]},
        }
    )
    operator = await start()
    for each in development:
        await site.apply(each)
    stalled = await site.becomes(resources.PLATFORMS, "reels", "Stalled", "True", "NameTaken")
    assert "Service/reels-api" in stalled["message"]
    await operator.at_rest()
    assert (await site.get(resources.SERVICES, "reels-api"))["spec"]["selector"] == {"app": "theirs"}
    # The others are made all the same.
    await site.get(resources.DEPLOYMENTS, "reels-api")
