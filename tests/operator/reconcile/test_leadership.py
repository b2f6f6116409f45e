"""Of two operators one writes; when it goes, the other goes on from where it stood."""

from __future__ import annotations

import pytest

from reelplane_operator.app import LeaseLost
from reelplane_operator.cluster import resources
from tests.operator.reconcile.conftest import Object, Site, Start, eventually

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]


async def test_the_standby_writes_nothing_until_the_leader_goes(
    site: Site, start: Start, development: list[Object]
) -> None:
    leader = await start(leader_elect=True, identity="a", operator_namespace=site.name)

    async def leading() -> bool:
        assert leader.operator is not None
        return leader.operator.leading

    await eventually(leading, "the first one leads")
    standby = await start(leader_elect=True, identity="b", operator_namespace=site.name)
    for each in development:
        await site.apply(each)
    await site.exists(resources.DEPLOYMENTS, "reels-api")
    await leader.at_rest()
    assert standby.writes == []
    await leader.stop()
    # The lease was given back, so nobody waits until it runs out.
    await standby.at_rest()
    assert standby.writes == []
    await site.cluster.delete(resources.SERVICES, site.name, "reels-api")
    await site.exists(resources.SERVICES, "reels-api")
    assert standby.writes


async def test_a_leader_whose_lease_was_taken_ends(site: Site, start: Start) -> None:
    leader = await start(leader_elect=True, identity="a", operator_namespace=site.name)
    await site.exists(resources.LEASES, "reelplane-operator")

    async def leading() -> bool:
        assert leader.operator is not None
        return leader.operator.leading

    await eventually(leading, "it leads")
    lease = {"spec": {"holderIdentity": "usurper", "leaseDurationSeconds": 600}}
    await site.cluster.merge_patch(resources.LEASES, site.name, "reelplane-operator", lease)
    assert isinstance(await leader.ended(), LeaseLost)
