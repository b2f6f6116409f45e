"""A cluster that knows our kinds."""

from __future__ import annotations

from pathlib import Path

import pytest

from reelplane_crds.kinds import KINDS
from reelplane_crds.kinds.common import GROUP
from tests.testbed.given import Cluster

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def crds(api_cluster: Cluster) -> Cluster:
    """With the CRDs of the tree, put there as a person puts them, and established."""
    api_cluster.kubectl("apply", "--server-side", "--force-conflicts", "-k", str(ROOT / "crds"))
    names = [f"crd/{kind.definition.plural}.{GROUP}" for kind in KINDS]
    api_cluster.kubectl("wait", "--for=condition=Established", "--timeout=60s", *names)
    return api_cluster
