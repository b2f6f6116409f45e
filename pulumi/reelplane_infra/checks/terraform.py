"""A recorded plan written as Terraform's plan JSON, which scanners that know no Pulumi can read.

pulumi-aws is made from Terraform's AWS provider, so the way back is short: type tokens become ``aws_*`` names, inputs
snake_case, and an object becomes the list of one block that it is there. What is an object (a block) and what a map
(tags) the SDK's annotations say. References are written from the recorded dependencies of each input, since scanners
follow them from a bucket to its policy. https://developer.hashicorp.com/terraform/internals/json-format (2026-11)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, get_args, get_origin

from pulumi import _types

from reelplane_infra.checks.types import alternatives
from reelplane_infra.record import Mode, RecordedPlan, Resource, plain, sdk

NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "aws:lb/loadBalancer:LoadBalancer": "aws_lb",
        "aws:rds/instance:Instance": "aws_db_instance",
        "aws:rds/subnetGroup:SubnetGroup": "aws_db_subnet_group",
        "aws:s3/bucketReplicationConfig:BucketReplicationConfig": "aws_s3_bucket_replication_configuration",
        "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": "aws_vpc_security_group_ingress_rule",
    }
)
"""Types whose name does not follow from the token."""
WITHOUT_SERVICE: Final = frozenset({"ec2", "ebs"})
"""Services that Terraform leaves out of names: ``aws_vpc``."""
PLURAL: Final = frozenset(
    {"block_device_mappings", "log_publishing_options", "network_interfaces", "tag_specifications"}
)
"""Blocks that are plural there too; pulumi-aws makes all other names of lists plural."""


@dataclass(frozen=True, slots=True)
class Synthesis:
    """A plan, and the way back from what a scanner says about it."""

    plan: dict[str, Any]
    addresses: dict[str, tuple[str, Resource]]
    """Address -> stack and resource."""


def synthesise(plan: RecordedPlan) -> Synthesis:
    """Every AWS resource of ``plan``. Raises ValueError for a plan recorded in the mode preview."""
    if plan.mode is not Mode.UPDATE:
        raise ValueError("a scanner reads values: record the plan in the mode update")
    addresses: dict[str, tuple[str, Resource]] = {}
    by_urn: dict[str, str] = {}
    for record, resource in plan.resources():
        if not resource.type.startswith("aws:"):
            continue
        address = f"{terraform_type(resource.type)}.{re.sub(r'[^A-Za-z0-9_-]', '_', resource.name)}"
        if address in addresses:
            address = f"{address}-{len(addresses)}"
        addresses[address] = (str(record.stack), resource)
        by_urn[resource.urn] = address
    values, changes, written = [], [], []
    for address, (_, resource) in addresses.items():
        kind, _, name = address.partition(".")
        about = {"address": address, "mode": "managed", "type": kind, "name": name}
        after = _block(resource.inputs, {each.name: each.type for each in sdk.inputs(resource.type)})
        values.append({**about, "provider_name": "registry.terraform.io/hashicorp/aws", "values": after})
        change = {"actions": ["create"], "before": None, "after": after, "after_unknown": {}}
        changes.append({**about, "change": change})
        written.append({**about, "expressions": dict(_references(resource, by_urn))})
    return Synthesis(
        {
            "format_version": "1.2",
            "terraform_version": "1.9.0",
            "planned_values": {"root_module": {"resources": values}},
            "resource_changes": changes,
            "configuration": {"root_module": {"resources": written}},
        },
        addresses,
    )


def terraform_type(token: str) -> str:
    """``aws:s3/bucketPolicy:BucketPolicy`` -> ``aws_s3_bucket_policy``."""
    if token in NAMES:
        return NAMES[token]
    service = token.partition(":")[2].partition("/")[0]
    name = snake(token.rpartition(":")[2])
    return f"aws_{name}" if service in WITHOUT_SERVICE else f"aws_{service}_{name}"


def snake(name: str) -> str:
    """``kmsKeyId`` -> ``kms_key_id``; ``ipv6CidrBlocks`` -> ``ipv6_cidr_blocks``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _references(resource: Resource, by_urn: Mapping[str, str]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, urns in resource.property_dependencies.items():
        known = [by_urn[urn] for urn in urns if urn in by_urn]
        if known:
            yield snake(name), {"references": [each for to in known for each in (f"{to}.id", to)]}


def _block(values: Mapping[str, Any], types: Mapping[str, Any]) -> dict[str, Any]:
    return dict(_attribute(name, plain(value), types.get(name)) for name, value in values.items())


def _attribute(name: str, value: Any, hint: Any) -> tuple[str, Any]:
    key = snake(name)
    for kind in alternatives(hint):
        if isinstance(kind, type) and _types.is_input_type(kind) and isinstance(value, dict):
            return key, [_block(value, _fields(kind))]
        inner = alternatives(get_args(kind)[0]) if get_origin(kind) is not None and get_args(kind) else ()
        for item in inner:
            if isinstance(item, type) and _types.is_input_type(item) and isinstance(value, list):
                return singular(key), [_block(each, _fields(item)) for each in value]
    return key, value


def _fields(kind: type) -> dict[str, Any]:
    return {each.name: each.type for each in sdk.arguments(kind)}


def singular(name: str) -> str:
    """The name of a block that may stand several times."""
    if name in PLURAL or not name.endswith("s") or name.endswith(("ss", "us")):
        return name
    return f"{name[:-3]}y" if name.endswith("ies") else name[:-1]
