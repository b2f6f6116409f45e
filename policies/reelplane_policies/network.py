"""Traffic to AWS's own services stays on its network, and what goes over a VPC's network is recorded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from reelplane_policies.rule import (
    UNKNOWN,
    Requirement,
    Resource,
    Rule,
    Settings,
    StackRule,
    Violation,
    companion,
    linked,
    one_of,
    required,
    true,
)

VPC: Final = "aws:ec2/vpc:Vpc"
ENDPOINT: Final = "aws:ec2/vpcEndpoint:VpcEndpoint"
FLOW_LOG: Final = "aws:ec2/flowLog:FlowLog"
NEEDED: Final = ("s3", "ecr.api", "ecr.dkr", "sts", "logs")
"""What nodes and pods call all the time, by the last part of the service's name."""


def _endpoints(resources: Sequence[Resource], settings: Settings) -> Iterator[Violation]:
    for vpc in resources:
        if vpc.type != VPC:
            continue
        ways = linked(vpc, "vpcId", (each for each in resources if each.type == ENDPOINT))
        names = [each.props.get("serviceName") for each in ways]
        if UNKNOWN in names:
            continue
        for service in NEEDED:
            if not any(str(each).endswith(f".{service}") for each in names):
                yield Violation("", f"needs a VPC endpoint for {service}", vpc.urn)


def _private_names(resource: Resource, settings: Settings) -> Iterator[Violation]:
    if resource.props.get("vpcEndpointType") == "Interface" and not true(
        resource.props.get("privateDnsEnabled")
    ):
        yield Violation("privateDnsEnabled", "has to be true, or clients pass the endpoint by")


RULES = (
    StackRule("vpc-endpoints", "Nodes reach AWS's services inside its network", _endpoints),
    Rule(
        "vpc-endpoint-names",
        "An endpoint answers to its service's name",
        _private_names,
        frozenset({ENDPOINT}),
    ),
    companion(
        "vpc-flow-logs",
        "Who talked to whom in a VPC can be told afterwards",
        kind=VPC,
        other=FLOW_LOG,
        prop="vpcId",
        message="needs a FlowLog",
    ),
    required(
        "flow-log-traffic",
        "Flow logs have accepted and rejected traffic",
        Requirement((FLOW_LOG,), "trafficType", one_of("ALL"), "has to be ALL"),
    ),
)
