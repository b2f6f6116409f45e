"""What pods may do: least privilege, by Pod Identity, in their own cluster alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from reelplane_infra.record import Record, RecordedPlan, plain

# Actions of EC2, ELB and the price list that know no resource; each statement holds them to its region where it can.
WITHOUT_RESOURCE = ("ec2:Describe", "elasticloadbalancing:Describe", "pricing:GetProducts")


def policies(record: Record) -> Iterator[tuple[str, dict[str, Any]]]:
    for each in record.of_type("aws:iam/rolePolicy:RolePolicy"):
        for statement in json.loads(str(plain(each.inputs["policy"])))["Statement"]:
            yield each.name, statement


@pytest.fixture(scope="module")
def records(dev: RecordedPlan) -> list[Record]:
    return [dev.record("dev.region.us-west-2"), dev.record("dev.platform.us-west-2")]


def test_no_action_is_a_pattern(records: list[Record]) -> None:
    for record in records:
        for name, statement in policies(record):
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            assert not [each for each in actions if "*" in each], name


def test_every_resource_is_named_unless_the_service_knows_none(records: list[Record]) -> None:
    for record in records:
        for name, statement in policies(record):
            resources = (
                statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
            )
            if "*" in resources:
                assert all(each.startswith(WITHOUT_RESOURCE) for each in statement["Action"]), (
                    name,
                    statement,
                )


@pytest.mark.parametrize(
    ("part", "actions"),
    [
        ("api", {"s3:GetObject", "s3:PutObject"}),
        ("worker", {"s3:PutObject", "s3:AbortMultipartUpload", "s3:DeleteObject"}),
    ],
)
def test_workloads_reach_published_objects_of_their_own_bucket_alone(
    records: list[Record], part: str, actions: set[str]
) -> None:
    bucket = plain(records[0].outputs["media_bucket_arn"])
    found = [
        statement for name, statement in policies(records[0]) if name.endswith(f"workloads-{part}-policy")
    ]
    objects = [each for each in found if each["Resource"] == [f"{bucket}/processed/*"]]
    assert [set(each["Action"]) for each in objects] == [actions]
    assert {each["Resource"][0] for each in found if "s3:ListBucket" in each["Action"]} == {bucket}


def test_the_operator_has_no_role(records: list[Record]) -> None:
    given = {
        (plain(each.inputs["namespace"]), plain(each.inputs["serviceAccount"]))
        for record in records
        for each in record.of_type("aws:eks/podIdentityAssociation:PodIdentityAssociation")
    }
    assert given == {
        ("kube-system", "karpenter"),
        ("reels", "reels-api"),
        ("reels", "shorts-download"),
        ("external-secrets", "external-secrets"),
        ("aws-load-balancer-controller", "aws-load-balancer-controller"),
    }


def test_a_role_of_pods_is_good_in_its_own_cluster_alone(records: list[Record]) -> None:
    arn = "arn:aws:eks:us-west-2:111122223333:cluster/" + str(plain(records[0].outputs["cluster_name"]))
    trusts = [
        json.loads(str(plain(each.inputs["assumeRolePolicy"])))["Statement"][0]
        for record in records
        for each in record.of_type("aws:iam/role:Role")
    ]
    found = [
        each["Condition"] for each in trusts if each["Principal"] == {"Service": "pods.eks.amazonaws.com"}
    ]
    assert len(found) == 6
    assert {each["ArnEquals"]["aws:SourceArn"] for each in found} == {arn}


def test_secrets_are_read_by_their_names(records: list[Record]) -> None:
    (statement,) = (
        each for name, each in policies(records[1]) if "secretsmanager:GetSecretValue" in each["Action"]
    )
    secrets = [each.rpartition(":secret:")[2] for each in statement["Resource"]]
    assert len(secrets) == 3
    assert not [each for each in secrets if "*" in each]
