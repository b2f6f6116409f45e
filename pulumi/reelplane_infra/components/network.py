"""A region's VPC: three kinds of subnets in each availability zone, and one way out.

Private subnets (nodes, pods) reach the internet through a NAT gateway, public ones hold only load balancers and those
gateways, isolated ones (stores) reach nothing but the VPC and the gateway endpoints. A VPC that exists already is
taken as it is: nothing in it is made or changed, its keeper has its own endpoints and flow logs.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network

import pulumi
from pulumi_aws import ec2

from reelplane_infra import topology
from reelplane_infra.component import Component
from reelplane_infra.components.endpoints import Endpoints
from reelplane_infra.components.flowlogs import FlowLogs
from reelplane_infra.config import network
from reelplane_infra.place import Place

ELB_TAGS = {
    "private": {"kubernetes.io/role/internal-elb": "1"},
    "public": {"kubernetes.io/role/elb": "1"},
    "isolated": dict[str, str](),
}
"""How the AWS load balancer controller finds subnets,
https://docs.aws.amazon.com/eks/latest/userguide/network-load-balancing.html (2026-11)."""
ANYWHERE = "0.0.0.0/0"


class Network(Component[network.Network]):
    """The VPC of a region, or the one that is brought along. Lists are in the order of the availability zones."""

    vpc_id: pulumi.Output[str]
    cidr: pulumi.Output[str]
    private_subnet_ids: pulumi.Output[list[str]]
    isolated_subnet_ids: pulumi.Output[list[str]]
    public_subnet_ids: pulumi.Output[list[str]]
    private_route_table_ids: pulumi.Output[list[str]]
    isolated_route_table_ids: pulumi.Output[list[str]]
    """Of the private subnets; empty for a VPC that exists, whose keeper routes by himself."""

    def __init__(
        self,
        name: str,
        config: network.Network,
        place: Place,
        *,
        slot: int,
        key_arn: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """``slot`` is the region's part of the address plan, ``key_arn`` the key that flow logs are encrypted with."""
        super().__init__(name, config, place, opts)
        if config.existing is not None:
            self._adopt(config.existing)
        else:
            self._make(topology.subnets(slot, config.zones), key_arn)
        outputs = ("vpc_id", "cidr", "private_subnet_ids", "isolated_subnet_ids", "public_subnet_ids")
        self.register_outputs({each: getattr(self, each) for each in outputs})

    def _adopt(self, existing: network.ExistingNetwork) -> None:
        self.vpc_id = pulumi.Output.from_input(str(existing.vpc_id))
        self.cidr = pulumi.Output.from_input(str(existing.cidr))
        self.private_subnet_ids = pulumi.Output.from_input(list(existing.private_subnet_ids))
        self.isolated_subnet_ids = pulumi.Output.from_input(list(existing.isolated_subnet_ids))
        self.public_subnet_ids = pulumi.Output.from_input(list(existing.public_subnet_ids))
        self.private_route_table_ids = pulumi.Output.from_input(list[str]())
        self.isolated_route_table_ids = pulumi.Output.from_input(list[str]())

    def _make(self, plan: topology.Subnets, key_arn: pulumi.Input[str]) -> None:
        region = self.place.region
        zones = topology.availability_zones(region, self.config.zones)
        vpc = ec2.Vpc(
            self.named("vpc"),
            region=region,
            cidr_block=str(plan.vpc),
            enable_dns_hostnames=True,
            enable_dns_support=True,
            tags=self.tags(name=self.named("vpc")),
            opts=self.child(),
        )
        # The VPC's own default group lets its members talk; taken over without rules, it lets nobody.
        ec2.DefaultSecurityGroup(
            self.named("default"), region=region, vpc_id=vpc.id, tags=self.tags(), opts=self.child()
        )
        private = self._subnets("private", vpc, zones, plan.private)
        isolated = self._subnets("isolated", vpc, zones, plan.isolated)
        public = self._subnets("public", vpc, zones, plan.public)

        gateway = ec2.InternetGateway(
            self.named("internet"),
            region=region,
            vpc_id=vpc.id,
            tags=self.tags(name=self.named("internet")),
            opts=self.child(),
        )
        outside = self._table("public", vpc, public)
        way = self._route("public", outside, gateway_id=gateway.id)
        inside = self._private_tables(vpc, zones, private, public, way)
        alone = self._table("isolated", vpc, isolated)

        Endpoints(
            f"{self.component}-endpoints",
            self.config,
            self.place,
            vpc=vpc,
            subnet_ids=[each.id for each in private],
            route_table_ids=[each.id for each in (*inside, alone)],
            opts=self.child(),
        )
        FlowLogs(
            f"{self.component}-flowlogs",
            self.config,
            self.place,
            vpc_id=vpc.id,
            key_arn=key_arn,
            opts=self.child(),
        )
        self.vpc_id = vpc.id
        self.cidr = vpc.cidr_block
        self.private_subnet_ids = pulumi.Output.all(*(each.id for each in private))
        self.isolated_subnet_ids = pulumi.Output.all(*(each.id for each in isolated))
        self.public_subnet_ids = pulumi.Output.all(*(each.id for each in public))
        self.private_route_table_ids = pulumi.Output.all(*(each.id for each in inside))
        self.isolated_route_table_ids = pulumi.Output.all(alone.id)

    def _subnets(
        self, kind: str, vpc: ec2.Vpc, zones: Sequence[str], blocks: Sequence[IPv4Network]
    ) -> list[ec2.Subnet]:
        return [
            ec2.Subnet(
                self.named(kind, zone[-1]),
                region=self.place.region,
                vpc_id=vpc.id,
                availability_zone=zone,
                cidr_block=str(block),
                map_public_ip_on_launch=False,
                tags=self.tags(name=self.named(kind, zone[-1])) | ELB_TAGS[kind],
                opts=self.child(),
            )
            for zone, block in zip(zones, blocks, strict=True)
        ]

    def _private_tables(
        self,
        vpc: ec2.Vpc,
        zones: Sequence[str],
        private: Sequence[ec2.Subnet],
        public: Sequence[ec2.Subnet],
        way: ec2.Route,
    ) -> list[ec2.RouteTable]:
        """A route table per zone, out through the zone's own NAT gateway or through the only one."""
        single = self.config.nat is network.NatGateways.SINGLE
        gateways = [
            self._nat(zone[-1], subnet, way)
            for zone, subnet in zip(zones[: 1 if single else None], public, strict=False)
        ]
        tables = []
        for index, (zone, subnet) in enumerate(zip(zones, private, strict=True)):
            part = f"private-{zone[-1]}"
            table = self._table(part, vpc, [subnet])
            self._route(part, table, nat_gateway_id=gateways[0 if single else index].id)
            tables.append(table)
        return tables

    def _nat(self, letter: str, subnet: ec2.Subnet, way: ec2.Route) -> ec2.NatGateway:
        address = ec2.Eip(
            self.named("nat", letter),
            region=self.place.region,
            domain="vpc",
            tags=self.tags(name=self.named("nat", letter)),
            opts=self.child(),
        )
        return ec2.NatGateway(
            self.named("nat", letter),
            region=self.place.region,
            subnet_id=subnet.id,
            allocation_id=address.allocation_id,
            tags=self.tags(name=self.named("nat", letter)),
            opts=self.child(depends_on=[way]),
        )

    def _table(self, part: str, vpc: ec2.Vpc, subnets: Sequence[ec2.Subnet]) -> ec2.RouteTable:
        table = ec2.RouteTable(
            self.named(part),
            region=self.place.region,
            vpc_id=vpc.id,
            tags=self.tags(name=self.named(part)),
            opts=self.child(),
        )
        for index, subnet in enumerate(subnets):
            letter = topology.availability_zones(self.place.region, self.config.zones)[index][-1]
            ec2.RouteTableAssociation(
                self.named(part) if part.startswith("private") else self.named(part, letter),
                region=self.place.region,
                subnet_id=subnet.id,
                route_table_id=table.id,
                opts=self.child(),
            )
        return table

    def _route(
        self,
        part: str,
        table: ec2.RouteTable,
        *,
        gateway_id: pulumi.Input[str] | None = None,
        nat_gateway_id: pulumi.Input[str] | None = None,
    ) -> ec2.Route:
        return ec2.Route(
            self.named(part),
            region=self.place.region,
            route_table_id=table.id,
            destination_cidr_block=ANYWHERE,
            gateway_id=gateway_id,
            nat_gateway_id=nat_gateway_id,
            opts=self.child(),
        )
