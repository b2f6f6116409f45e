"""What the scan promises: checkov reads the whole plan, and nothing it finds goes without a fix or a reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from reelplane_infra.checks.finding import Finding
from reelplane_infra.checks.security import Waiver, check_security, find_checkov, judge, load_waivers
from reelplane_infra.checks.terraform import singular, synthesise, terraform_type
from reelplane_infra.record import Mode, Record, RecordedPlan

Program = Callable[..., Record]
BARE = """
from pulumi_aws import s3
bucket = s3.Bucket("films", region="us-west-2", bucket="films-1", tags={"cost-center": "a"})
"""
BLOCKED = (
    BARE
    + """
s3.BucketPublicAccessBlock("private", region="us-west-2", bucket=bucket.id, block_public_acls=True,
    block_public_policy=True, ignore_public_acls=True, restrict_public_buckets=True)
s3.BucketVersioning("kept", region="us-west-2", bucket=bucket.id, versioning_configuration={"status": "Enabled"})
s3.BucketServerSideEncryptionConfiguration("sealed", region="us-west-2", bucket=bucket.id, rules=[
    {"apply_server_side_encryption_by_default": {"sse_algorithm": "aws:kms", "kms_master_key_id": "k"}}])
"""
)


@pytest.fixture
def checkov() -> Path:
    path = find_checkov()
    if path is None:
        pytest.skip("checkov is in an environment of its own, which `make infra` installs")
    return path


@pytest.mark.parametrize(
    ("token", "name"),
    [
        ("aws:s3/bucketPolicy:BucketPolicy", "aws_s3_bucket_policy"),
        ("aws:ec2/vpcEndpoint:VpcEndpoint", "aws_vpc_endpoint"),
        ("aws:lb/loadBalancer:LoadBalancer", "aws_lb"),
        ("aws:rds/clusterInstance:ClusterInstance", "aws_rds_cluster_instance"),
        ("aws:wafv2/webAcl:WebAcl", "aws_wafv2_web_acl"),
        ("aws:lambda/function:Function", "aws_lambda_function"),
    ],
)
def test_type_tokens_go_back_to_the_names_they_come_from(token: str, name: str) -> None:
    assert terraform_type(token) == name


def test_names_of_blocks_are_singular() -> None:
    names = ("rules", "policies", "ingress", "status", "block_device_mappings")
    assert [singular(each) for each in names] == [
        "rule",
        "policy",
        "ingress",
        "status",
        "block_device_mappings",
    ]


def test_objects_become_blocks_and_maps_stay_maps(program: Program, dev: RecordedPlan) -> None:
    plan = replace(dev, records=(program(BLOCKED),))
    made = {
        each["address"]: each["values"]
        for each in synthesise(plan).plan["planned_values"]["root_module"]["resources"]
    }
    assert made["aws_s3_bucket.films"]["tags"] == {"cost-center": "a"}
    assert made["aws_s3_bucket_versioning.kept"]["versioning_configuration"] == [{"status": "Enabled"}]
    (rule,) = made["aws_s3_bucket_server_side_encryption_configuration.sealed"]["rule"]
    assert rule["apply_server_side_encryption_by_default"] == [
        {"sse_algorithm": "aws:kms", "kms_master_key_id": "k"}
    ]


def test_every_aws_resource_of_the_plan_is_written_under_an_address_of_its_own(
    everywhere: RecordedPlan,
) -> None:
    aws = [each for _, each in everywhere.resources() if each.type.startswith("aws:")]
    assert len(synthesise(everywhere).addresses) == len(aws)


@pytest.mark.timeout(900)
def test_checkov_follows_references_between_resources(
    program: Program, dev: RecordedPlan, checkov: Path
) -> None:
    rules = {}
    for source in (BARE, BLOCKED):
        plan = replace(dev, records=(program(source),))
        rules[source] = {each.rule for each in check_security(plan, checkov=checkov, waivers=()).findings}
    fixed = rules[BARE] - rules[BLOCKED]
    assert {"CKV2_AWS_6", "CKV_AWS_21", "CKV_AWS_145"} <= fixed


def test_a_waiver_covers_by_check_and_name_and_an_unused_one_is_a_finding() -> None:
    urn = "urn:pulumi:dev.data::reelplane::aws:s3/bucket:Bucket::dev-media"
    failed = [Finding("dev.data", urn, "", "CKV_1", "one"), Finding("dev.data", urn, "", "CKV_2", "two")]
    waivers = [Waiver("CKV_1", "dev-*", "r"), Waiver("CKV_3", "*", "r")]
    scan = judge(7, failed, waivers, unused=True)
    assert [each.rule for each in scan.waived] == ["CKV_1"]
    assert [each.rule for each in scan.findings] == ["CKV_2", "CKV_3"]
    assert [each.rule for each in judge(7, failed, waivers, unused=False).findings] == ["CKV_2"]


def test_a_waiver_without_a_reason_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "waivers.yaml"
    path.write_text('- {check: CKV_1, resource: "*", reason: later}')
    with pytest.raises(ValueError, match="needs a reason"):
        load_waivers(path)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", ["dev", "global"])
def test_every_finding_of_the_shipped_environments_is_fixed_or_waived(
    plan: Callable[[str, Mode], RecordedPlan], checkov: Path, name: str
) -> None:
    scan = check_security(plan(name, Mode.UPDATE), checkov=checkov, unused=name == "global")
    assert [str(each) for each in scan.findings] == []
    assert scan.passed > 100
