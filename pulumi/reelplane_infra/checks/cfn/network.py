"""VPC and what is in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reelplane_infra.checks.cfn.counterpart import DESTROYED, Counterpart, Table, of
from reelplane_infra.checks.shaping import Rules


def _rule(inputs: Mapping[str, Any]) -> str:
    return (
        "AWS::EC2::SecurityGroupIngress"
        if inputs.get("type") == "ingress"
        else "AWS::EC2::SecurityGroupEgress"
    )


def _first(values: list[Any]) -> Any:
    """CloudFormation takes one block a rule; the others are of the same form."""
    return values[0] if values else None


def _rules(inputs: Mapping[str, Any]) -> Rules:
    """A rule names the other side as a source or as a destination, by its direction."""
    other = "Source" if inputs.get("type") == "ingress" else "Destination"
    return Rules(
        rename={
            "securityGroupId": "GroupId",
            "protocol": "IpProtocol",
            "cidrBlocks": "CidrIp",
            "ipv6CidrBlocks": "CidrIpv6",
            "sourceSecurityGroupId": f"{other}SecurityGroupId",
            "self": f"{other}SecurityGroupId",
            "prefixListIds": f"{other}PrefixListId",
        },
        convert={
            "cidrBlocks": _first,
            "ipv6CidrBlocks": _first,
            "prefixListIds": _first,
            "self": lambda _: inputs["securityGroupId"],
        },
        drop={"type": "is the CloudFormation type"},
    )


def _one_rule(other: str) -> Mapping[str, Any]:
    """Renames of the newer resource types, which have a rule for each direction."""
    return {
        "rename": {
            "securityGroupId": "GroupId",
            "cidrIpv4": "CidrIp",
            "referencedSecurityGroupId": f"{other}SecurityGroupId",
            "prefixListId": f"{other}PrefixListId",
        },
        "drop": {"tags": "rules have no tags there"},
    }


_GROUP: Final = {
    f"{way}.{name}": place
    for way in ("ingress", "egress")
    for name, place in (("protocol", "IpProtocol"), ("cidrBlocks", "CidrIp"), ("ipv6CidrBlocks", "CidrIpv6"))
}

TABLE: Final[Table] = {
    "aws:ec2/vpc:Vpc": of("AWS::EC2::VPC"),
    "aws:ec2/subnet:Subnet": of("AWS::EC2::Subnet"),
    "aws:ec2/internetGateway:InternetGateway": of(
        "AWS::EC2::InternetGateway", drop={"vpcId": "is an AWS::EC2::VPCGatewayAttachment there"}
    ),
    "aws:ec2/eip:Eip": of("AWS::EC2::EIP"),
    "aws:ec2/natGateway:NatGateway": of("AWS::EC2::NatGateway"),
    "aws:ec2/routeTable:RouteTable": of("AWS::EC2::RouteTable"),
    "aws:ec2/route:Route": of("AWS::EC2::Route"),
    "aws:ec2/vpcPeeringConnection:VpcPeeringConnection": of(
        "AWS::EC2::VPCPeeringConnection", drop={"autoAccept": "says who accepts it, which no template does"}
    ),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": of("AWS::EC2::SubnetRouteTableAssociation"),
    "aws:ec2/securityGroup:SecurityGroup": of(
        "AWS::EC2::SecurityGroup",
        rename={
            "name": "GroupName",
            "description": "GroupDescription",
            "ingress": "SecurityGroupIngress",
            "egress": "SecurityGroupEgress",
            **_GROUP,
        },
        convert={path: _first for path in _GROUP if path.endswith("locks")},
        drop={
            "revokeRulesOnDelete": DESTROYED,
            "ingress.self": "stands for the group's own id",
            "egress.self": "stands for the group's own id",
            "ingress.securityGroups": "ids of groups",
            "egress.securityGroups": "ids of groups",
        },
        constant={"GroupDescription": "Managed by Pulumi"},
    ),
    "aws:ec2/securityGroupRule:SecurityGroupRule": Counterpart(_rule, _rules),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": of(
        "AWS::EC2::SecurityGroupIngress", **_one_rule("Source")
    ),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": of(
        "AWS::EC2::SecurityGroupEgress", **_one_rule("Destination")
    ),
    "aws:ec2/vpcEndpoint:VpcEndpoint": of(
        "AWS::EC2::VPCEndpoint",
        rename={"policy": "PolicyDocument"},
        drop={"autoAccept": "for another account's service"},
    ),
    "aws:ec2/flowLog:FlowLog": of(
        "AWS::EC2::FlowLog",
        rename={"vpcId": "ResourceId", "iamRoleArn": "DeliverLogsPermissionArn"},
        constant={"ResourceType": "VPC"},
    ),
}
