"""From every region to the database's writer and back, and from the hub to every API server."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest

from reelplane_infra.config import Environment, load
from reelplane_infra.config.links import pairs
from reelplane_infra.record import Mode, RecordedPlan, Recorder, Resource, plain
from reelplane_infra.stack import Layer, StackName

PEERING = "aws:ec2/vpcPeeringConnection:VpcPeeringConnection"
ACCEPTER = "aws:ec2/vpcPeeringConnectionAccepter:VpcPeeringConnectionAccepter"
ROUTE = "aws:ec2/route:Route"
RULE = "aws:ec2/securityGroupRule:SecurityGroupRule"
WRITERS = ("us-west-2", "us-east-1")
REGIONS = (*WRITERS, "eu-west-1", "eu-central-1", "ap-southeast-1")


def _of(plan: RecordedPlan, kind: str) -> list[Resource]:
    return plan.record("global.data").of_type(kind)


def _exported(plan: RecordedPlan, region: str, name: str) -> Any:
    return plain(plan.record(f"global.region.{region}").outputs[name])


def _routes(plan: RecordedPlan, region: str, tables: str) -> set[tuple[str, str, str]]:
    """(table, destination, peering) of the routes of those tables."""
    known = _exported(plan, region, tables)
    return {
        (inputs["routeTableId"], inputs["destinationCidrBlock"], inputs["vpcPeeringConnectionId"])
        for inputs in (plain(each.inputs) for each in _of(plan, ROUTE))
        if inputs["region"] == region and inputs["routeTableId"] in known
    }


def _peering(plan: RecordedPlan, one: str, other: str) -> str:
    ends = {_exported(plan, one, "vpc_id"), _exported(plan, other, "vpc_id")}
    (found,) = (
        each
        for each in _of(plan, PEERING)
        if {plain(each.inputs)["vpcId"], plain(each.inputs)["peerVpcId"]} == ends
    )
    (accepted,) = (
        plain(each.inputs)
        for each in _of(plan, ACCEPTER)
        if plain(each.inputs)["vpcPeeringConnectionId"] == found.id
    )
    assert accepted["region"] == plain(found.inputs)["peerRegion"]
    assert accepted["autoAccept"] is True
    return str(found.id)


@pytest.mark.parametrize("writer", WRITERS)
def test_every_region_reaches_each_region_that_can_have_the_writer(
    everywhere: RecordedPlan, writer: str
) -> None:
    to_writer = _exported(everywhere, writer, "vpc_cidr")
    (group,) = {
        plain(each.inputs["vpcSecurityGroupIds"])[0]
        for each in _of(everywhere, "aws:rds/cluster:Cluster")
        if each.region == writer
    }
    let_in = {
        cidr
        for inputs in (plain(each.inputs) for each in _of(everywhere, RULE))
        if (inputs["securityGroupId"], inputs["fromPort"]) == (group, 5432)
        for cidr in inputs["cidrBlocks"]
    }
    for region in set(REGIONS) - {writer}:
        own, peering = _exported(everywhere, region, "vpc_cidr"), _peering(everywhere, writer, region)
        there = _routes(everywhere, region, "private_route_table_ids")
        for table in _exported(everywhere, region, "private_route_table_ids"):
            assert (table, to_writer, peering) in there, f"pods of {region} to the databases"
        back = _routes(everywhere, writer, "isolated_route_table_ids")
        for table in _exported(everywhere, writer, "isolated_route_table_ids"):
            assert (table, own, peering) in back, f"the databases back to {region}"
        assert own in let_in


def test_databases_that_never_take_writes_let_in_their_own_region_alone(everywhere: RecordedPlan) -> None:
    for region in set(REGIONS) - set(WRITERS):
        assert not _routes(everywhere, region, "isolated_route_table_ids")
        (rule,) = (
            plain(each.inputs)
            for each in _of(everywhere, RULE)
            if each.region == region and plain(each.inputs)["fromPort"] == 5432
        )
        assert rule["cidrBlocks"] == [_exported(everywhere, region, "vpc_cidr")]


def test_the_hub_reaches_every_api_server(everywhere: RecordedPlan) -> None:
    hub = _exported(everywhere, "us-west-2", "vpc_cidr")
    for region in set(REGIONS) - {"us-west-2"}:
        group = _exported(everywhere, region, "cluster_security_group_id")
        rules = [plain(each.inputs) for each in _of(everywhere, RULE)]
        assert [(443, [hub])] == [
            (each["fromPort"], each["cidrBlocks"]) for each in rules if each["securityGroupId"] == group
        ]


def test_platforms_write_to_the_name_that_follows_the_writer(everywhere: RecordedPlan) -> None:
    (first, *_) = _of(everywhere, "aws:rds/globalCluster:GlobalCluster")
    writers = plain(everywhere.record("global.data").outputs["database_writers"])
    assert plain(first.outputs)["endpoint"] in writers


def test_one_region_needs_no_peering(dev: RecordedPlan) -> None:
    assert not dev.record("dev.data").of_type(PEERING)


def test_networks_that_somebody_else_joins_are_left_alone(
    recorder: Recorder, everywhere: RecordedPlan
) -> None:
    data = load("global").model_dump(mode="json")
    data["data"]["links"]["enabled"] = False
    before = {str(each.stack): each.outputs for each in everywhere.records}
    record = recorder.stack(
        Environment.model_validate(data), StackName("global", Layer.DATA), Mode.UPDATE, before=before
    )
    assert not record.of_type(PEERING)
    let_in = [
        (each.region, plain(each.inputs)["cidrBlocks"])
        for each in record.of_type(RULE)
        if plain(each.inputs)["fromPort"] == 5432
    ]
    own = [(region, [_exported(everywhere, region, "vpc_cidr")]) for region in REGIONS]
    assert sorted(let_in) == sorted(own)


def test_every_pair_is_joined_once() -> None:
    assert pairs(["a"], ["a", "b", "c"]) == (("a", "b"), ("a", "c"))
    assert len(pairs("abc", "abc")) == len(list(combinations("abc", 2)))
    assert pairs(["a"], ["a"]) == ()
