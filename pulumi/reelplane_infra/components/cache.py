"""A region's Valkey: one replication group for each use, over TLS, each with a user of its own."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
from pulumi_aws import elasticache

from reelplane_infra import naming
from reelplane_infra.component import Component
from reelplane_infra.components.credential import Credential
from reelplane_infra.components.guard import Guard
from reelplane_infra.config import cache
from reelplane_infra.config.secrets import Secrets
from reelplane_infra.place import Place
from reelplane_infra.tags import DataClass

PORT = 6379


class Cache(Component[cache.Cache]):
    """The groups, in the isolated subnets."""

    data_class = DataClass.DERIVED

    endpoints: Mapping[str, pulumi.Output[str]]
    """Use -> host."""
    secrets: Mapping[str, str]
    """Use -> name of the secret with ``username`` and ``password``."""

    def __init__(
        self,
        name: str,
        config: cache.Cache,
        place: Place,
        *,
        credentials: Secrets,
        vpc_id: pulumi.Input[str],
        subnet_ids: pulumi.Input[list[str]],
        nodes_group_id: pulumi.Input[str],
        key_arn: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """``nodes_group_id`` is the security group that may connect."""
        super().__init__(name, config, place, opts)
        guard = Guard(
            f"{name}-guard",
            config,
            place,
            vpc_id=vpc_id,
            source_id=nodes_group_id,
            ports={"valkey": PORT},
            description="Valkey from pods of the region",
            opts=self.child(),
        )
        subnets = elasticache.SubnetGroup(
            self.named("subnets"),
            region=place.region,
            name=self.named("subnets"),
            description="Isolated subnets",
            subnet_ids=subnet_ids,
            tags=self.tags(),
            opts=self.child(),
        )
        endpoints, known = {}, {}
        for use, group in config.groups.items():
            user = Credential(f"{name}-{use}", credentials, place, key_arn=key_arn, opts=self.child())
            made = self._group(
                use=use, group=group, user=user, subnets=subnets.name, guard=guard.id, key_arn=key_arn
            )
            endpoints[use.value] = (
                made.primary_endpoint_address if group.shards == 1 else made.configuration_endpoint_address
            )
            known[use.value] = user.secret
        self.endpoints, self.secrets = endpoints, known
        self.register_outputs({})

    def _group(
        self,
        *,
        use: cache.Use,
        group: cache.Group,
        user: Credential,
        subnets: pulumi.Input[str],
        guard: pulumi.Input[str],
        key_arn: pulumi.Input[str],
    ) -> elasticache.ReplicationGroup:
        sharded = group.shards > 1
        parameters = {"maxmemory-policy": cache.EVICTION[use]} | (
            {"cluster-enabled": "yes"} if sharded else {}
        )
        settings = elasticache.ParameterGroup(
            self.named(use, "settings"),
            region=self.place.region,
            name=self.named(use, "settings"),
            family=self.config.family,
            description=f"Valkey as {use}",
            parameters=[{"name": key, "value": value} for key, value in sorted(parameters.items())],
            tags=self.tags(),
            opts=self.child(),
        )
        members = elasticache.UserGroup(
            self.named(use, "users"),
            region=self.place.region,
            engine="valkey",
            user_group_id=self.named(use, "users"),
            user_ids=[user.user_id],
            tags=self.tags(),
            opts=self.child(depends_on=[user.stack]),
        )
        return elasticache.ReplicationGroup(
            self.named(use),
            region=self.place.region,
            replication_group_id=self.place.fitted(naming.CACHE, self.component, use),
            description=f"Valkey as {use}",
            engine="valkey",
            engine_version=self.config.version,
            node_type=group.node_type,
            port=PORT,
            num_node_groups=group.shards if sharded else None,
            replicas_per_node_group=group.replicas if sharded else None,
            num_cache_clusters=None if sharded else 1 + group.replicas,
            automatic_failover_enabled=sharded or group.replicas > 0,
            multi_az_enabled=group.replicas > 0,
            parameter_group_name=settings.name,
            subnet_group_name=subnets,
            security_group_ids=[guard],
            user_group_ids=[members.user_group_id],
            transit_encryption_enabled=True,
            transit_encryption_mode="required",
            at_rest_encryption_enabled=True,
            kms_key_id=key_arn,
            snapshot_retention_limit=group.snapshot_days,
            snapshot_window="03:00-05:00" if group.snapshot_days else None,
            maintenance_window="sun:05:30-sun:06:30",
            auto_minor_version_upgrade=True,
            tags=self.data_tags(),
            opts=self.data(),
        )
