"""What the internet reaches: the CDN, public load balancers at 443, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import ip_network
from typing import Any, Final

from reelplane_policies.rule import (
    UNKNOWN,
    Level,
    Requirement,
    Resource,
    Rule,
    Settings,
    StackRule,
    Violation,
    at,
    companion,
    not_true,
    one_of,
    present,
    required,
    true,
)

BUCKET: Final = "aws:s3/bucket:Bucket"
BLOCK: Final = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
CLUSTER: Final = "aws:eks/cluster:Cluster"
GROUP: Final = "aws:ec2/securityGroup:SecurityGroup"
DEFAULT_GROUP: Final = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
VPC: Final = "aws:ec2/vpc:Vpc"
GROUP_RULE: Final = "aws:ec2/securityGroupRule:SecurityGroupRule"
INGRESS_RULE: Final = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
BALANCER: Final = "aws:lb/loadBalancer:LoadBalancer"
ON: Final = "has to be true"
OFF: Final = "has to be false"
WIDEST: Final = 8
"""Bits of the widest private network, 10.0.0.0/8; whatever is wider is the internet."""
HTTPS: Final = 443


def public(cidr: Any) -> bool:
    """Whether a network has addresses of the internet in it."""
    try:
        network = ip_network(cidr, strict=False)
    except ValueError:
        return False
    return network.prefixlen < WIDEST or not network.is_private


def _openings(resource: Resource) -> Iterator[tuple[str, Any, Any, Any]]:
    """Path, network, first and last port of what comes in."""
    props = resource.props
    if resource.type == GROUP_RULE:
        if props.get("type") != "ingress":
            return
        for key in ("cidrBlocks", "ipv6CidrBlocks"):
            for index, each in enumerate(props.get(key) or ()):
                yield f"{key}[{index}]", each, props.get("fromPort"), props.get("toPort")
    elif resource.type == INGRESS_RULE:
        for key in ("cidrIpv4", "cidrIpv6"):
            if props.get(key) is not None:
                yield key, props[key], props.get("fromPort"), props.get("toPort")
    else:
        for path, rule in at(props, "ingress[]"):
            for key in ("cidrBlocks", "ipv6CidrBlocks"):
                for index, each in enumerate((rule or {}).get(key) or ()):
                    yield f"{path}.{key}[{index}]", each, rule.get("fromPort"), rule.get("toPort")


def _groups(resources: Sequence[Resource], settings: Settings) -> Iterator[Violation]:
    """The internet comes in at 443 of groups that public load balancers stand in."""
    fronts = [each for each in resources if each.type == BALANCER and not true(each.props.get("internal"))]
    for resource in resources:
        if resource.type not in (GROUP, GROUP_RULE, INGRESS_RULE):
            continue
        for path, network, first, last in _openings(resource):
            if not public(network):
                continue
            if (first, last) != (HTTPS, HTTPS) or not _before(resource, fronts):
                yield Violation(
                    path,
                    f"{network} has to be a private network; the internet comes in at 443 of public "
                    "load balancers only",
                    resource.urn,
                )


def _before(resource: Resource, fronts: Sequence[Resource]) -> bool:
    """Whether the group of ``resource`` is that of a public load balancer."""
    own = set(resource.links.get("securityGroupId", ())) | {resource.urn}
    name = resource.props.get("securityGroupId")
    return any(
        own & set(front.links.get("securityGroups", ())) or name in (front.props.get("securityGroups") or ())
        for front in fronts
    )


def _balancers(resources: Sequence[Resource], settings: Settings) -> Iterator[Violation]:
    """A load balancer that is not internal takes HTTPS from behind a firewall's rules or a CDN."""
    for each in resources:
        if (
            each.type == BALANCER
            and each.props.get("internal") is not UNKNOWN
            and not true(each.props.get("internal"))
        ):
            yield Violation(
                "internal", "is public; the CDN reaches an internal one through a VPC origin", each.urn
            )


def _private_network(cidr: Any) -> bool:
    return cidr is None or not public(cidr)


def _endpoint(resource: Resource, settings: Settings) -> Iterator[Violation]:
    config = resource.props.get("vpcConfig") or {}
    if not true(config.get("endpointPrivateAccess")):
        yield Violation(
            "vpcConfig.endpointPrivateAccess", "has to be true, so that nodes stay inside the VPC"
        )
    if config.get("endpointPublicAccess") is False:
        return
    networks = config.get("publicAccessCidrs") or ()
    if not networks:
        yield Violation("vpcConfig.endpointPublicAccess", "has to be false, or publicAccessCidrs set")
    for index, each in enumerate(networks):
        if each not in settings.endpoint_cidrs:
            yield Violation(
                f"vpcConfig.publicAccessCidrs[{index}]", f"{each} is none of the networks of the config"
            )


RULES = (
    companion(
        "s3-private",
        "Every bucket refuses public access",
        kind=BUCKET,
        other=BLOCK,
        prop="bucket",
        message="needs a BucketPublicAccessBlock in its stack",
    ),
    required(
        "s3-block-public-access",
        "A bucket refuses public access in all four ways",
        *(
            Requirement((BLOCK,), each, true, ON)
            for each in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
        ),
    ),
    required(
        "s3-no-acls",
        "Access to objects is the bucket owner's to give",
        Requirement(
            ("aws:s3/bucketOwnershipControls:BucketOwnershipControls",),
            "rule.objectOwnership",
            one_of("BucketOwnerEnforced"),
            "has to be BucketOwnerEnforced",
        ),
    ),
    required(
        "rds-private",
        "Databases have no public address",
        Requirement(
            ("aws:rds/clusterInstance:ClusterInstance", "aws:rds/instance:Instance"),
            "publiclyAccessible",
            not_true,
            OFF,
        ),
    ),
    required(
        "opensearch-private",
        "Search is inside a VPC, and asks everyone who they are",
        Requirement(
            ("aws:opensearch/domain:Domain",), "vpcOptions.subnetIds", present, "has to name subnets"
        ),
        Requirement(
            ("aws:opensearch/domain:Domain",), "vpcOptions.securityGroupIds", present, "has to name groups"
        ),
        Requirement(("aws:opensearch/domain:Domain",), "advancedSecurityOptions.enabled", true, ON),
        Requirement(
            ("aws:opensearch/domain:Domain",), "advancedSecurityOptions.anonymousAuthEnabled", not_true, OFF
        ),
        Requirement(
            ("aws:opensearch/domain:Domain",),
            "advancedSecurityOptions.internalUserDatabaseEnabled",
            not_true,
            "has to be false: its users have passwords and no IAM",
        ),
    ),
    required(
        "msk-private",
        "Brokers have no public addresses, and ask everyone who they are",
        Requirement(
            ("aws:msk/cluster:Cluster",),
            "brokerNodeGroupInfo.connectivityInfo.publicAccess.type",
            one_of(None, "DISABLED"),
            "has to be DISABLED",
        ),
        Requirement(("aws:msk/cluster:Cluster",), "clientAuthentication.sasl.iam", true, ON),
    ),
    required(
        "subnet-private",
        "No subnet gives addresses of the internet by itself",
        Requirement(("aws:ec2/subnet:Subnet",), "mapPublicIpOnLaunch", not_true, OFF),
    ),
    required(
        "vpc-private-addresses",
        "Networks have private addresses",
        Requirement(
            (VPC, "aws:ec2/subnet:Subnet"), "cidrBlock", _private_network, "has to be private (RFC 1918)"
        ),
    ),
    required(
        "trusted-proxies",
        "An address that a client claims to have is believed from private networks only",
        Requirement(
            ("kubernetes:reelplane.io/v1alpha1:VideoPlatform",),
            "spec.api.trustedProxies[]",
            _private_network,
            "has to be private (RFC 1918)",
        ),
    ),
    companion(
        "vpc-default-group",
        "The default group of every VPC is closed",
        kind=VPC,
        other=DEFAULT_GROUP,
        prop="vpcId",
        message="needs a DefaultSecurityGroup without rules: AWS's own lets members reach each other",
    ),
    required(
        "instance-metadata",
        "Instance metadata is given to version 2 of its protocol only, and to no pod",
        Requirement(
            ("aws:ec2/launchTemplate:LaunchTemplate",),
            "metadataOptions.httpTokens",
            one_of("required"),
            "has to be required",
        ),
        Requirement(
            ("aws:ec2/launchTemplate:LaunchTemplate",),
            "metadataOptions.httpPutResponseHopLimit",
            one_of(1),
            "has to be 1",
        ),
    ),
    required(
        "default-group-closed",
        "What names no security group reaches nothing",
        Requirement(
            (DEFAULT_GROUP,),
            "ingress",
            lambda each: not each,
            "has to be empty",
        ),
        Requirement(
            (DEFAULT_GROUP,),
            "egress",
            lambda each: not each,
            "has to be empty",
        ),
    ),
    required(
        "origin-access",
        "The CDN signs all that it asks of a bucket",
        Requirement(
            ("aws:cloudfront/originAccessControl:OriginAccessControl",),
            "signingBehavior",
            one_of("always"),
            "has to be always",
        ),
    ),
    Rule(
        "eks-endpoint",
        "A Kubernetes API server is reached from its VPC, and from named networks",
        _endpoint,
        frozenset({CLUSTER}),
        settings=("endpoint_cidrs",),
    ),
    StackRule("security-groups", "The internet comes in at 443 of public load balancers only", _groups),
    StackRule("lb-internal", "Load balancers are behind the CDN", _balancers, level=Level.ADVISORY),
)
