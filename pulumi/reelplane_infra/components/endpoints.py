"""The AWS services that a VPC reaches without leaving it.

S3 and DynamoDB (and Keyspaces' and ECR's layers over S3) have gateway endpoints, which cost nothing and spare the NAT
gateway's charge per gigabyte; the others have interfaces in the private subnets, charged by the hour and zone.
"""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
from pulumi_aws import ec2

from reelplane_infra.component import Component
from reelplane_infra.config import network
from reelplane_infra.place import Place

GATEWAYS = ("s3", "dynamodb")


class Endpoints(Component[network.Network]):
    """Gateway endpoints for all route tables, interface endpoints for what the config names."""

    def __init__(
        self,
        name: str,
        config: network.Network,
        place: Place,
        *,
        vpc: ec2.Vpc,
        subnet_ids: Sequence[pulumi.Input[str]],
        route_table_ids: Sequence[pulumi.Input[str]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, config, place, opts)
        for service in GATEWAYS:
            ec2.VpcEndpoint(
                self.named(service),
                region=place.region,
                vpc_id=vpc.id,
                service_name=f"com.amazonaws.{place.region}.{service}",
                vpc_endpoint_type="Gateway",
                route_table_ids=list(route_table_ids),
                tags=self.tags(name=self.named(service)),
                opts=self.child(),
            )
        group = ec2.SecurityGroup(
            self.named("group"),
            region=place.region,
            vpc_id=vpc.id,
            description="HTTPS from inside the VPC to AWS services",
            tags=self.tags(name=self.named("group")),
            opts=self.child(),
        )
        ec2.SecurityGroupRule(
            self.named("https"),
            region=place.region,
            security_group_id=group.id,
            type="ingress",
            protocol="tcp",
            from_port=443,
            to_port=443,
            cidr_blocks=[vpc.cidr_block],
            description="HTTPS from inside the VPC",
            opts=self.child(),
        )
        for service in config.interface_endpoints:
            ec2.VpcEndpoint(
                self.named(service.replace(".", "-")),
                region=place.region,
                vpc_id=vpc.id,
                service_name=f"com.amazonaws.{place.region}.{service}",
                vpc_endpoint_type="Interface",
                subnet_ids=list(subnet_ids),
                security_group_ids=[group.id],
                private_dns_enabled=True,
                tags=self.tags(name=self.named(service.replace(".", "-"))),
                opts=self.child(),
            )
        self.register_outputs({})
