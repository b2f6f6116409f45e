"""VPC peering between the hub and every other region, so that API servers need no door to the internet.

A peering carries only what goes between its two VPCs and never on to a third
(https://docs.aws.amazon.com/vpc/latest/peering/vpc-peering-basics.html, 2026-11): the hub reaches every region, and no
region another one. EKS's private endpoints have public names with private addresses, so names need no forwarding
(https://docs.aws.amazon.com/eks/latest/userguide/cluster-endpoint.html, 2026-11).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws import ec2

from reelplane_infra.component import Component
from reelplane_infra.config import fleet
from reelplane_infra.place import Place


@dataclass(frozen=True, slots=True)
class Side:
    """One end of a peering."""

    region: str
    vpc_id: pulumi.Output[str]
    cidr: pulumi.Output[str]
    route_table_ids: pulumi.Output[list[str]]
    """Of the private subnets."""
    tables: int
    """How many those are; none in a VPC of somebody else's, whose keeper routes by himself."""
    security_group_id: pulumi.Output[str]
    """Of the nodes and the control plane."""


class Links(Component[fleet.Fleet]):
    """A peering for each region, routes on both sides, and HTTPS from the hub."""

    def __init__(
        self,
        name: str,
        config: fleet.Fleet,
        place: Place,
        *,
        hub: Side,
        others: Sequence[Side],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, config, place, opts)
        for other in others:
            asked = ec2.VpcPeeringConnection(
                self.named(other.region),
                region=hub.region,
                vpc_id=hub.vpc_id,
                peer_vpc_id=other.vpc_id,
                peer_region=other.region,
                auto_accept=False,
                tags=self.tags(name=self.named(other.region)),
                opts=self.child(),
            )
            accepted = ec2.VpcPeeringConnectionAccepter(
                self.named(other.region),
                region=other.region,
                vpc_peering_connection_id=asked.id,
                auto_accept=True,
                tags=self.tags(name=self.named(other.region)),
                opts=self.child(),
            )
            self._routes(hub, other, asked.id, accepted)
            self._routes(other, hub, asked.id, accepted)
            ec2.SecurityGroupRule(
                self.named(other.region, "https"),
                region=other.region,
                security_group_id=other.security_group_id,
                type="ingress",
                protocol="tcp",
                from_port=443,
                to_port=443,
                cidr_blocks=[hub.cidr],
                description="The API server from the hub",
                opts=self.child(),
            )
        self.register_outputs({})

    def _routes(self, start: Side, end: Side, peering: pulumi.Input[str], after: pulumi.Resource) -> None:
        for number in range(start.tables):
            ec2.Route(
                self.named(start.region, "to", end.region, str(number)),
                region=start.region,
                route_table_id=start.route_table_ids[number],
                destination_cidr_block=end.cidr,
                vpc_peering_connection_id=peering,
                opts=self.child(depends_on=[after]),
            )
