"""What the policy pack promises: every rule tells good from bad, and nothing that ships breaks a mandatory one."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reelplane_infra.checks.finding import Level
from reelplane_infra.checks.policy import PackError, check_policy, in_process, pack_config, settings
from reelplane_infra.record import Mode, Record, RecordedPlan, sdk
from reelplane_policies import RULES
from reelplane_policies.rule import UNKNOWN, Resource, Rule, Settings, StackRule, at
from reelplane_policies.tagging import TAGGED
from tests.infra.policy_cases import CASES, TAGS, allow, document

Program = Callable[..., Record]
STACK = "urn:pulumi:dev.region.us-west-2::reelplane::"
SINGLE = {rule.name: rule for rule in RULES if isinstance(rule, Rule)}
BY_STACK = {rule.name: rule for rule in RULES if isinstance(rule, StackRule)}
BUCKET, QUEUE, VPC = "aws:s3/bucket:Bucket", "aws:sqs/queue:Queue", "aws:ec2/vpc:Vpc"
TLS_ONLY = json.dumps(
    {
        "Statement": [
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": "*",
                "Resource": "*",
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ]
    }
)


def resource(kind: str, name: str = "one", *, of: tuple[str, str] | None = None, **props: Any) -> Resource:
    """``of``: an input and the name of the resource that it comes from."""
    links = {of[0]: (of[1],)} if of else {}
    return Resource(kind, name, f"{STACK}{kind}::{name}", props, protect=True, links=links)


def held(kind: str, other: str, prop: str, **props: Any) -> tuple[list[Resource], list[Resource]]:
    """A resource with the guard that it needs, and without."""
    bare = resource(kind)
    return [bare, resource(other, "guard", of=(prop, bare.urn), **props)], [bare]


def front(port: int) -> list[Resource]:
    group = resource("aws:ec2/securityGroup:SecurityGroup", "group")
    rule = "aws:ec2/securityGroupRule:SecurityGroupRule"
    props = {"type": "ingress", "cidrBlocks": ["0.0.0.0/0"], "fromPort": port, "toPort": port}
    return [
        group,
        resource(rule, of=("securityGroupId", group.urn), **props),
        replace(
            resource("aws:lb/loadBalancer:LoadBalancer", internal=False),
            links={"securityGroups": (group.urn, f"{STACK}{rule}::one")},
        ),
    ]


def endpoints(*services: str) -> list[Resource]:
    vpc = resource(VPC)
    kind = "aws:ec2/vpcEndpoint:VpcEndpoint"
    made = [
        resource(kind, each, of=("vpcId", vpc.urn), serviceName=f"com.amazonaws.x.{each}")
        for each in services
    ]
    return [vpc, *made]


def parts(region: str) -> list[Resource]:
    bucket = resource(BUCKET, region="us-west-2")
    return [bucket, resource("aws:s3/bucketPolicy:BucketPolicy", of=("bucket", bucket.urn), region=region)]


STACKS: dict[str, tuple[list[Resource], list[Resource]]] = {
    "s3-bucket-encryption": held(
        BUCKET,
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        "bucket",
    ),
    "s3-private": held(BUCKET, "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "bucket"),
    "s3-versioned": held(BUCKET, "aws:s3/bucketVersioning:BucketVersioning", "bucket"),
    "s3-tls-only": held(BUCKET, "aws:s3/bucketPolicy:BucketPolicy", "bucket", policy=TLS_ONLY),
    "sqs-tls-only": held(QUEUE, "aws:sqs/queuePolicy:QueuePolicy", "queueUrl", policy=TLS_ONLY),
    "vpc-default-group": held(VPC, "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", "vpcId"),
    "vpc-flow-logs": held(VPC, "aws:ec2/flowLog:FlowLog", "vpcId"),
    "vpc-endpoints": (endpoints("s3", "ecr.api", "ecr.dkr", "sts", "logs"), endpoints("s3")),
    "security-groups": (front(443), front(22)),
    "lb-internal": (
        [resource("aws:lb/loadBalancer:LoadBalancer", internal=True)],
        [resource("aws:lb/loadBalancer:LoadBalancer")],
    ),
    "region-together": (parts("us-west-2"), parts("eu-west-1")),
}


def changed(kind: str, good: dict[str, Any], bad: dict[str, Any]) -> Resource:
    props = {key: value for key, value in {**good, **bad}.items() if value is not None and key[0] != "$"}
    made = resource(bad.get("$type", kind), **props)
    return replace(made, protect=bad.get("$protect", True))


@pytest.mark.parametrize("name", SINGLE)
def test_each_rule_passes_what_is_right_and_names_what_is_wrong(name: str) -> None:
    kind, good, bad = CASES[name]
    rule, decided = SINGLE[name], Settings(regions=frozenset({"us-west-2"}))
    assert list(rule.violations(changed(kind, good, {}), decided)) == []
    wrong = list(rule.violations(changed(kind, good, bad), decided))
    assert wrong
    assert all(each.message for each in wrong)


@pytest.mark.parametrize("name", [each for each in BY_STACK if each != "cost-ceiling"])
def test_each_rule_about_a_stack_passes_what_is_right_and_names_what_is_wrong(name: str) -> None:
    good, bad = STACKS[name]
    assert list(BY_STACK[name].check(good, Settings())) == []
    wrong = list(BY_STACK[name].check(bad, Settings()))
    assert wrong
    assert {each.urn for each in wrong} <= {each.urn for each in bad}


@pytest.mark.parametrize(
    ("condition", "narrows"),
    [
        ({"StringEquals": {"aws:ResourceTag/reelplane:environment": "dev"}}, True),
        ({"StringEquals": {"aws:RequestedRegion": "us-west-2"}}, False),
        ({"Bool": {"aws:SecureTransport": "true"}, "IpAddress": {"AWS:SourceIp": "10.0.0.0/8"}}, False),
    ],
)
def test_a_condition_names_resources_only_if_it_asks_about_them(
    condition: dict[str, Any], narrows: bool
) -> None:
    policy = resource("aws:iam/policy:Policy", **document(allow("s3:PutObject", "*", Condition=condition)))
    assert (not list(SINGLE["iam-resources"].violations(policy, Settings()))) is narrows


def test_an_environment_dearer_than_its_budget_is_told() -> None:
    rule, budget = BY_STACK["cost-ceiling"], [resource("aws:budgets/budget:Budget")]
    assert list(rule.check(budget, Settings(estimate_usd=400, ceiling_usd=500))) == []
    (found,) = rule.check(budget, Settings(estimate_usd=600, ceiling_usd=500))
    assert found.message == "the environment costs $600 a month, its budget is $500"


def test_rules_have_names_of_their_own_and_no_case_is_left_over() -> None:
    names = [rule.name for rule in RULES]
    assert len(names) == len(set(names))
    assert set(CASES) == set(SINGLE)
    assert {*STACKS, "cost-ceiling"} == set(BY_STACK)


@pytest.mark.parametrize(
    "name", sorted({"log-retention", "rds-backups", "iam-actions", "region-allowed", "tags"})
)
def test_what_a_preview_does_not_know_breaks_no_rule(name: str) -> None:
    kind, good, _ = CASES[name]
    unknown = resource(kind, **dict.fromkeys(good, UNKNOWN))
    assert list(SINGLE[name].violations(unknown, Settings())) == []


def test_a_path_that_ends_early_is_a_missing_value() -> None:
    assert list(at({"a": [{"b": 1}, {}]}, "a[].b")) == [("a[0].b", 1), ("a[1].b", None)]
    assert list(at({"a": []}, "a[].b")) == [("a", None)]


def test_a_teardown_needs_no_protection() -> None:
    kind, good, bad = CASES["protect"]
    assert list(SINGLE["protect"].violations(changed(kind, good, bad), Settings(teardown=True))) == []


def test_types_with_tags_are_those_of_the_sdk(everywhere: RecordedPlan) -> None:
    used = {each.type for _, each in everywhere.resources() if each.type.startswith("aws:")}
    tagged = {each for each in used if any(prop.name == "tags" for prop in sdk.inputs(each))}
    assert tagged == used & TAGGED


SOURCE = """
from pulumi_aws import cloudwatch, s3, sqs
tags = TAGS
s3.Bucket("films", region=stack.region, bucket=pulumi.Output.secret("films-1"), tags=tags)
queue = sqs.Queue("jobs", region="eu-west-1", name="jobs", sqs_managed_sse_enabled=True, tags=tags)
cloudwatch.LogGroup("log", region=stack.region, name=queue.arn, kms_key_id=queue.arn, retention_in_days=30, tags=tags)
""".replace("TAGS", repr(TAGS))
EXPECTED = {
    ("films", "protect"),
    ("films", "s3-bucket-encryption"),
    ("films", "s3-private"),
    ("films", "s3-tls-only"),
    ("films", "s3-versioned"),
    ("jobs", "region-allowed"),
    ("jobs", "region-alone"),
    ("jobs", "sqs-tls-only"),
}


@pytest.mark.parametrize("mode", list(Mode))
def test_the_pack_as_the_engine_runs_it_says_what_the_functions_say(
    program: Program, dev: RecordedPlan, mode: Mode
) -> None:
    plan = replace(dev, mode=mode, records=(program(SOURCE, mode=mode),))
    over_grpc = check_policy(plan)
    assert over_grpc == in_process(plan.records, settings(plan))
    found = {(each.urn.rpartition("::")[2], each.rule) for each in over_grpc}
    assert found >= EXPECTED
    assert {each for each in found if each[0] == "log"} <= {("log", "region-alone")}


def test_the_config_of_an_environment_reaches_the_pack(program: Program, dev: RecordedPlan) -> None:
    source = 'from pulumi_aws import s3\ns3.Bucket("films", region="eu-west-1")'
    records = (program(source, stack="dev.data"),)
    rules = {each.rule: each.message for each in check_policy(replace(dev, records=records))}
    assert rules["region-allowed"] == "is eu-west-1; the environment has us-west-2"
    assert pack_config(settings(dev))["region-allowed"] == {"regions": ["us-west-2"]}


def test_a_pack_that_does_not_start_is_told_with_its_words(dev: RecordedPlan, tmp_path: Path) -> None:
    (tmp_path / "__main__.py").write_text('raise SystemExit("no rules today")')
    with pytest.raises(PackError, match=r"dev\.foundation: the pack in .* did not start: no rules today"):
        check_policy(replace(dev, records=dev.records[:1]), pack=tmp_path)


def test_the_rules_can_be_used_without_pulumi_and_without_the_rest() -> None:
    code = (
        "import sys, reelplane_policies; "
        "sys.exit(', '.join(m for m in sys.modules if m.partition('.')[0] in "
        "('pulumi', 'pulumi_policy', 'grpc', 'reelplane_infra')) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", ["dev", "startup", "global"])
def test_no_shipped_environment_breaks_a_mandatory_rule(
    plan: Callable[[str, Mode], RecordedPlan], name: str
) -> None:
    found = check_policy(plan(name, Mode.UPDATE))
    assert [str(each) for each in found if each.level is Level.MANDATORY] == []
