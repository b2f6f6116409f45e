"""Karpenter's pools: every one bounded, spot only for what may be interrupted, and in agreement with the operator."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from reelplane_crds.kinds import VideoPipeline
from reelplane_infra.config.platform import Pipeline, Platform
from reelplane_infra.config.pools import GpuPool, Pools, Quota
from reelplane_infra.record import Record, RecordedPlan, plain
from reelplane_plan.builders import placement
from reelplane_plan.placement import Placement, Resources, Toleration

POOL = "kubernetes:karpenter.sh/v1:NodePool"
CLASS = "kubernetes:karpenter.k8s.aws/v1:EC2NodeClass"
PIPELINE = "kubernetes:reelplane.io/v1alpha1:VideoPipeline"
CAPACITY = "karpenter.sh/capacity-type"


def pools(record: Record) -> dict[str, dict[str, Any]]:
    return {
        plain(each.inputs["metadata"])["name"]: plain(each.inputs["spec"]) for each in record.of_type(POOL)
    }


def capacity(spec: dict[str, Any]) -> str:
    (found,) = (each for each in spec["template"]["spec"]["requirements"] if each["key"] == CAPACITY)
    (value,) = found["values"]
    return str(value)


def tolerates(placed: Placement, taint: dict[str, str]) -> bool:
    """Kubernetes' rule: the key and the effect match, and the value where the operator compares it."""
    return any(
        each.key == taint["key"]
        and each.effect in (None, taint["effect"])
        and (each.operator == "Exists" or each.value == taint["value"])
        for each in placed.tolerations
    )


def placed(pipeline: dict[str, Any]) -> Placement:
    """Where the operator puts the workers of ``pipeline``, by its own planner."""
    workers = VideoPipeline.model_validate(pipeline).spec.workers.download
    own, resources = Placement(), Resources()
    if workers.spot:
        own = placement.on_spot(own)
    if workers.class_ == "Gpu":
        own, resources = placement.on_gpu(workers, own, resources)
    return placement.build((workers.pods,), own, resources)[0]


@pytest.fixture(scope="module")
def workers(everywhere: RecordedPlan) -> list[Placement]:
    found = everywhere.record("global.fleet").of_type(PIPELINE)
    return [
        placed(
            {"metadata": {"name": plain(each.inputs["metadata"])["name"]}, "spec": plain(each.inputs["spec"])}
        )
        for each in found
    ]


def test_every_pool_of_workers_and_gpus_is_tolerated_by_a_worker_class(
    everywhere: RecordedPlan, workers: list[Placement]
) -> None:
    for record in everywhere.records:
        for name, spec in pools(record).items():
            if name in ("system", "api"):
                continue
            template = spec["template"]
            assert [
                each
                for each in workers
                if all(tolerates(each, taint) for taint in template["spec"]["taints"])
                and each.node_selector.items() <= template["metadata"]["labels"].items()
            ], (record.stack, name)


def test_a_pool_of_spot_nodes_says_so_by_karpenters_own_taint(everywhere: RecordedPlan) -> None:
    for record in everywhere.records:
        for name, spec in pools(record).items():
            marked = [each["key"] for each in spec["template"]["spec"]["taints"] if each["key"] == CAPACITY]
            assert bool(marked) == (capacity(spec) == "spot"), (record.stack, name)


def test_spot_is_only_for_what_may_be_interrupted(everywhere: RecordedPlan) -> None:
    for record in everywhere.records:
        spot = {name for name, spec in pools(record).items() if capacity(spec) == "spot"}
        assert spot <= {"workers-spot", "gpu-spot"}


def test_on_demand_gpus_come_after_spot_ones(everywhere: RecordedPlan) -> None:
    found = pools(everywhere.record("global.platform.eu-west-1"))
    assert found["gpu-spot"]["weight"] > found["gpu-on-demand"]["weight"]
    assert capacity(found["gpu-on-demand"]) == "on-demand"


def test_every_pool_has_a_limit_a_budget_and_an_end(everywhere: RecordedPlan) -> None:
    for record in everywhere.records:
        for spec in pools(record).values():
            assert int(spec["limits"]["cpu"]) > 0
            assert spec["disruption"]["budgets"]
            assert spec["template"]["spec"]["expireAfter"] != "Never"


def test_nodes_start_from_one_pinned_release(everywhere: RecordedPlan) -> None:
    for record in everywhere.records:
        for each in record.of_type(CLASS):
            (term,) = plain(each.inputs["spec"])["amiSelectorTerms"]
            assert term["alias"].startswith("bottlerocket@v")
            assert "latest" not in term["alias"]


def test_a_worker_that_may_not_be_interrupted_stays_off_spot_nodes() -> None:
    steady = Platform(pipelines=(Pipeline(name="live", spot=False),))
    spec = {"platform": steady.name, "workers": {"download": {"spot": False}}}
    found = placed({"metadata": {"name": "live"}, "spec": spec})
    assert Toleration(key=CAPACITY, value="spot", effect="NoSchedule") not in found.tolerations


def test_the_quotas_that_pools_need_are_counted_by_their_largest_type() -> None:
    wanted = Pools(gpu=GpuPool(types=("g6.xlarge", "g6.2xlarge"), gpus=10, fallback_gpus=1))
    needs = {each.quota: each.vcpus for each in wanted.needs(controllers=6)}
    assert needs == {
        Quota.STANDARD_ON_DEMAND: 6 + 32 + 64 + 32,
        Quota.STANDARD_SPOT: 128,
        Quota.G_SPOT: 80,
        Quota.G_ON_DEMAND: 8,
    }


def test_a_quota_that_is_too_small_is_told_with_the_command_that_asks_for_more() -> None:
    (need,) = (
        each for each in Pools(quotas={Quota.STANDARD_SPOT: 5}).needs() if each.quota is Quota.STANDARD_SPOT
    )
    assert not need.met
    assert "granted 5" in need.told("us-west-2")
    assert "--quota-code L-34B43A08 --desired-value 128 --region us-west-2" in need.told("us-west-2")


def test_every_preview_tells_the_quotas_that_are_not_met(dev: RecordedPlan) -> None:
    assert any("L-34B43A08" in line for line in dev.record("dev.region.us-west-2").logs)


def test_types_without_an_encoder_are_refused() -> None:
    with pytest.raises(ValidationError, match=r"g6\.xlarge"):
        GpuPool(types=("p5.48xlarge",))


def test_gpus_that_no_pipeline_uses_are_refused(environment) -> None:
    region = {**environment().region.model_dump(mode="json")}
    with pytest.raises(ValidationError, match="no pipeline"):
        environment(region={**region, "pools": {"gpu": {}}})
