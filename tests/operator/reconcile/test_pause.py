"""A paused object is left as it is, says so, and catches up when it goes on."""

from __future__ import annotations

import pytest

from reelplane_operator.cluster import resources
from tests.operator.reconcile.conftest import Object, Running, Site

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]


async def test_nothing_of_a_paused_object_is_written(
    site: Site, operator: Running, development: list[Object]
) -> None:
    for each in development:
        await site.apply(each)
    await site.exists(resources.DEPLOYMENTS, "reels-api")
    await operator.at_rest()
    await site.annotate(resources.PLATFORMS, "reels", "reelplane.io/paused", "true")
    await site.becomes(resources.PLATFORMS, "reels", "Paused")
    await site.cluster.delete(resources.SERVICES, site.name, "reels-api")
    await site.patch(resources.PLATFORMS, "reels", spec={"api": {"port": 9090}})
    await operator.at_rest()
    assert await site.cluster.get(resources.SERVICES, site.name, "reels-api") is None
    paused = await site.condition(resources.PLATFORMS, "reels", "Paused")
    assert paused["status"] == "True"
    assert "changes of children wait" in paused["message"]

    await site.annotate(resources.PLATFORMS, "reels", "reelplane.io/paused", None)
    await site.becomes(resources.PLATFORMS, "reels", "Paused", "False")
    await operator.at_rest()
    service = await site.get(resources.SERVICES, "reels-api")
    assert service["spec"]["ports"][0]["port"] == 9090
