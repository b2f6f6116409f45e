"""A namespace per test on the cluster of the session, and a connection of ours to it."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import pytest

from reelplane_operator.cluster.client import Cluster
from reelplane_operator.cluster.resources import NAMESPACES
from tests.testbed.given import Cluster as AnyCluster


@pytest.fixture
async def cluster(api_cluster: AnyCluster) -> AsyncIterator[Cluster]:
    """As an administrator."""
    async with await Cluster.connect(api_cluster.kubeconfig) as connected:
        yield connected


@pytest.fixture
async def namespace(cluster: Cluster) -> AsyncIterator[str]:
    """An empty namespace of this test's own."""
    name = f"t-{uuid.uuid4().hex[:12]}"
    await cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    await cluster.delete(NAMESPACES, None, name)
