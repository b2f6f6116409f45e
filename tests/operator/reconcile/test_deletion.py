"""Deleting an object takes its children, unless they are to stay; nothing waits for an operator that is gone."""

from __future__ import annotations

import pytest

from reelplane_operator.cluster import resources
from tests.operator.reconcile.conftest import Object, Running, Site, Start, eventually

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]


async def _apply(site: Site, operator: Running, objects: list[Object]) -> None:
    for each in objects:
        await site.apply(each)
    await site.exists(resources.DEPLOYMENTS, "reels-api")
    await site.exists(resources.DEPLOYMENTS, "shorts-download")
    await operator.at_rest()


async def test_deletion_leaves_nothing(site: Site, operator: Running, development: list[Object]) -> None:
    await _apply(site, operator, development)
    await site.cluster.delete(resources.PLATFORMS, site.name, "reels")
    await site.cluster.delete(resources.PIPELINES, site.name, "shorts")

    async def empty() -> bool:
        return await site.children() == {}

    await eventually(empty, "all children are gone")
    await operator.at_rest()
    assert await site.children() == {}


async def test_orphaned_children_stay_and_are_adopted_by_the_next_of_that_name(
    site: Site, operator: Running, development: list[Object]
) -> None:
    for each in development:
        each["spec"]["deletionPolicy"] = "Orphan"
    await _apply(site, operator, development)
    before = {name: obj["metadata"]["uid"] for name, obj in (await site.children()).items()}
    assert all("ownerReferences" not in obj["metadata"] for obj in (await site.children()).values())
    await site.cluster.delete(resources.PLATFORMS, site.name, "reels")
    await site.cluster.delete(resources.PIPELINES, site.name, "shorts")
    await site.gone(resources.PLATFORMS, "reels")
    await operator.at_rest()
    assert {name: obj["metadata"]["uid"] for name, obj in (await site.children()).items()} == before
    for each in development:
        each["spec"]["deletionPolicy"] = "Delete"
    await _apply(site, operator, development)
    after = await site.children()
    assert {name: obj["metadata"]["uid"] for name, obj in after.items()} == before
    assert all("ownerReferences" in obj["metadata"] for obj in after.values())


async def test_switching_to_orphan_lets_children_go(
    site: Site, operator: Running, development: list[Object]
) -> None:
    await _apply(site, operator, development)
    for type, name in ((resources.PLATFORMS, "reels"), (resources.PIPELINES, "shorts")):
        await site.patch(type, name, spec={"deletionPolicy": "Orphan"})

    async def free() -> bool:
        return all("ownerReferences" not in obj["metadata"] for obj in (await site.children()).values())

    await eventually(free, "no child has an owner")


async def test_a_namespace_can_be_deleted_when_the_operator_is_gone(
    site: Site, start: Start, development: list[Object]
) -> None:
    operator = await start()
    await _apply(site, operator, development)
    await operator.stop()
    await site.cluster.delete(resources.NAMESPACES, None, site.name)

    async def gone() -> bool:
        return await site.cluster.get(resources.NAMESPACES, None, site.name) is None

    await eventually(gone, "the namespace is gone")
