"""What a plan costs: sizes from its inputs, use from its audience, and nothing counted as free that is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from reelplane_infra.config import Environment
from reelplane_infra.price.book import Book, load
from reelplane_infra.price.compare import compare
from reelplane_infra.price.cost import Cost, cost
from reelplane_infra.price.meters import METERS, free
from reelplane_infra.price.meters.compute import shortages
from reelplane_infra.price.meters.storage import copies
from reelplane_infra.price.usage import usage
from reelplane_infra.record import UNKNOWN, Mode, Record, RecordedPlan, Resource
from reelplane_infra.stack import StackName

HOURS = 730
Priced = Callable[..., Cost]


@pytest.fixture(scope="module")
def book() -> Book:
    return load()


@pytest.fixture
def priced(book: Book, environment: Callable[..., Environment]) -> Priced:
    """The cost of resources given as (type, inputs), in a stack of an environment."""

    def made(
        *resources: tuple[str, dict[str, Any]],
        stack: str = "dev.region.us-west-2",
        of: Environment | None = None,
    ) -> Cost:
        chosen = of or environment()
        listed = tuple(
            Resource(urn=f"urn:{number}::name-{number}", type=kind, name=f"name-{number}", inputs=inputs)
            for number, (kind, inputs) in enumerate(resources)
        )
        record = Record(StackName.parse(stack), Mode.UPDATE, listed)
        return cost(RecordedPlan(chosen.model_dump(mode="json"), Mode.UPDATE, (record,)), book)

    return made


def test_what_is_paid_by_the_hour_is_paid_for_730(priced: Priced) -> None:
    found = priced(("aws:ec2/eip:Eip", {"region": "us-west-2"}))
    assert found.total().expected == pytest.approx(HOURS * 0.005)


def test_a_resource_is_charged_in_its_own_region_not_in_its_stacks(priced: Priced, book: Book) -> None:
    found = priced(
        (
            "aws:rds/clusterInstance:ClusterInstance",
            {"region": "ap-southeast-1", "instanceClass": "db.r8g.4xlarge"},
        ),
        stack="dev.data",
    )
    (line,) = found.lines
    assert line.region == "ap-southeast-1"
    assert line.cost.expected == pytest.approx(8 * book.rate("aurora.r8g.large", "ap-southeast-1") * HOURS)


def test_spot_is_a_range_and_everything_else_is_not(priced: Priced, book: Book) -> None:
    nodes = {
        "region": "us-west-2",
        "instanceTypes": ["m7g.large"],
        "scalingConfig": {"desiredSize": 2},
        "diskSize": 0,
    }
    spot = priced(("aws:eks/nodeGroup:NodeGroup", nodes | {"capacityType": "SPOT"})).total()
    full = priced(("aws:eks/nodeGroup:NodeGroup", nodes)).total()
    on_demand = 2 * HOURS * book.rate("ec2.m7g.large", "us-west-2")
    assert (full.low, full.expected, full.high) == pytest.approx((on_demand, on_demand, on_demand))
    assert (spot.low, spot.expected, spot.high) == pytest.approx(
        (0.1 * on_demand, 0.3 * on_demand, on_demand)
    )


def test_an_unknown_type_is_named_and_never_free(priced: Priced) -> None:
    found = priced(
        ("aws:quantum/computer:Computer", {}), ("aws:iam/role:Role", {}), ("aws:ec2/transitGateway:T", {})
    )
    assert found.unknown == {"aws:quantum/computer:Computer": 1, "aws:ec2/transitGateway:T": 1}
    assert found.free == {"aws:iam/role:Role": 1}


def test_an_instance_type_without_a_row_is_named(priced: Priced) -> None:
    found = priced(("aws:ec2/instance:Instance", {"region": "us-west-2", "instanceType": "zz9.large"}))
    assert found.lines == ()
    assert "ec2.zz9.large in us-west-2" in found.missing[0]


def test_unknown_inputs_of_a_preview_are_priced_by_their_defaults(priced: Priced) -> None:
    found = priced(("aws:msk/cluster:Cluster", {"region": "us-west-2", "numberOfBrokerNodes": UNKNOWN}))
    assert found.total().expected > 0


def test_interface_endpoints_are_paid_per_zone_and_gateway_endpoints_are_free(priced: Priced) -> None:
    inputs = {"region": "us-west-2", "vpcEndpointType": "Interface", "subnetIds": ["a", "b", "c"]}
    interface = priced(("aws:ec2/vpcEndpoint:VpcEndpoint", inputs))
    gateway = priced(
        ("aws:ec2/vpcEndpoint:VpcEndpoint", {"region": "us-west-2", "vpcEndpointType": "Gateway"})
    )
    assert interface.total().expected == pytest.approx(3 * 0.01 * HOURS)
    assert gateway.total().expected == 0


def test_viewers_bytes_are_charged_where_they_watch_once(
    priced: Priced, environment: Callable[..., Environment], book: Book
) -> None:
    media = ("aws:cloudfront/distribution:Distribution", {"tags": {"reelplane:component": "media"}})
    api = ("aws:cloudfront/distribution:Distribution", {"tags": {"reelplane:component": "api"}})
    found = priced(media, api, stack="global.edge", of=environment("global"))
    sizes = {line.region: line.quantity for line in found.lines if line.item == "cdn.gb"}
    whole = 1_687.5e6
    assert sizes == pytest.approx(
        {"us-west-2": 0.4 * whole, "eu-west-1": 0.3 * whole, "ap-southeast-1": 0.3 * whole}
    )
    bytes_alone = found.total(lambda line: line.item == "cdn.gb").expected
    assert bytes_alone == pytest.approx(
        sum(book.charge("cdn.gb", region, size).usd for region, size in sizes.items())
    )


def test_every_byte_of_the_archive_is_stored_as_often_as_its_copies_say(
    environment: Callable[..., Environment],
) -> None:
    chosen = environment("global")
    kept = [copies(chosen, each.name) for each in chosen.regions]
    assert sum(part for part, _ in kept) == pytest.approx(3)
    assert sum(part for _, part in kept) == pytest.approx(2)


def test_a_bucket_of_media_keeps_its_regions_videos_and_another_bucket_none(
    priced: Priced, environment: Callable[..., Environment]
) -> None:
    chosen = environment()
    media = {"region": "us-west-2", "tags": {"reelplane:component": "media-store"}}
    stored = priced(("aws:s3/bucket:Bucket", media), of=chosen)
    month = usage(chosen.audience)
    sizes = {line.item: line.quantity for line in stored.lines}
    assert sizes["s3.standard.gb"] == pytest.approx(month.standard_gb + month.raw_gb)
    logs = {"region": "us-west-2", "tags": {"reelplane:component": "access-logs-store"}}
    assert priced(("aws:s3/bucket:Bucket", logs)).lines == ()


def test_a_replicator_moves_the_events_of_its_source(
    priced: Priced, environment: Callable[..., Environment]
) -> None:
    chosen = environment("global")
    source = "arn:aws:kafka:eu-west-1:111122223333:cluster/x/y"
    inputs = {"region": "eu-central-1", "replicationInfoList": {"sourceKafkaClusterArn": source}}
    found = priced(("aws:msk/replicator:Replicator", inputs), stack="global.data", of=chosen)
    moved = next(line for line in found.lines if line.item == "msk.replicator.gb")
    sent = next(line for line in found.lines if line.item == "transfer.region.gb")
    assert moved.quantity == pytest.approx(0.3 * usage(chosen.audience).events_gb)
    assert (moved.region, sent.region) == ("eu-central-1", "eu-west-1")


def test_a_pool_that_is_too_small_for_its_audience_is_named(environment: Callable[..., Environment]) -> None:
    assert shortages(environment()) == ()
    crowd = {"daily_users": 500_000_000, "uploads_per_day": 100_000_000}
    assert any("pool api may have" in line for line in shortages(environment(audience=crowd)))


def test_the_unverified_share_is_that_of_the_rows_without_proof(priced: Priced, book: Book) -> None:
    total = priced(("aws:ec2/eip:Eip", {"region": "us-west-2"})).total()
    (row,) = book.tiers("ipv4.hour", "us-west-2")
    assert total.share_unverified == (0.0 if row.confidence in ("verified", "documented") else 1.0)


def test_totals_by_any_columns_are_the_same_total(priced: Priced) -> None:
    found = priced(
        ("aws:eks/cluster:Cluster", {"region": "us-west-2"}),
        ("aws:ec2/natGateway:NatGateway", {"region": "us-west-2"}),
    )
    for columns in (("layer",), ("region", "service"), ("item",)):
        assert sum(each.expected for each in found.by(*columns).values()) == pytest.approx(
            found.total().expected
        )


def test_a_comparison_has_what_differs_the_largest_first(priced: Priced) -> None:
    small = priced(("aws:ec2/eip:Eip", {}), ("aws:kms/key:Key", {}))
    large = priced(
        ("aws:ec2/eip:Eip", {}),
        ("aws:kms/key:Key", {}),
        ("aws:kms/key:Key", {}),
        ("aws:lb/loadBalancer:LoadBalancer", {}),
    )
    found = compare(small, large, "item")
    assert [each.group for each in found] == [("nlb.hour",), ("kms.key",)]
    assert found[1].usd == pytest.approx(1)
    assert compare(small, small) == ()


def test_no_type_is_both_priced_and_free_by_its_own_name() -> None:
    assert all(kind.count(":") == 2 for kind in METERS)
    assert free("aws:quantum/computer:Computer") is None


def test_every_type_of_every_environment_has_a_price_or_a_reason_for_none(
    everywhere: RecordedPlan, dev: RecordedPlan, book: Book
) -> None:
    for plan in (everywhere, dev):
        found = cost(plan, book)
        assert found.unknown == {}
        assert found.missing == ()


def test_the_regions_of_global_pay_by_their_users(everywhere: RecordedPlan, book: Book) -> None:
    found = cost(everywhere, book)
    egress = found.total(lambda line: line.item == "cdn.gb").expected
    assert egress > 33.75e6
    assert found.total().expected > egress
