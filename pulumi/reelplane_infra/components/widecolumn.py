"""The keyspace and its tables, as the config has them.

A keyspace of several regions is written in each of them, and the last write wins by the client's clock
(https://docs.aws.amazon.com/keyspaces/latest/devguide/multiRegion-replication_how-it-works.html, 2026-11), which is
why its tables keep client-side timestamps.
"""

from __future__ import annotations

from typing import Any

import pulumi
from pulumi_aws import keyspaces

from reelplane_infra.component import Component
from reelplane_infra.config import widecolumn
from reelplane_infra.place import Place
from reelplane_infra.tags import DataClass

ON: Any = {"status": "ENABLED"}
OFF: Any = {"status": "DISABLED"}


class WideColumn(Component[widecolumn.WideColumn]):
    """One keyspace."""

    data_class = DataClass.PRIMARY

    keyspace: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        config: widecolumn.WideColumn,
        place: Place,
        *,
        key_arn: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """``key_arn`` is used with ``customer_key``."""
        super().__init__(name, config, place, opts)
        several: Any = {"replication_strategy": "MULTI_REGION", "region_lists": list(config.regions)}
        alone: Any = {"replication_strategy": "SINGLE_REGION"}
        keyspace = keyspaces.Keyspace(
            self.named("keyspace"),
            region=place.region,
            name=f"reelplane_{place.environment}",
            replication_specification=several if config.regions else alone,
            tags=self.data_tags(),
            opts=self.data(),
        )
        encryption: Any = (
            {"type": "CUSTOMER_MANAGED_KMS_KEY", "kms_key_identifier": key_arn}
            if config.customer_key
            else {"type": "AWS_OWNED_KMS_KEY"}
        )
        for table_name, table in config.tables.items():
            keyspaces.Table(
                self.named("table", table_name),
                region=place.region,
                keyspace_name=keyspace.name,
                table_name=table_name,
                schema_definition=schema(table),
                capacity_specification={"throughput_mode": "PAY_PER_REQUEST"},
                client_side_timestamps=ON,
                encryption_specification=encryption,
                point_in_time_recovery=ON if config.point_in_time_recovery else OFF,
                ttl=ON if table.ttl else None,
                default_time_to_live=table.default_ttl_seconds or None,
                tags=self.data_tags(),
                opts=self.data(),
            )
        self.keyspace = keyspace.name
        self.register_outputs({"keyspace": self.keyspace})


def schema(table: widecolumn.Table) -> Any:
    """The table's columns and keys, in the provider's form."""
    return {
        "columns": [{"name": column, "type": kind} for column, kind in table.columns.items()],
        "partition_keys": [{"name": column} for column in table.partition],
        "clustering_keys": [
            {"name": column, "order_by": order} for column, order in table.clustering.items()
        ],
    }
