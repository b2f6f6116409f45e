"""A region's stores: encrypted with the region's key, reached over TLS, kept when they leave the program."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from reelplane_infra.config.cache import Cache, Group
from reelplane_infra.config.media import Media
from reelplane_infra.config.search import Search
from reelplane_infra.config.stream import Stream, Topic
from reelplane_infra.record import Record, RecordedPlan, plain

GROUP = "aws:elasticache/replicationGroup:ReplicationGroup"
BROKERS = "aws:msk/cluster:Cluster"
DOMAIN = "aws:opensearch/domain:Domain"
STACK = "aws:cloudformation/stack:Stack"
DATA = (GROUP, BROKERS, DOMAIN, STACK, "aws:s3/bucket:Bucket", "aws:secretsmanager/secret:Secret")
REGIONS = ("us-west-2", "eu-west-1", "ap-southeast-1", "us-east-1", "eu-central-1")


@pytest.fixture(scope="module")
def regions(everywhere: RecordedPlan) -> dict[str, Record]:
    return {name: everywhere.record(f"global.region.{name}") for name in REGIONS}


def test_what_holds_data_is_protected_and_kept(everywhere: RecordedPlan) -> None:
    found = [
        each
        for record in everywhere.records
        if record.stack.layer in ("region", "platform")
        for each in record.of_type(*DATA)
    ]
    assert len(found) >= 5 * 8
    assert [each.urn for each in found if not (each.protect and each.retain)] == []


def test_every_key_is_of_the_own_region(regions: dict[str, Record]) -> None:
    for name, record in regions.items():
        text = json.dumps([plain(each.inputs) for each in record.of_type(*DATA)], default=str)
        keys = {part.partition(":key/")[0] for part in text.split('"') if part.startswith("arn:aws:kms:")}
        assert keys == {f"arn:aws:kms:{name}:111122223333"}


def test_valkey_speaks_tls_to_users_with_passwords_alone(regions: dict[str, Record]) -> None:
    for record in regions.values():
        groups = record.of_type(GROUP)
        assert len(groups) == 3
        for each in groups:
            assert plain(each.inputs["transitEncryptionMode"]) == "required"
            assert plain(each.inputs["atRestEncryptionEnabled"]) is True
            assert len(plain(each.inputs["userGroupIds"])) == 1
            assert "authToken" not in each.inputs


def test_no_password_is_in_the_program(dev: RecordedPlan) -> None:
    for each in dev.record("dev.region.us-west-2").of_type(STACK):
        template = json.loads(str(plain(each.inputs["templateBody"])))["Resources"]
        assert template["Secret"]["Properties"]["GenerateSecretString"]["PasswordLength"] >= 16
        assert template["Secret"]["DeletionPolicy"] == "Retain"
        (password,) = template["User"]["Properties"]["AuthenticationMode"]["Passwords"]
        assert password == {"Fn::Sub": "{{resolve:secretsmanager:${Secret}:SecretString:password}}"}


def test_the_queue_never_evicts_and_the_cache_does(dev: RecordedPlan) -> None:
    found = {
        plain(each.inputs["name"]).split("-")[-2]: {
            one["name"]: one["value"] for one in plain(each.inputs["parameters"])
        }
        for each in dev.record("dev.region.us-west-2").of_type(
            "aws:elasticache/parameterGroup:ParameterGroup"
        )
    }
    assert found["queue"]["maxmemory-policy"] == "noeviction"
    assert found["cache"]["maxmemory-policy"] == "allkeys-lru"


def test_shards_are_for_clients_that_know_about_them() -> None:
    with pytest.raises(ValidationError, match="talk to one server"):
        Cache(queue=Group(shards=2))
    assert Cache(counters=Group(shards=80)).counters is not None


def test_dev_has_neither_stream_nor_search(dev: RecordedPlan) -> None:
    assert dev.record("dev.region.us-west-2").of_type(BROKERS, DOMAIN) == ()


def test_brokers_are_in_three_zones_with_tls_and_iam_alone(regions: dict[str, Record]) -> None:
    for record in regions.values():
        (each,) = record.of_type(BROKERS)
        nodes = plain(each.inputs["brokerNodeGroupInfo"])
        assert len(nodes["clientSubnets"]) == 3
        assert plain(each.inputs["numberOfBrokerNodes"]) % 3 == 0
        assert plain(each.inputs["encryptionInfo"])["encryptionInTransit"] == {
            "clientBroker": "TLS",
            "inCluster": True,
        }
        assert plain(each.inputs["clientAuthentication"]) == {"sasl": {"iam": True}, "unauthenticated": False}


def test_twenty_brokers_are_refused_with_the_number_that_is_right() -> None:
    with pytest.raises(ValidationError, match="21 is the next"):
        Stream(brokers=20)


def test_partitions_beyond_a_brokers_means_are_refused() -> None:
    with pytest.raises(ValidationError, match="5000 partitions on each of 3 brokers"):
        Stream(topics=tuple(Topic(name=f"t{number}", partitions=1000) for number in range(5)))


def test_search_has_masters_of_its_own_and_no_password(regions: dict[str, Record]) -> None:
    for record in regions.values():
        (each,) = record.of_type(DOMAIN)
        cluster = plain(each.inputs["clusterConfig"])
        assert cluster["dedicatedMasterCount"] == 3
        assert cluster["zoneAwarenessConfig"] == {"availabilityZoneCount": 3}
        assert plain(each.inputs["nodeToNodeEncryption"]) == {"enabled": True}
        security = plain(each.inputs["advancedSecurityOptions"])
        assert security["enabled"] is True
        assert set(security["masterUserOptions"]) == {"masterUserArn"}


def test_data_nodes_fill_their_zones() -> None:
    with pytest.raises(ValidationError, match="51 is the next"):
        Search(data_nodes=50)


def test_uploads_go_to_glacier_and_little_watched_videos_to_infrequent_access(dev: RecordedPlan) -> None:
    record = dev.record("dev.region.us-west-2")
    rules = {
        rule["id"]: rule
        for each in record.of_type("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration")
        if "media" in each.name
        for rule in plain(each.inputs["rules"])
    }
    raw, unpopular = rules["raw-to-glacier"], rules["unpopular-to-infrequent-access"]
    assert (raw["filter"], raw["transitions"]) == (
        {"prefix": "raw/"},
        [{"days": 30, "storageClass": "GLACIER"}],
    )
    assert unpopular["filter"]["and"]["tags"] == {"reelplane:views": "under-1000"}
    assert unpopular["transitions"] == [{"days": 90, "storageClass": "STANDARD_IA"}]
    assert "abandoned-uploads" in rules


def test_prefixes_that_overlap_are_refused() -> None:
    with pytest.raises(ValidationError, match="overlap"):
        Media(raw_prefix="media/raw/", processed_prefix="media/")


def test_no_resource_of_a_regions_stack_names_another_region(everywhere: RecordedPlan) -> None:
    """But for the writer of the users' database, which is one for all regions and an output of ``data``."""
    writers = plain(everywhere.record("global.data").outputs["database_writers"])
    for record in everywhere.records:
        if record.stack.region is None:
            continue
        others = set(REGIONS) - {record.stack.region}
        for each in record.managed():
            text = json.dumps(plain(each.inputs), default=str)
            for writer in writers:
                text = text.replace(str(writer), "")
            assert not [name for name in others if name in text], each.urn
