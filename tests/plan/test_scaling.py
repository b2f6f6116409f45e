"""Who decides how many pods there are, and that nobody else does."""

from __future__ import annotations

import pytest

from reelplane_plan.types import KEDA, ExtractorStage

WORKERS = "workers: {download: {min: 0, max: 50, queueLengthPerWorker: 5}}"


def test_no_scaled_deployment_says_how_many_pods_it_has(objects):
    for apis in (frozenset(), frozenset({KEDA})):
        made = objects("api: {replicas: {min: 3, max: 3}}", WORKERS, apis=apis)
        for name in ("reels-api", "shorts-download"):
            assert "replicas" not in made[f"Deployment/{name}"]["spec"]


def test_the_api_has_an_autoscaler_also_where_its_number_is_fixed(objects):
    spec = objects("api: {replicas: {min: 3, max: 3}}")["HorizontalPodAutoscaler/reels-api"]["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (3, 3)
    assert spec["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "reels-api"}
    assert spec["metrics"][0]["resource"]["name"] == "cpu"


def test_workers_follow_waiting_and_running_jobs_which_the_api_tells_keda(objects):
    made = objects("api: {port: 9000}", WORKERS)
    spec = made["ScaledObject/shorts-download"]["spec"]
    assert spec["scaleTargetRef"]["name"] == "shorts-download"
    assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (0, 50)
    (trigger,) = spec["triggers"]
    assert trigger["type"] == "metrics-api"
    assert trigger["metadata"] == {
        "url": "http://reels-api.media.svc:9000/v1/status",
        "valueLocation": "queue.backlog",
        "targetValue": "5",
    }
    assert "HorizontalPodAutoscaler/shorts-download" not in made


def test_an_unknown_backlog_sends_nobody_away(objects):
    """KEDA's fallback works on average values only."""
    spec = objects(pipeline=WORKERS)["ScaledObject/shorts-download"]["spec"]
    assert spec["fallback"]["behavior"] == "currentReplicasIfHigher"
    assert spec["fallback"]["replicas"] >= 1
    assert spec["triggers"][0]["metricType"] == "AverageValue"


def test_shrinking_waits_as_long_here_as_on_one_machine(objects):
    spec = objects(pipeline=WORKERS)["ScaledObject/shorts-download"]["spec"]
    behaviour = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    assert behaviour["scaleDown"]["stabilizationWindowSeconds"] == 30
    assert behaviour["scaleUp"]["stabilizationWindowSeconds"] == 0
    assert behaviour["scaleUp"]["policies"][0]["value"] == 50, "growing happens at once"


def test_without_keda_workers_follow_their_processors_and_one_stays_since_nothing_would_wake_them(
    objects, plan_text, shared
):
    made = objects(pipeline=WORKERS, apis=frozenset())
    spec = made["HorizontalPodAutoscaler/shorts-download"]["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (1, 50)
    assert spec["metrics"][0]["resource"]["target"]["averageUtilization"] == 80
    assert "ScaledObject/shorts-download" not in made
    notes = plan_text(shared(pipeline=WORKERS), target="cluster").notes
    assert any("without KEDA" in note.message for note in notes)


def test_a_canary_is_one_worker_for_good(objects):
    made = objects(pipeline=WORKERS, extractor=ExtractorStage(None, "2026.11.9"))
    assert made["Deployment/shorts-download-canary"]["spec"]["replicas"] == 1
    assert "ScaledObject/shorts-download-canary" not in made


def test_a_pipeline_that_drains_has_no_worker_no_canary_and_nobody_who_would_wake_one(
    objects, plan_text, shared
):
    stage = ExtractorStage("2026.10.26", "2026.11.9")
    made = objects(pipeline=f"drain: true, {WORKERS}", extractor=stage)
    assert not any("canary" in name or name.startswith("ScaledObject") for name in made)
    assert "HorizontalPodAutoscaler/shorts-download" not in made
    assert made["Deployment/shorts-download"]["spec"]["replicas"] == 0
    scale = plan_text(shared(pipeline="drain: true")).workloads[-1].scale
    assert (scale.replicas, scale.rule) == (0, None)


@pytest.mark.parametrize(("replicas", "expected"), [("{min: 1, max: 1}", False), ("{min: 1, max: 2}", True)])
def test_evictions_take_one_pod_of_the_api_at_once_where_there_can_be_several(objects, replicas, expected):
    made = objects(f"api: {{replicas: {replicas}}}")
    assert ("PodDisruptionBudget/reels-api" in made) is expected
    if expected:
        spec = made["PodDisruptionBudget/reels-api"]["spec"]
        assert (spec["maxUnavailable"], spec["unhealthyPodEvictionPolicy"]) == (1, "AlwaysAllow")


def test_no_budget_keeps_workers_or_stores_from_learning_that_their_node_goes(development):
    budgets = [name for name in development() if name.startswith("PodDisruptionBudget")]
    assert budgets == ["PodDisruptionBudget/reels-api"]
