"""CloudFormation's schemas against the recorded plan: nothing of it is refused, and each kind of wrong value is."""

from __future__ import annotations

import pytest

from reelplane_infra.checks.cfn import COUNTERPARTS
from reelplane_infra.checks.finding import Finding
from reelplane_infra.checks.schema import check_schema
from reelplane_infra.record import Mode, Record, RecordedPlan, Resource
from reelplane_infra.stack import StackName

STACK = StackName.parse("wrong.region.eu-west-1")


def findings(type: str, inputs: dict[str, object], region: str = "eu-west-1") -> list[Finding]:
    made = Resource(
        urn=f"urn:pulumi:{STACK}::reelplane::{type}::it",
        type=type,
        name="it",
        inputs={"region": region, **inputs},  # type: ignore[dict-item]
    )
    return check_schema(RecordedPlan({}, Mode.UPDATE, (Record(STACK, Mode.UPDATE, (made,)),)))


def test_the_schemas_refuse_nothing_of_the_plan(proven: RecordedPlan) -> None:
    assert [str(each) for each in check_schema(proven)] == []


@pytest.mark.parametrize(
    ("type", "inputs", "path", "said"),
    [
        (
            "aws:ec2/vpc:Vpc",
            {"cidrBlock": "10.0.0.0/16", "instanceTenancy": "shared"},
            "instanceTenancy",
            "'shared'",
        ),
        ("aws:ec2/vpc:Vpc", {"cidrBlock": "10.0.0.0/33"}, "cidrBlock", "10.0.0.0/33"),
        (
            "aws:ec2/securityGroup:SecurityGroup",
            {"description": "the region's pods"},
            "description",
            "does not match",
        ),
        ("aws:iam/role:Role", {"name": "r" * 65, "assumeRolePolicy": "{}"}, "name", "longer than 64"),
        (
            "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
            {"bucket": "media", "rules": [{"id": "a", "status": "On"}]},
            "rules",
            "'On'",
        ),
        (
            "aws:eks/accessEntry:AccessEntry",
            {"clusterName": "c"},
            "",
            "'PrincipalArn' is a required property",
        ),
    ],
)
def test_a_wrong_value_is_told_by_its_input(
    type: str, inputs: dict[str, object], path: str, said: str
) -> None:
    found = findings(type, inputs)
    assert any(each.path == path and said in each.message for each in found), found


def test_a_type_that_a_region_does_not_have_is_refused_there() -> None:
    serverless = "aws:msk/serverlessCluster:ServerlessCluster"
    assert "schema-region" not in {each.rule for each in findings(serverless, {"clusterName": "reelplane"})}
    (found,) = findings(serverless, {"clusterName": "reelplane"}, region="us-west-1")
    assert (found.rule, found.path) == ("schema-region", "region")
    assert "AWS::MSK::ServerlessCluster does not exist in us-west-1" in found.message


def test_an_input_without_a_place_is_not_left_out_silently() -> None:
    (found,) = findings("aws:sqs/queue:Queue", {"name": "jobs", "visibilityTimeoutMinutes": 3})
    assert (found.rule, found.path) == ("schema-unmapped", "visibilityTimeoutMinutes")


def test_every_input_that_is_left_out_has_a_reason() -> None:
    reasons = [
        reason
        for row in COUNTERPARTS.values()
        for reason in row.ruled({"type": "ingress", "securityGroupId": ""}).drop.values()
    ]
    assert all(len(reason) > 10 for reason in reasons)
