"""The shards' databases: their networks in each region, then one global database per shard.

A store stands in the isolated subnets. It takes connections from its own VPC, and where the writer is or can be, from
those of the other regions, over the peerings of ``links``. The master's password is AWS's to keep where it can be: with
several regions it cannot (MASTER), so there it is the secret ``reelplane:databasePassword`` of the stack's config,
written once and never read back.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws import ec2, iam, rds

from reelplane_infra import naming
from reelplane_infra.component import Component
from reelplane_infra.components.identity import trust
from reelplane_infra.components.shard import Shard
from reelplane_infra.config import relational
from reelplane_infra.place import Place

PORT = 5432
MASTER = (
    "https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/"
    "rds-secrets-manager.html#rds-secrets-manager-limitations (2026-11)"
)
MONITORING = "arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"
"""AWS's policy for the operating system's metrics,
https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/USER_Monitoring.OS.Enabling.html (2026-11)."""


@dataclass(frozen=True, slots=True)
class Net:
    """What a database needs of its region."""

    vpc_id: pulumi.Input[str]
    cidr: pulumi.Input[str]
    subnet_ids: pulumi.Input[Sequence[str]]
    """The isolated ones."""
    others: Mapping[str, pulumi.Input[str]]
    """Region -> the network of another region that may come in."""


class Relational(Component[relational.Relational]):
    """Every shard in every region that has it."""

    shards: tuple[Shard, ...]
    writers: pulumi.Output[list[str]]
    """Endpoints that take writes, by shard."""
    readers: pulumi.Output[dict[str, list[str]]]
    """Region -> endpoints that take reads, by shard."""

    def __init__(
        self,
        name: str,
        config: relational.Relational,
        place: Place,
        *,
        networks: Mapping[str, Net],
        key_arns: pulumi.Output[dict[str, str]],
        password: pulumi.Output[str] | None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """``networks`` has the hub's region and every secondary one. ``password`` is needed with secondary regions,
        and not used without. Raises ValueError for one without the other."""
        super().__init__(name, config, place, opts)
        if bool(config.secondary_regions) != (password is not None):
            raise ValueError(
                "data.relational: a master password goes with secondary regions, and only with them"
            )
        regions = (place.region, *config.secondary_regions)
        groups = {region: self._network(region, networks[region]) for region in regions}
        role = iam.Role(
            self.named("monitoring"),
            name=place.fitted(naming.ROLE, name, "monitoring"),
            assume_role_policy=json.dumps(trust("monitoring.rds.amazonaws.com", place)),
            tags=self.tags(),
            opts=self.child(),
        )
        attached = iam.RolePolicyAttachment(
            self.named("monitoring"), role=role.name, policy_arn=MONITORING, opts=self.child()
        )
        self.shards = tuple(
            Shard(
                f"{name}-{number}",
                config,
                place,
                groups=groups,
                key_arns=key_arns,
                password=password,
                monitoring_role_arn=role.arn,
                opts=self.child(depends_on=[attached]),
            )
            for number in range(config.shards)
        )
        self.writers = pulumi.Output.all(*(shard.writer for shard in self.shards))
        self.readers = pulumi.Output.all(
            **{
                region: pulumi.Output.all(*(shard.readers[region] for shard in self.shards))
                for region in regions
            }
        )
        self.register_outputs({"writers": self.writers, "readers": self.readers})

    def _network(self, region: str, network: Net) -> tuple[rds.SubnetGroup, ec2.SecurityGroup]:
        place = self.place.at(region)
        subnets = rds.SubnetGroup(
            self.named("subnets", region),
            region=region,
            name=place.fitted(naming.DATABASE, self.component),
            description="Isolated subnets of the region",
            subnet_ids=network.subnet_ids,
            tags=self.tags(),
            opts=self.child(),
        )
        group = ec2.SecurityGroup(
            self.named("group", region),
            region=region,
            vpc_id=network.vpc_id,
            description="PostgreSQL from inside the VPC",
            tags=self.tags(name=self.named("group", region)),
            opts=self.child(),
        )
        let_in: list[tuple[tuple[str, ...], pulumi.Input[str], str]] = [
            ((region,), network.cidr, "inside the VPC")
        ]
        let_in += [((region, "from", other), cidr, other) for other, cidr in network.others.items()]
        for parts, cidr, whence in let_in:
            ec2.SecurityGroupRule(
                self.named("postgresql", *parts),
                region=region,
                security_group_id=group.id,
                type="ingress",
                protocol="tcp",
                from_port=PORT,
                to_port=PORT,
                cidr_blocks=[cidr],
                description=f"PostgreSQL from {whence}",
                opts=self.child(),
            )
        return subnets, group
