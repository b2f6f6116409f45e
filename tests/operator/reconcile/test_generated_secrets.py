"""Generated Secrets are made once: no restart, change or loss of a key ever gives them another value."""

from __future__ import annotations

import pytest

from reelplane_operator.cluster import resources
from tests.operator.reconcile.conftest import Object, Site, Start, eventually

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]


async def test_values_survive_everything(site: Site, start: Start, development: list[Object]) -> None:
    operator = await start()
    for each in development:
        await site.apply(each)
    await site.exists(resources.SECRETS, "reels-signing-key")
    await operator.at_rest()
    before = (await site.get(resources.SECRETS, "reels-signing-key"))["data"]
    assert before
    await operator.stop()
    # As if it had been made by a version that knew nothing of our labels.
    await site.patch(resources.SECRETS, "reels-signing-key", metadata={"labels": None})
    another = await start()
    await another.at_rest()
    found = await site.get(resources.SECRETS, "reels-signing-key")
    assert found["data"] == before
    assert found["metadata"]["labels"]["reelplane.io/owner"] == "VideoPlatform.reels"


async def test_a_deleted_one_is_made_again_with_other_values(
    site: Site, start: Start, development: list[Object]
) -> None:
    operator = await start()
    for each in development:
        await site.apply(each)
    await operator.at_rest()
    before = (await site.get(resources.SECRETS, "reels-signing-key"))["data"]
    await site.cluster.delete(resources.SECRETS, site.name, "reels-signing-key")

    async def again() -> bool:
        found = await site.cluster.get(resources.SECRETS, site.name, "reels-signing-key")
        return found is not None and found["data"] != before

    await eventually(again, "the Secret is made again")
