"""VPC and what is in it (Amazon EC2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, TypedDict

from reelplane_infra.checks.accept.translation import Call, Made, Table, Translation, one
from reelplane_infra.checks.shaping import Rules


class Tagged(TypedDict):
    rename: Mapping[str, str]
    convert: Mapping[str, Callable[[Any], Any]]


def tagged(kind: str) -> Tagged:
    """Rules for the tags of a new resource of ``kind``, which EC2 takes by kind."""
    return {
        "rename": {"tags": "TagSpecifications"},
        "convert": {"tags": lambda tags: [{"ResourceType": kind, "Tags": pairs(tags)}]},
    }


def pairs(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _permission(made: Made) -> Mapping[str, Any]:
    """A rule of a security group as EC2 takes it: protocol, ports and one kind of source."""
    given = made.inputs
    entry: dict[str, Any] = {
        "IpProtocol": given.get("protocol", given.get("ipProtocol")),
        "FromPort": given.get("fromPort"),
        "ToPort": given.get("toPort"),
    }
    note = {"Description": given["description"]} if given.get("description") else {}
    blocks = given.get("cidrBlocks") or [each for each in [given.get("cidrIpv4")] if each]
    group = given.get("sourceSecurityGroupId") or given.get("referencedSecurityGroupId")
    prefixes = given.get("prefixListIds") or [each for each in [given.get("prefixListId")] if each]
    if blocks:
        entry["IpRanges"] = [{"CidrIp": each, **note} for each in blocks]
    if given.get("ipv6CidrBlocks"):
        entry["Ipv6Ranges"] = [{"CidrIpv6": each, **note} for each in given["ipv6CidrBlocks"]]
    if prefixes:
        entry["PrefixListIds"] = [{"PrefixListId": each, **note} for each in prefixes]
    if group or given.get("self"):
        entry["UserIdGroupPairs"] = [{"GroupId": group or given["securityGroupId"], **note}]
    return {"IpPermissions": [{key: each for key, each in entry.items() if each is not None}]}


def _inline(operation: str, key: str) -> Call:
    """The rules that a security group has in its own inputs."""

    def permissions(made: Made) -> Mapping[str, Any]:
        rules = made.inputs.get(key) or ()
        entries = [_permission(replace(made, inputs={**rule, "securityGroupId": made.id})) for rule in rules]
        return {"IpPermissions": [each for entry in entries for each in entry["IpPermissions"]]}

    return Call(operation, Rules(constant={"GroupId": "{id}"}, drop={key: _WHERE}), (key,), build=permissions)


_PERMISSION: Final = (
    "protocol", "ipProtocol", "fromPort", "toPort", "description", "cidrBlocks", "cidrIpv4", "self", "type",
    "sourceSecurityGroupId", "referencedSecurityGroupId", "prefixListIds", "prefixListId", "ipv6CidrBlocks",
)  # fmt: skip
_WHERE: Final = "is in IpPermissions"
_IN_PERMISSION: Final = dict.fromkeys(_PERMISSION, _WHERE)


def _authorize(made: Made) -> str:
    return (
        "AuthorizeSecurityGroupIngress"
        if made.inputs["type"] == "ingress"
        else "AuthorizeSecurityGroupEgress"
    )


def _rule(operation: str | Callable[[Made], str]) -> Translation:
    tags = tagged("security-group-rule")
    return one(
        "ec2",
        operation,
        "SecurityGroupRules[0].SecurityGroupRuleId",
        build=_permission,
        rename={"securityGroupId": "GroupId", **tags["rename"]},
        convert=tags["convert"],
        drop=_IN_PERMISSION,
    )


def _attribute(operation: str, key: str, owner: str) -> Call:
    """A call that sets one switch, which EC2 wraps in a structure."""
    return Call(operation, Rules(constant={owner: "{id}"}, convert={key: lambda on: {"Value": on}}), (key,))


def _only_default(made: Made) -> Mapping[str, Any]:
    return {
        "Filters": [
            {"Name": "vpc-id", "Values": [made.inputs["vpcId"]]},
            {"Name": "group-name", "Values": ["default"]},
        ]
    }


TABLE: Final[Table] = {
    "aws:ec2/vpc:Vpc": one(
        "ec2",
        "CreateVpc",
        "Vpc.VpcId",
        outputs={"arn": "arn:aws:ec2:{region}:{account}:vpc/{id}"},
        then=(
            _attribute("ModifyVpcAttribute", "enableDnsSupport", "VpcId"),
            _attribute("ModifyVpcAttribute", "enableDnsHostnames", "VpcId"),
        ),
        **tagged("vpc"),
    ),
    "aws:ec2/subnet:Subnet": one(
        "ec2",
        "CreateSubnet",
        "Subnet.SubnetId",
        then=(_attribute("ModifySubnetAttribute", "mapPublicIpOnLaunch", "SubnetId"),),
        **tagged("subnet"),
    ),
    "aws:ec2/internetGateway:InternetGateway": one(
        "ec2",
        "CreateInternetGateway",
        "InternetGateway.InternetGatewayId",
        then=(Call("AttachInternetGateway", Rules(constant={"InternetGatewayId": "{id}"}), ("vpcId",)),),
        **tagged("internet-gateway"),
    ),
    "aws:ec2/eip:Eip": one("ec2", "AllocateAddress", "AllocationId", **tagged("elastic-ip")),
    "aws:ec2/natGateway:NatGateway": one(
        "ec2", "CreateNatGateway", "NatGateway.NatGatewayId", **tagged("natgateway")
    ),
    "aws:ec2/routeTable:RouteTable": one(
        "ec2", "CreateRouteTable", "RouteTable.RouteTableId", **tagged("route-table")
    ),
    "aws:ec2/route:Route": one("ec2", "CreateRoute", "r-{routeTableId}"),
    "aws:ec2/vpcPeeringConnection:VpcPeeringConnection": one(
        "ec2",
        "CreateVpcPeeringConnection",
        "VpcPeeringConnection.VpcPeeringConnectionId",
        **tagged("vpc-peering-connection"),
        drop={"autoAccept": "says who accepts it: the accepter's own resource"},
    ),
    "aws:ec2/vpcPeeringConnectionAccepter:VpcPeeringConnectionAccepter": one(
        "ec2",
        "AcceptVpcPeeringConnection",
        "VpcPeeringConnection.VpcPeeringConnectionId",
        drop={"autoAccept": "is what the call does", "tags": "are a call of their own"},
    ),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": one("ec2", "AssociateRouteTable", "AssociationId"),
    "aws:ec2/securityGroup:SecurityGroup": one(
        "ec2",
        "CreateSecurityGroup",
        "GroupId",
        then=(
            # EC2 lets a new group send everything; the provider takes that rule away, so that the program's are all.
            Call(
                "RevokeSecurityGroupEgress",
                Rules(constant={"GroupId": "{id}"}),
                (),
                build=lambda _: {
                    "IpPermissions": [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
                },
            ),
            _inline("AuthorizeSecurityGroupIngress", "ingress"),
            _inline("AuthorizeSecurityGroupEgress", "egress"),
        ),
        rename={"name": "GroupName", "tags": "TagSpecifications"},
        convert=tagged("security-group")["convert"],
        drop={"revokeRulesOnDelete": "read when the resource is destroyed"},
        constant={"GroupName": "{name}", "Description": "Managed by Pulumi"},
    ),
    "aws:ec2/securityGroupRule:SecurityGroupRule": _rule(_authorize),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": _rule("AuthorizeSecurityGroupIngress"),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": _rule("AuthorizeSecurityGroupEgress"),
    "aws:ec2/vpcEndpoint:VpcEndpoint": one(
        "ec2",
        "CreateVpcEndpoint",
        "VpcEndpoint.VpcEndpointId",
        rename={"policy": "PolicyDocument", "tags": "TagSpecifications"},
        convert=tagged("vpc-endpoint")["convert"],
        drop={"autoAccept": "for an endpoint service of another account"},
    ),
    "aws:ec2/flowLog:FlowLog": one(
        "ec2",
        "CreateFlowLogs",
        "FlowLogIds[0]",
        rename={
            "vpcId": "ResourceIds",
            "iamRoleArn": "DeliverLogsPermissionArn",
            "tags": "TagSpecifications",
        },
        convert=tagged("vpc-flow-log")["convert"],
        constant={"ResourceType": "VPC"},
    ),
    # The VPC makes its default group; the provider takes it over and removes its rules.
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": one(
        "ec2",
        "DescribeSecurityGroups",
        "SecurityGroups[0].GroupId",
        build=_only_default,
        drop={"vpcId": "is in Filters"},
        then=(Call("CreateTags", Rules(constant={"Resources": ["{id}"]}), ("tags",)),),
    ),
}
