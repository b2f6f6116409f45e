"""A platform with a region that the installed operator keeps on the node, for all tests here."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.testbed.node.cluster import NodeCluster
from tests.testbed.node.platform import Platform, install


@pytest.fixture(scope="package")
def running_platform(
    node_cluster: NodeCluster,
    imported: Callable[[str], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Platform]:
    install(node_cluster, imported)
    with Platform.start(node_cluster, "runbooks", tmp_path_factory.mktemp("clips")) as found:
        yield found
