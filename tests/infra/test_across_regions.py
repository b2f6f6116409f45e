"""What the recorded plans of the layers data and edge promise: copies, keys, names, and who lets whom in."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from reelplane_infra.record import Mode, Record, RecordedPlan, Resource, plain
from reelplane_infra.stack import Layer

CLOUDFRONT_ZONE = "Z2FDTNDATAQYW2"


@pytest.fixture(scope="session", params=["startup", "global"])
def shipped(request: pytest.FixtureRequest, plan: Callable[[str, Mode], RecordedPlan]) -> RecordedPlan:
    return plan(request.param, Mode.UPDATE)


def layer(plan: RecordedPlan, which: Layer) -> Record:
    return plan.record(f"{plan.environment['name']}.{which}")


def of(plan: RecordedPlan, kind: str) -> list[Resource]:
    return [resource for _, resource in plan.resources() if resource.type == kind]


def given(resource: Resource, *path: str | int) -> Any:
    value: Any = plain(resource.inputs)
    for step in path:
        value = value[step]
    return value


def statements(resource: Resource, field: str = "policy") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(given(resource, field))["Statement"]
    return found


def listed(value: str | Iterable[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def test_every_replicated_bucket_is_versioned_on_both_sides(shipped: RecordedPlan) -> None:
    versioned = {
        given(each, "bucket")
        for each in of(shipped, "aws:s3/bucketVersioning:BucketVersioning")
        if given(each, "versioningConfiguration", "status") == "Enabled"
    }
    configs = of(shipped, "aws:s3/bucketReplicationConfig:BucketReplicationConfig")
    assert configs
    for config in configs:
        assert given(config, "bucket") in versioned
        for rule in given(config, "rules"):
            assert rule["destination"]["bucket"].removeprefix("arn:aws:s3:::") in versioned


def test_a_copy_is_encrypted_with_the_key_of_the_region_it_is_in(shipped: RecordedPlan) -> None:
    regions = {given(each, "bucket"): each.region for each in of(shipped, "aws:s3/bucket:Bucket")}
    for config in of(shipped, "aws:s3/bucketReplicationConfig:BucketReplicationConfig"):
        for rule in given(config, "rules"):
            there = regions[rule["destination"]["bucket"].removeprefix("arn:aws:s3:::")]
            key = rule["destination"]["encryptionConfiguration"]["replicaKmsKeyId"]
            assert key.split(":")[3] == there
            assert rule["sourceSelectionCriteria"]["sseKmsEncryptedObjects"]["status"] == "Enabled"


def test_no_bucket_is_public(shipped: RecordedPlan) -> None:
    closed = {
        given(each, "bucket")
        for each in of(shipped, "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock")
        if all(plain(each.inputs).get(flag) for flag in CLOSED)  # type: ignore[union-attr]
    }
    buckets = {given(each, "bucket") for each in of(shipped, "aws:s3/bucket:Bucket")}
    assert buckets <= closed
    for policy in of(shipped, "aws:s3/bucketPolicy:BucketPolicy"):
        for statement in statements(policy):
            assert statement["Effect"] == "Deny" or statement["Principal"] != "*"


CLOSED = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")


def test_cloudfront_may_read_every_bucket_that_it_is_pointed_at(shipped: RecordedPlan) -> None:
    readable = {
        given(policy, "bucket")
        for policy in of(shipped, "aws:s3/bucketPolicy:BucketPolicy")
        for statement in statements(policy)
        if statement["Principal"] == {"Service": "cloudfront.amazonaws.com"}
        and statement["Action"] == "s3:GetObject"
        and "aws:SourceArn" in statement["Condition"]["ArnLike"]
    }
    media = next(each for each in of(shipped, DISTRIBUTION) if given(each, "aliases")[0].startswith("media."))
    assert given(media, "originGroups")
    pointed = {origin["domainName"].partition(".")[0] for origin in given(media, "origins")}
    assert pointed
    assert pointed <= readable


DISTRIBUTION = "aws:cloudfront/distribution:Distribution"


def test_media_open_by_a_signature_on_every_path(shipped: RecordedPlan) -> None:
    media = next(each for each in of(shipped, DISTRIBUTION) if given(each, "aliases")[0].startswith("media."))
    group = next(iter(of(shipped, "aws:cloudfront/keyGroup:KeyGroup"))).id
    for behaviour in (given(media, "defaultCacheBehavior"), *given(media, "orderedCacheBehaviors")):
        assert behaviour["trustedKeyGroups"] == [group]
        assert behaviour["viewerProtocolPolicy"] == "https-only"


def test_edges_keep_videos_a_day_and_metadata_five_minutes(shipped: RecordedPlan) -> None:
    longest = {given(each, "maxTtl") for each in of(shipped, "aws:cloudfront/cachePolicy:CachePolicy")}
    assert longest == {86_400, 300}, "S4.24"


def test_what_one_caller_is_told_is_shown_to_no_other(shipped: RecordedPlan) -> None:
    policy = next(
        each for each in of(shipped, "aws:cloudfront/cachePolicy:CachePolicy") if given(each, "maxTtl") == 300
    )
    key = given(policy, "parametersInCacheKeyAndForwardedToOrigin")
    assert "Authorization" in key["headersConfig"]["headers"]["items"]
    assert key["cookiesConfig"]["cookieBehavior"] == "all"


def test_every_record_that_serves_viewers_follows_a_health_check(shipped: RecordedPlan) -> None:
    """By its own check or by those of the names it is an alias of. Names of distributions have none: Route 53 takes
    none for them."""
    records = layer(shipped, Layer.EDGE).of_type("aws:route53/record:Record")
    aliases = [each for each in records if plain(each.inputs).get("aliases")]  # type: ignore[union-attr]
    by_name: dict[str, list[Resource]] = {}
    for each in aliases:
        by_name.setdefault(given(each, "name"), []).append(each)

    def checked(record: Resource) -> bool:
        if "healthCheckId" in record.inputs:
            return True
        alias = given(record, "aliases", 0)
        behind = by_name.get(alias["name"], [])
        return bool(alias["evaluateTargetHealth"] and behind and all(map(checked, behind)))

    served = [each for each in aliases if given(each, "aliases", 0, "zoneId") != CLOUDFRONT_ZONE]
    assert served
    assert [each.name for each in served if not checked(each)] == []


def test_a_primary_fails_over_to_its_own_recovery_region(shipped: RecordedPlan) -> None:
    records = layer(shipped, Layer.EDGE).of_type("aws:route53/record:Record")
    failover: dict[str, dict[str, str]] = {}
    for each in records:
        for policy in plain(each.inputs).get("failoverRoutingPolicies") or ():  # type: ignore[union-attr]
            failover.setdefault(given(each, "name"), {})[policy["type"]] = given(each, "aliases", 0, "name")
    balancers = {
        region["name"]: shipped.record(f"{shipped.environment['name']}.region.{region['name']}").outputs[
            "balancer_dns_name"
        ]
        for region in shipped.environment["regions"]
    }
    for region in shipped.environment["regions"]:
        if region["role"] == "primary":
            name = f"{region['name']}.origin.{shipped.environment['domain']}"
            assert failover[name] == {
                "PRIMARY": balancers[region["name"]],
                "SECONDARY": balancers[region["recovery"]],
            }


def test_the_whole_world_is_served(everywhere: RecordedPlan) -> None:
    policies = [
        policy
        for each in layer(everywhere, Layer.EDGE).of_type("aws:route53/record:Record")
        for policy in plain(each.inputs).get("geolocationRoutingPolicies") or ()  # type: ignore[union-attr]
    ]
    assert sorted(each["continent"] for each in policies if "continent" in each) == sorted(
        ["AF", "AN", "AS", "EU", "NA", "OC", "SA"]
    )
    assert [each for each in policies if each.get("country") == "*"]


def test_a_balancer_lets_in_nothing_but_cloudfront_and_the_checkers(shipped: RecordedPlan) -> None:
    edge = layer(shipped, Layer.EDGE)
    rules = edge.of_type("aws:ec2/securityGroupRule:SecurityGroupRule")
    assert rules
    for rule in rules:
        assert "cidrBlocks" not in rule.inputs
        assert given(rule, "prefixListIds")
    for rule in edge.of_type("aws:lb/listenerRule:ListenerRule"):
        conditions = {kind for each in given(rule, "conditions") for kind in each}
        assert conditions in ({"httpHeader"}, {"pathPattern", "httpRequestMethod"})


def test_data_is_protected_and_kept(shipped: RecordedPlan) -> None:
    kinds = {
        "aws:rds/globalCluster:GlobalCluster",
        "aws:rds/cluster:Cluster",
        "aws:keyspaces/keyspace:Keyspace",
        "aws:keyspaces/table:Table",
        "aws:backup/vault:Vault",
    }
    held = [each for _, each in shipped.resources() if each.type in kinds]
    assert {each.type for each in held} == kinds
    assert [each.name for each in held if not (each.protect and each.retain)] == []


def test_a_databases_password_is_never_in_the_state(shipped: RecordedPlan) -> None:
    for cluster in of(shipped, "aws:rds/cluster:Cluster"):
        assert "masterPassword" not in cluster.inputs
        joined = "globalClusterIdentifier" in cluster.inputs
        assert not (joined and "manageMasterUserPassword" in cluster.inputs), (
            "AWS keeps none of a global database"
        )
        assert given(cluster, "iamDatabaseAuthenticationEnabled")
        assert given(cluster, "backupRetentionPeriod") == 30, "S4.21"


def test_no_role_of_these_layers_may_do_everything(shipped: RecordedPlan) -> None:
    policies = [
        each
        for which in (Layer.DATA, Layer.EDGE)
        for each in layer(shipped, which).of_type("aws:iam/rolePolicy:RolePolicy")
    ]
    assert policies
    for policy in policies:
        for statement in statements(policy):
            assert not [each for each in listed(statement["Action"]) if "*" in each]
            assert "*" not in listed(statement["Resource"])


def test_a_replicator_stands_in_the_recovery_region_and_copies_no_copies(everywhere: RecordedPlan) -> None:
    pairs = {each["name"]: each["recovery"] for each in everywhere.environment["regions"] if each["recovery"]}
    found = of(everywhere, "aws:msk/replicator:Replicator")
    assert len(found) == len(pairs)
    for replicator in found:
        copied = given(replicator, "replicationInfoList")
        source = copied["sourceKafkaClusterArn"].split(":")[3]
        assert copied["targetKafkaClusterArn"].split(":")[3] == pairs[source] == replicator.region
        topics = copied["topicReplications"][0]
        assert topics["topicNameConfiguration"]["type"] == "PREFIXED_WITH_SOURCE_CLUSTER_ALIAS"
