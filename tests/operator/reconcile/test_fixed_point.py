"""At the fixed point nothing is written: not while time passes, not after a restart, not after a full list."""

from __future__ import annotations

import pytest

from reelplane_operator.cluster import resources
from tests.operator.reconcile.conftest import Site, Start, sample, samples

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]


@pytest.mark.parametrize("name", samples())
async def test_a_restart_writes_nothing(site: Site, start: Start, kubelet: None, name: str) -> None:
    first = await start()
    for each in sample(name):
        await site.apply(each)
    await site.ready()
    await first.at_rest()
    assert first.writes
    await first.stop()
    # Often enough that lists come several times while we look.
    second = await start(resync=1.0)
    await second.at_rest(calm=4.0)
    assert second.writes == []
    await site.annotate(resources.PLATFORMS, "reels", "reelplane.io/requestedAt", "now")
    await second.at_rest()
    assert second.writes == []
