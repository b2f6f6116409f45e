"""What the lowest layer and the network promise, read from the recorded plan of every shipped environment."""

from __future__ import annotations

import json
from collections.abc import Callable
from ipaddress import IPv4Network
from itertools import combinations
from typing import Any

import pytest

from reelplane_infra.config import Environment
from reelplane_infra.record import Mode, Record, RecordedPlan

Program = Callable[..., Record]
EXISTING = {
    "vpc_id": "vpc-0123456789abcdef0",
    "cidr": "172.20.0.0/16",
    "private_subnet_ids": ["subnet-0000000000000000a", "subnet-0000000000000000b"],
    "isolated_subnet_ids": ["subnet-0000000000000000c", "subnet-0000000000000000d"],
    "public_subnet_ids": ["subnet-0000000000000000e", "subnet-0000000000000000f"],
}
NETWORK = """
from reelplane_infra.components.network import Network
network = Network("network", environment.at(place.region).network, place, slot=0, key_arn="arn:aws:kms:x")
pulumi.export("private", network.private_subnet_ids)
"""


def statements(document: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(document)["Statement"]
    return found


def test_every_region_has_the_same_key_under_its_own_arn(everywhere: RecordedPlan) -> None:
    arns = everywhere.record("global.foundation").outputs["key_arns"]
    assert isinstance(arns, dict)
    assert len(arns) == 5
    assert {str(arn).split(":")[3] for arn in arns.values()} == set(arns)
    assert len({str(arn).rpartition("/")[2] for arn in arns.values()}) == 1


def test_images_are_replicated_into_every_region_but_the_hubs(everywhere: RecordedPlan) -> None:
    (made,) = everywhere.record("global.foundation").of_type(
        "aws:ecr/replicationConfiguration:ReplicationConfiguration"
    )
    rule = made.inputs["replicationConfiguration"]["rules"][0]  # type: ignore[index,call-overload]
    regions = {each["region"] for each in rule["destinations"]}  # type: ignore[index,call-overload]
    assert regions == {"eu-west-1", "ap-southeast-1", "us-east-1", "eu-central-1"}


def test_the_deployer_changes_nothing_outside_of_its_environment_and_makes_no_users(
    dev: RecordedPlan,
) -> None:
    policies = dev.record("dev.foundation").of_type("aws:iam/policy:Policy")
    assert len(policies) == 3
    allowed = [
        each for made in policies for each in statements(made.inputs["policy"]) if each["Effect"] == "Allow"
    ]
    actions = [action for each in allowed for action in [each["Action"]] if isinstance(action, str)]
    actions += [action for each in allowed if isinstance(each["Action"], list) for action in each["Action"]]
    assert not [action for action in actions if action == "*" or action.endswith(":*") or "User" in action]
    passing = [each for each in allowed if each["Action"] == "iam:PassRole"]
    assert all(each["Condition"]["StringEquals"]["iam:PassedToService"] for each in passing)


def test_the_deployer_reads_the_values_of_its_own_secrets_only(dev: RecordedPlan) -> None:
    policies = dev.record("dev.foundation").of_type("aws:iam/policy:Policy")
    reading = [
        each["Resource"]
        for made in policies
        for each in statements(made.inputs["policy"])
        if {"secretsmanager:GetSecretValue", "secretsmanager:Get*"} & set(each["Action"])
    ]
    assert reading == [["arn:aws:secretsmanager:*:111122223333:secret:dev-*"]]


def test_the_deployers_policies_are_of_a_size_that_iam_takes(everywhere: RecordedPlan) -> None:
    """IAM does not count white space, and a text with it is longer: what passes here passes there."""
    policies = everywhere.record("global.foundation").of_type("aws:iam/policy:Policy")
    assert max(len(str(made.inputs["policy"])) for made in policies) <= 6144


def test_the_deployer_may_change_every_service_of_the_plan(everywhere: RecordedPlan) -> None:
    """By IAM's prefix, where it is not the SDK's module."""
    prefix = {
        "arcregionswitch": "arc-region-switch",
        "cloudwatch": "events",
        "keyspaces": "cassandra",
        "lb": "elasticloadbalancing",
        "msk": "kafka",
        "opensearch": "es",
    }
    modules = {
        each.type.split(":")[1].partition("/")[0]
        for _, each in everywhere.resources()
        if each.type.startswith("aws:")
    }
    policies = everywhere.record("global.foundation").of_type("aws:iam/policy:Policy")
    allowed = {
        str(action).partition(":")[0]
        for made in policies
        for each in statements(made.inputs["policy"])
        for action in ([each["Action"]] if isinstance(each["Action"], str) else each["Action"])
    }
    assert {prefix.get(each, each) for each in modules} <= allowed


@pytest.mark.parametrize("name", ["dev", "startup", "global"])
def test_no_two_networks_of_an_environment_overlap(
    plan: Callable[[str, Mode], RecordedPlan], name: str
) -> None:
    made = [each for _, each in plan(name, Mode.UPDATE).resources() if each.type == "aws:ec2/vpc:Vpc"]
    blocks = [IPv4Network(str(each.inputs["cidrBlock"])) for each in made]
    assert not any(one.overlaps(other) for one, other in combinations(blocks, 2))


def test_isolated_subnets_have_no_way_to_the_internet(everywhere: RecordedPlan) -> None:
    for record in everywhere.records:
        tables = {
            each.id for each in record.of_type("aws:ec2/routeTable:RouteTable") if "isolated" in each.name
        }
        routes = record.of_type("aws:ec2/route:Route")
        assert not [each for each in routes if each.inputs["routeTableId"] in tables]


def test_each_zone_leaves_by_its_own_gateway_unless_one_is_chosen(
    everywhere: RecordedPlan, dev: RecordedPlan
) -> None:
    def gateways(record: Record) -> int:
        return len(record.of_type("aws:ec2/natGateway:NatGateway"))

    assert gateways(everywhere.record("global.region.eu-west-1")) == 3
    assert gateways(dev.record("dev.region.us-west-2")) == 1


def test_a_network_that_exists_is_used_and_nothing_in_it_is_made(
    program: Program, environment: Callable[..., Environment]
) -> None:
    record = program(NETWORK, environment=environment(region={"network": {"existing": EXISTING}}))
    assert not list(record.managed())
    assert record.outputs["private"] == EXISTING["private_subnet_ids"]


def test_data_is_protected_and_kept_until_a_teardown_is_asked_for(
    program: Program, environment: Callable[..., Environment]
) -> None:
    source = """
        from reelplane_infra.components.keys import Keys
        Keys("keys", environment.foundation.keys, place, regions=[])
    """
    (kept,) = program(source).of_type("aws:kms/key:Key")
    assert (kept.protect, kept.retain) == (True, True)
    (free,) = program(source, environment=environment(teardown=True)).of_type("aws:kms/key:Key")
    assert (free.protect, free.retain) == (False, False)


def test_every_resource_of_a_region_stack_stands_in_that_region(everywhere: RecordedPlan) -> None:
    for record, each in everywhere.resources():
        if record.stack.region is not None and each.region is not None:
            assert each.region == record.stack.region, each.urn
