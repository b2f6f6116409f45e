"""VPC peering: every region reaches the database's writer, and the hub the API servers, without the internet.

A peering carries only what goes between its two VPCs and never on to a third (PEERING), so a region that has to be
reached has one with each other region. The endpoints of private API servers and of databases are public names of
private addresses (API_SERVERS, DATABASES): names need no forwarding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws import ec2

from reelplane_infra.component import Component
from reelplane_infra.config import links
from reelplane_infra.place import Place

PEERING = "https://docs.aws.amazon.com/vpc/latest/peering/vpc-peering-basics.html (2026-11)"
API_SERVERS = "https://docs.aws.amazon.com/eks/latest/userguide/cluster-endpoint.html (2026-11)"
DATABASES = "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_VPC.WorkingWithRDSInstanceinaVPC.html, 2026-11"


@dataclass(frozen=True, slots=True)
class Side:
    """One end of a peering."""

    region: str
    vpc_id: pulumi.Output[str]
    cidr: pulumi.Output[str]
    private_tables: Sequence[pulumi.Output[str]]
    """Route tables of the private subnets; none in a VPC of somebody else's, whose keeper routes by himself."""
    isolated_tables: Sequence[pulumi.Output[str]]
    """Those of the isolated subnets, of a region that can have the database's writer; none of any other."""
    security_group_id: pulumi.Output[str]
    """Of the nodes and the control plane."""


class Links(Component[links.Links]):
    """A peering for each pair, routes on both sides, and HTTPS from the hub to the API servers."""

    def __init__(
        self,
        name: str,
        config: links.Links,
        place: Place,
        *,
        sides: Mapping[str, Side],
        pairs: Sequence[tuple[str, str]],
        hub: str | None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """``hub``: the region whose operator writes into all others; None when there is none."""
        super().__init__(name, config, place, opts)
        for one, other in pairs:
            self._join(sides[one], sides[other])
        for each in sides.values():
            if hub is not None and each.region != hub:
                ec2.SecurityGroupRule(
                    self.named(each.region, "https"),
                    region=each.region,
                    security_group_id=each.security_group_id,
                    type="ingress",
                    protocol="tcp",
                    from_port=443,
                    to_port=443,
                    cidr_blocks=[sides[hub].cidr],
                    description="The API server from the hub",
                    opts=self.child(),
                )
        self.register_outputs({})

    def _join(self, one: Side, other: Side) -> None:
        name = self.named(one.region, other.region)
        asked = ec2.VpcPeeringConnection(
            name,
            region=one.region,
            vpc_id=one.vpc_id,
            peer_vpc_id=other.vpc_id,
            peer_region=other.region,
            auto_accept=False,
            tags=self.tags(name=name),
            opts=self.child(),
        )
        accepted = ec2.VpcPeeringConnectionAccepter(
            name,
            region=other.region,
            vpc_peering_connection_id=asked.id,
            auto_accept=True,
            tags=self.tags(name=name),
            opts=self.child(),
        )
        for start, end in ((one, other), (other, one)):
            for kind, tables in (("private", start.private_tables), ("isolated", start.isolated_tables)):
                for number, table in enumerate(tables):
                    ec2.Route(
                        self.named(start.region, "to", end.region, kind, str(number)),
                        region=start.region,
                        route_table_id=table,
                        destination_cidr_block=end.cidr,
                        vpc_peering_connection_id=asked.id,
                        opts=self.child(depends_on=[accepted]),
                    )
