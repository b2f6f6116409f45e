"""A region's cluster: who gets in, what is encrypted and kept, and what runs before Karpenter does."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from reelplane_infra.config.cluster import Cluster
from reelplane_infra.record import Record, RecordedPlan, Resource, plain

EXISTING = {
    "name": "theirs",
    "endpoint": "https://theirs.example.com",
    "ca": "Y2E=",
    "security_group_id": "sg-0123456789abcdef0",
}


@pytest.fixture(scope="module")
def region(dev: RecordedPlan) -> Record:
    return dev.record("dev.region.us-west-2")


def one(record: Record, token: str) -> Resource:
    (found,) = record.of_type(token)
    return found


def test_access_is_by_entries_alone(region: Record) -> None:
    access = plain(one(region, "aws:eks/cluster:Cluster").inputs["accessConfig"])
    assert access["authenticationMode"] == "API"


def test_secrets_are_encrypted_with_the_key_of_the_own_region(region: Record) -> None:
    encryption = plain(one(region, "aws:eks/cluster:Cluster").inputs["encryptionConfig"])
    assert encryption["resources"] == ["secrets"]
    assert encryption["provider"]["keyArn"].startswith("arn:aws:kms:us-west-2:")


def test_every_log_of_the_control_plane_is_kept_encrypted(region: Record) -> None:
    logs = one(region, "aws:eks/cluster:Cluster").inputs["enabledClusterLogTypes"]
    assert set(plain(logs)) == {"api", "audit", "authenticator", "controllerManager", "scheduler"}
    group = next(
        each
        for each in region.of_type("aws:cloudwatch/logGroup:LogGroup")
        if "/aws/eks/" in str(each.inputs["name"])
    )
    assert group.inputs["kmsKeyId"]
    assert (
        plain(group.inputs["name"])
        == f"/aws/eks/{plain(one(region, 'aws:eks/cluster:Cluster').inputs['name'])}/cluster"
    )


def test_without_addresses_the_api_server_is_private(everywhere: RecordedPlan) -> None:
    for name in ("us-west-2", "eu-central-1"):
        vpc = plain(
            one(everywhere.record(f"global.region.{name}"), "aws:eks/cluster:Cluster").inputs["vpcConfig"]
        )
        assert vpc["endpointPrivateAccess"] is True
        assert vpc["endpointPublicAccess"] is False


def test_the_internet_is_no_address_to_open_the_api_server_to() -> None:
    with pytest.raises(ValidationError, match="public_cidrs"):
        Cluster(public_cidrs=("0.0.0.0/0",))


def test_every_addon_has_a_pinned_version_of_the_clusters_own_minor(region: Record) -> None:
    addons = {
        plain(each.inputs["addonName"]): plain(each.inputs["addonVersion"])
        for each in region.of_type("aws:eks/addon:Addon")
    }
    assert addons == dict(Cluster().pinned)
    with pytest.raises(ValidationError, match="minor version"):
        Cluster(addons={"kube-proxy": "v1.30.0-eksbuild.1"})


def test_nodes_join_after_the_addons_they_need_and_names_come_after_nodes(region: Record) -> None:
    group = one(region, "aws:eks/nodeGroup:NodeGroup")
    addons = {plain(each.inputs["addonName"]): each for each in region.of_type("aws:eks/addon:Addon")}
    assert {addons[name].urn for name in ("vpc-cni", "kube-proxy", "eks-pod-identity-agent")} <= set(
        group.dependencies
    )
    assert group.urn in addons["coredns"].dependencies


def test_the_managed_group_is_for_the_controller_alone(region: Record) -> None:
    group = one(region, "aws:eks/nodeGroup:NodeGroup")
    (taint,) = plain(group.inputs["taints"])
    assert taint == {"key": "karpenter.sh/controller", "value": "true", "effect": "NO_SCHEDULE"}
    assert plain(group.inputs["amiType"]).startswith("BOTTLEROCKET_")
    names = next(
        each for each in region.of_type("aws:eks/addon:Addon") if plain(each.inputs["addonName"]) == "coredns"
    )
    (tolerated,) = json.loads(str(plain(names.inputs["configurationValues"])))["tolerations"]
    assert tolerated == {"key": taint["key"], "operator": "Exists"}


def test_pods_cannot_ask_for_the_nodes_credentials(region: Record) -> None:
    options = plain(one(region, "aws:ec2/launchTemplate:LaunchTemplate").inputs["metadataOptions"])
    assert options["httpTokens"] == "required"
    assert options["httpPutResponseHopLimit"] == 1


def test_a_cluster_that_exists_is_used_and_not_made(program, environment) -> None:
    base = environment()
    region = {**base.region.model_dump(mode="json"), "cluster": {"existing": EXISTING}}
    record = program(
        """
        from reelplane_infra.components.cluster import Cluster
        config = environment.at(place.region).cluster
        made = Cluster("cluster", config, place, vpc_id="vpc-1", subnet_ids=["s"], key_arn="k")
        pulumi.export("name", made.name)
        """,
        environment=environment(region=region),
    )
    assert record.outputs["name"] == "theirs"
    assert list(record.managed()) == []


def test_a_version_out_of_standard_support_is_refused_with_those_that_are_in_it() -> None:
    with pytest.raises(ValidationError, match=r"1\.35 \(until 2027-03-27\)"):
        Cluster(version="1.29")


def test_interruptions_reach_karpenter(region: Record) -> None:
    rules = {plain(each.inputs["name"]) for each in region.of_type("aws:cloudwatch/eventRule:EventRule")}
    targets = {
        plain(each.inputs["rule"]): plain(each.inputs["arn"])
        for each in region.of_type("aws:cloudwatch/eventTarget:EventTarget")
    }
    queue = one(region, "aws:sqs/queue:Queue")
    assert len(rules) == 4
    assert targets == dict.fromkeys(rules, plain(queue.outputs["arn"]))
    assert plain(region.outputs["interruption_queue"]) == plain(queue.inputs["name"])
