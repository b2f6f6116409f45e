"""What two emulators of AWS make of a recorded plan: everything right is created, every wrong thing is refused.

The plan is that of ``dev`` and of one pair of regions of ``global`` (conftest.py, ``proven``): the same resource types
as all five regions have, in a third of the time.
"""

from __future__ import annotations

import json

import pytest

from reelplane_infra.checks.accept import Acceptance, Attempt, Outcome, accept
from reelplane_infra.record import Mode, Record, RecordedPlan, Resource
from reelplane_infra.stack import StackName

REGION = "eu-west-1"
ACCOUNT = "111122223333"
STACK = StackName.parse("wrong.region.eu-west-1")


def resource(type: str, name: str, inputs: dict[str, object], **fields: object) -> Resource:
    urn = f"urn:pulumi:{STACK}::reelplane::{type}::{name}"
    return Resource(urn=urn, type=type, name=name, inputs={"region": REGION, **inputs}, **fields)  # type: ignore[arg-type]


def bucket(name: str, physical: str) -> Resource:
    return resource(
        "aws:s3/bucket:Bucket", name, {"bucket": physical}, id=physical, outputs={"bucket": physical}
    )


SOURCE = bucket("source", "reelplane-source")
VPC = resource("aws:ec2/vpc:Vpc", "vpc", {"cidrBlock": "10.0.0.0/16"}, id="vpc-0a1b2c3d4e5f60718")
WRONG = (
    bucket("underscore", "Reelplane_Media"),
    SOURCE,
    bucket("target", "reelplane-target"),
    resource(
        "aws:iam/role:Role",
        "copier",
        {
            "name": "copier",
            "assumeRolePolicy": json.dumps({"Version": "2012-10-17", "Statement": []}),
        },
        id="copier",
    ),
    resource(
        "aws:s3/bucketReplicationConfig:BucketReplicationConfig",
        "unversioned",
        {
            "bucket": "reelplane-source",
            "role": f"arn:aws:iam::{ACCOUNT}:role/copier",
            "rules": [
                {
                    "id": "all",
                    "status": "Enabled",
                    "priority": 1,
                    "filter": {"prefix": ""},
                    "deleteMarkerReplication": {"status": "Disabled"},
                    "destination": {"bucket": "arn:aws:s3:::reelplane-target"},
                }
            ],
        },
        property_dependencies={"bucket": (SOURCE.urn,)},
    ),
    resource(
        "aws:s3/bucketVersioning:BucketVersioning",
        "enum",
        {"bucket": "reelplane-target", "versioningConfiguration": {"status": "On"}},
    ),
    VPC,
    # It names the VPC's recorded id and does not depend on it: nothing says that the VPC is made first.
    resource("aws:ec2/subnet:Subnet", "dangling", {"vpcId": VPC.id, "cidrBlock": "10.0.0.0/24"}),
    resource("aws:ec2/subnet:Subnet", "unknown", {"vpcId": "vpc-none", "cidrBlock": "10.0.1.0/24"}),
    resource("aws:sqs/queue:Queue", "misspelt", {"name": "jobs", "visibilityTimeout": 30}),
    resource(
        "aws:ec2/subnet:Subnet",
        "right",
        {"vpcId": VPC.id, "cidrBlock": "10.0.2.0/24"},
        property_dependencies={"vpcId": (VPC.urn,)},
    ),
)


@pytest.fixture(scope="module")
def wrong() -> Acceptance:
    record = Record(STACK, Mode.UPDATE, WRONG)
    return accept(RecordedPlan({"account": ACCOUNT}, Mode.UPDATE, (record,)))


def attempts(acceptance: Acceptance, name: str) -> list[Attempt]:
    return [each for each in acceptance.attempts if each.urn.endswith(f"::{name}")]


@pytest.mark.service
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("underscore", "InvalidBucketName"),
        ("unversioned", "ersioning"),
        ("enum", "'On'; one of Enabled, Suspended would be right"),
        ("dangling", f"belongs to {VPC.urn}"),
        ("unknown", "InvalidVpcID.NotFound"),
        ("misspelt", "no place in the request for visibilityTimeout"),
    ],
)
def test_what_is_wrong_is_refused(wrong: Acceptance, name: str, said: str) -> None:
    """By one emulator at least: one that takes it is more lenient than AWS (moto creates ``Reelplane_Media``)."""
    refused = [each.error for each in attempts(wrong, name) if each.outcome is Outcome.REFUSED]
    assert refused, attempts(wrong, name)
    assert all(said in error for error in refused), refused


@pytest.mark.service
def test_a_refusal_names_the_input(wrong: Acceptance) -> None:
    findings = [each for each in wrong.findings() if each.urn.endswith("::enum")]
    assert {each.path for each in findings} == {"versioningConfiguration.status"}


@pytest.mark.service
def test_a_reference_becomes_the_id_that_the_emulator_gave(wrong: Acceptance) -> None:
    assert {each.outcome for each in attempts(wrong, "right")} == {Outcome.CREATED}


@pytest.mark.service
def test_a_preview_is_refused_since_it_has_no_values(dev: RecordedPlan) -> None:
    with pytest.raises(ValueError, match="mode update"):
        accept(RecordedPlan(dev.environment, Mode.PREVIEW, dev.records))


@pytest.mark.service
def test_an_emulator_refuses_nothing_of_the_plan(accepted: Acceptance) -> None:
    assert [str(each) for each in accepted.findings()] == []


@pytest.mark.service
def test_every_resource_is_tried_in_its_own_region(accepted: Acceptance, proven: RecordedPlan) -> None:
    regions = {resource.urn: resource.region for _, resource in proven.resources()}
    moved = [
        each
        for each in accepted.attempts
        # A replica of a key is asked for where its primary is.
        if regions[each.urn] not in (None, each.region) and each.type != "aws:kms/replicaKey:ReplicaKey"
    ]
    assert moved == []
