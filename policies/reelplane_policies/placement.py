"""Where things stand: a region's stack in its region and in no other, everything in the environment's regions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from reelplane_policies.rule import UNKNOWN, Resource, Rule, Settings, StackRule, Violation

GLOBAL_SERVICES: Final = frozenset({"iam", "cloudfront", "route53", "budgets"})
"""Services whose resources have no region of their own; the middle of a type token."""
CDN_REGION: Final = "us-east-1"
"""Where CloudFront has its certificates, firewalls and logs,
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cnames-and-https-requirements.html (2026-11)."""
CDN_TYPES: Final = re.compile(r"aws:(acm|wafv2|cloudwatch)/")
REGION: Final = re.compile(
    r"\b(?:us|eu|ap|sa|ca|me|af|il|mx)-(?:(?:north|south)?(?:east|west)|north|south|central)-[1-9]"
)

KEY: Final = re.compile(r"arn:aws:kms:([a-z0-9-]+):\d{12}:key/.+")
PARTS: Final = frozenset(
    {
        "backupVaultName", "bucket", "certificateArn", "clusterArn", "clusterIdentifier", "clusterName",
        "dbSubnetGroupName", "deliveryDestinationArn", "deliverySourceName", "eventSourceArn", "functionName",
        "keyspaceName", "listenerArn", "logDestinationConfigs", "loadBalancerArn",
        "logGroup", "parameterGroupName", "planId", "queueUrl",
        "repository", "resourceArn", "routeTableId", "rule", "securityGroupId", "securityGroups", "subnetGroupName",
        "subnetId", "subnetIds", "targetKeyId", "userGroupIds", "vpcId", "vpcSecurityGroupIds",
    }
)  # fmt: skip
"""Inputs that name something of the same region; others (a destination, a global cluster) may be anywhere."""
ARN: Final = re.compile(r"arn:aws:[a-z0-9-]+:([a-z0-9-]*):")
ELSEWHERE: Final = re.compile(r"primary|replica|destination", re.IGNORECASE)
"""Inputs that name a key of another region on purpose."""


def _region_of(stack: str) -> str:
    """The region in a stack's name; empty for stacks of the whole environment."""
    return (stack.split(".") + [""] * 3)[2]


def _is_aws(resource: Resource) -> bool:
    return resource.type.startswith("aws:")


def _service(resource: Resource) -> str:
    return resource.type.partition(":")[2].partition("/")[0]


def _explicit(resource: Resource, settings: Settings) -> Iterator[Violation]:
    if (
        _is_aws(resource)
        and _service(resource) not in GLOBAL_SERVICES
        and resource.props.get("region") is None
    ):
        yield Violation("region", "has to be said: the provider's own is whatever a person's shell has")


def _allowed(resource: Resource, settings: Settings) -> Iterator[Violation]:
    region = resource.props.get("region")
    if not _is_aws(resource) or not isinstance(region, str):
        return
    home = _region_of(resource.stack)
    if home and region != home:
        yield Violation("region", f"is {region}; a resource of {resource.stack} stands in {home}")
    elif not home and settings.regions and region not in settings.regions:
        # Only the stack of the CDN goes to the CDN's region, and only with what the CDN asks for there.
        edge = resource.stack.split(".")[1:2] == ["edge"]
        if not (edge and region == CDN_REGION and CDN_TYPES.match(resource.type)):
            yield Violation(
                "region", f"is {region}; the environment has {', '.join(sorted(settings.regions))}"
            )


def _named(resource: Resource, settings: Settings) -> Iterator[Violation]:
    """ARNs, zones and endpoints of another region are what makes one region fail with another."""
    home = _region_of(resource.stack)
    if not home or not _is_aws(resource):
        return
    for path, text in _texts(resource.props, ""):
        others = sorted(set(REGION.findall(text)) - {home})
        if others:
            yield Violation(path, f"names {', '.join(others)} in a stack of {home}")


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from _texts(each, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple):
        for index, each in enumerate(value):
            yield from _texts(each, f"{path}[{index}]")


def _zoned(resource: Resource, settings: Settings) -> Iterator[Violation]:
    """An availability zone or an endpoint's service is of the resource's own region."""
    region = resource.props.get("region")
    if not _is_aws(resource) or not isinstance(region, str):
        return
    for key in ("availabilityZone", "serviceName"):
        value = resource.props.get(key)
        if isinstance(value, str) and set(REGION.findall(value)) - {region}:
            yield Violation(key, f"is {value}; the resource stands in {region}")


def _together(resources: Sequence[Resource], settings: Settings) -> Iterator[Violation]:
    """What is a part of something, or stands in it, is where that is."""
    regions = {each.urn: each.props.get("region") for each in resources}
    for resource in resources:
        own = regions[resource.urn]
        for prop, urns in resource.links.items():
            others = {regions.get(urn) for urn in urns} - {None, UNKNOWN}
            if prop in PARTS and isinstance(own, str) and others and own not in others:
                named = ", ".join(sorted(map(str, others)))
                yield Violation("region", f"is {own}; its {prop} stands in {named}", resource.urn)


def _keys(resource: Resource, settings: Settings) -> Iterator[Violation]:
    """A service uses keys of the region that it runs in, whatever the key is a replica of; so with its parts."""
    region = resource.props.get("region")
    if not _is_aws(resource) or not isinstance(region, str):
        return
    for path, text in _texts(resource.props, ""):
        found = KEY.fullmatch(text)
        if found and found[1] != region and not ELSEWHERE.search(path):
            yield Violation(path, f"is a key of {found[1]}; the resource stands in {region}")
        part = ARN.match(text) if path.partition("[")[0] in PARTS else None
        if part and part[1] not in ("", region):
            yield Violation(path, f"is in {part[1]}; the resource stands in {region}")


RULES = (
    Rule("region-explicit", "Every resource says its region", _explicit),
    Rule("region-allowed", "Resources stand in the regions of their stack", _allowed, settings=("regions",)),
    Rule("region-alone", "A region's stack names no other region", _named),
    StackRule("region-together", "What belongs together stands in one region", _together),
    Rule("region-keys", "Keys are of the resource's region", _keys),
    Rule("region-zone", "Zones and endpoints are of the resource's region", _zoned),
)
