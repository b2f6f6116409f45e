"""What the layer ``data`` hands on."""

from __future__ import annotations

import pulumi

from reelplane_infra.outputs.base import Outputs


class DataOutputs(Outputs):
    """Once per environment."""

    database_writers: pulumi.Output[list[str]]
    """Hosts that take writes, by shard, port 5432."""
    database_readers: pulumi.Output[dict[str, list[str]]]
    """Region -> hosts that take reads, by shard; only regions that have a copy."""
    database_name: pulumi.Output[str]
    database_globals: pulumi.Output[list[str]]
    """Names of the global databases, by shard; empty with one region."""
    database_clusters: pulumi.Output[dict[str, list[str]]]
    """Region -> ARNs of the clusters, by shard."""
    keyspace: pulumi.Output[str]
    """Of the wide tables; empty without."""
