"""One shard: a database whose writer is in the hub's region, and its read-only copies.

With one region it is a cluster; with more, a global database holds the clusters together. A secondary cluster is
made after the primary's first instance, since it copies from a primary that answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi_aws import ec2, rds

from reelplane_infra import naming
from reelplane_infra.component import Component
from reelplane_infra.config import relational
from reelplane_infra.place import Place
from reelplane_infra.tags import DataClass

ENGINE = "aurora-postgresql"
MONITORING_SECONDS = 60


class Shard(Component[relational.Relational]):
    """The clusters of one shard and their instances."""

    data_class = DataClass.PRIMARY

    global_id: pulumi.Output[str] | None
    """Name of the global database; None with one region."""
    cluster_arns: dict[str, pulumi.Output[str]]
    """Region -> ARN."""
    writer: pulumi.Output[str]
    """Endpoint that takes writes. With several regions it is the global database's own, which follows the writer from
    region to region, https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-global-database-connecting.html
    (2026-11)."""
    readers: dict[str, pulumi.Output[str]]
    """Region -> endpoint of its readers."""

    def __init__(
        self,
        name: str,
        config: relational.Relational,
        place: Place,
        *,
        groups: Mapping[str, tuple[rds.SubnetGroup, ec2.SecurityGroup]],
        key_arns: pulumi.Output[dict[str, str]],
        password: pulumi.Output[str] | None,
        monitoring_role_arn: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """``groups`` has the subnets and the security group of each region, ``key_arns`` the key."""
        super().__init__(name, config, place, opts)
        self._groups, self._key_arns, self._monitoring = groups, key_arns, monitoring_role_arn
        joined: dict[str, Any] = {}
        self.global_id = None
        everywhere: pulumi.Output[str] | None = None
        if config.secondary_regions:
            whole = rds.GlobalCluster(
                self.named("global"),
                region=place.region,
                global_cluster_identifier=place.fitted(naming.DATABASE, name),
                engine=ENGINE,
                engine_version=config.engine_version,
                storage_encrypted=True,
                deletion_protection=place.protect,
                tags=self.data_tags(),
                opts=self.data(),
            )
            joined = {"global_cluster_identifier": whole.id}
            self.global_id = whole.id
            everywhere = whole.endpoint
        primary, first = self._primary(joined, password)
        clusters = {place.region: primary}
        for region in config.secondary_regions:
            clusters[region] = self._secondary(region, joined, first)
        self.cluster_arns = {region: each.arn for region, each in clusters.items()}
        self.writer = primary.endpoint if everywhere is None else everywhere
        self.readers = {region: each.reader_endpoint for region, each in clusters.items()}
        self.register_outputs({"writer": self.writer})

    def _primary(
        self, joined: Mapping[str, Any], password: pulumi.Output[str] | None
    ) -> tuple[rds.Cluster, rds.ClusterInstance]:
        config, region = self.config, self.place.region
        key_arn = self._key_arns[region]
        master: dict[str, Any] = (
            {"manage_master_user_password": True, "master_user_secret_kms_key_id": key_arn}
            if password is None
            else {"master_password_wo": password, "master_password_wo_version": config.password_version}
        )
        cluster = self._cluster(
            region,
            {"database_name": config.database, "master_username": config.master_user, **master, **joined},
            self.data(),
        )
        return cluster, self._instances(region, cluster, config.instances)[0]

    def _secondary(self, region: str, joined: Mapping[str, Any], first: rds.ClusterInstance) -> rds.Cluster:
        # Aurora writes where a copy comes from into the cluster, and rewrites it when the writer moves.
        options = self.data(depends_on=[first], ignore_changes=["replicationSourceIdentifier"])
        cluster = self._cluster(region, {"source_region": self.place.region, **joined}, options)
        self._instances(region, cluster, self.config.secondary_instances)
        return cluster

    def _cluster(self, region: str, more: Mapping[str, Any], options: pulumi.ResourceOptions) -> rds.Cluster:
        config, place = self.config, self.place.at(region)
        subnets, group = self._groups[region]
        name = place.fitted(naming.DATABASE, self.component)
        capacity: Any = {"min_capacity": config.capacity.minimum, "max_capacity": config.capacity.maximum}
        return rds.Cluster(
            self.named("cluster", region),
            region=region,
            cluster_identifier=name,
            engine=ENGINE,
            engine_version=config.engine_version,
            db_subnet_group_name=subnets.name,
            vpc_security_group_ids=[group.id],
            iam_database_authentication_enabled=True,
            storage_encrypted=True,
            kms_key_id=self._key_arns[region],
            backup_retention_period=config.backup_days,
            preferred_backup_window="02:00-02:45",
            copy_tags_to_snapshot=True,
            deletion_protection=place.protect,
            skip_final_snapshot=not place.protect,
            final_snapshot_identifier=f"{name}-final" if place.protect else None,
            enabled_cloudwatch_logs_exports=["postgresql"],
            serverlessv2_scaling_configuration=capacity if config.serverless else None,
            tags=self.data_tags(),
            opts=options,
            **more,
        )

    def _instances(self, region: str, cluster: rds.Cluster, count: int) -> list[rds.ClusterInstance]:
        config, place = self.config, self.place.at(region)
        return [
            rds.ClusterInstance(
                self.named("instance", region, str(number)),
                region=region,
                identifier=place.fitted(naming.DATABASE, self.component, str(number)),
                cluster_identifier=cluster.id,
                engine=rds.EngineType.AURORA_POSTGRESQL,
                engine_version=config.engine_version,
                instance_class=config.instance_class,
                # The first two take over from each other before a reader does.
                promotion_tier=0 if number < 2 else 15,
                publicly_accessible=False,
                auto_minor_version_upgrade=False,
                performance_insights_enabled=True,
                performance_insights_kms_key_id=self._key_arns[region],
                performance_insights_retention_period=config.insights_days,
                monitoring_interval=MONITORING_SECONDS,
                monitoring_role_arn=self._monitoring,
                tags=self.tags(),
                opts=self.child(),
            )
            for number in range(count)
        ]
