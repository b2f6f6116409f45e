"""What pods of API and workers promise: how they go, where they run, and what a person adds to them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reelplane_plan.types import ExtractorStage


def template(made: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = made[f"Deployment/{name}"]["spec"]["template"]
    return found


def container(made: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = template(made, name)["spec"]["containers"][0]
    return found


def test_the_api_is_replaced_one_by_one_and_serves_until_everybody_knows_that_a_pod_goes(objects):
    made = objects()
    strategy = made["Deployment/reels-api"]["spec"]["strategy"]["rollingUpdate"]
    assert strategy == {"maxUnavailable": 0, "maxSurge": 1}
    sleep = container(made, "reels-api")["lifecycle"]["preStop"]["sleep"]["seconds"]
    # The API itself finishes requests for 20 s and closes its stores after it.
    assert template(made, "reels-api")["spec"]["terminationGracePeriodSeconds"] >= sleep + 25


def test_the_api_is_spread_over_zones_and_nodes_and_old_pods_of_a_rollout_do_not_count(objects):
    made = objects()
    spread = template(made, "reels-api")["spec"]["topologySpreadConstraints"]
    assert [each["topologyKey"] for each in spread] == [
        "topology.kubernetes.io/zone",
        "kubernetes.io/hostname",
    ]
    labels = template(made, "reels-api")["metadata"]["labels"]
    for each in spread:
        assert each["whenUnsatisfiable"] == "ScheduleAnyway", "one node alone still serves"
        assert each["labelSelector"]["matchLabels"].items() <= labels.items()
        assert each["matchLabelKeys"] == ["pod-template-hash"]


def test_a_worker_that_goes_is_given_the_time_of_its_longest_job(objects):
    for pipeline, seconds in (
        ("jobTimeout: 30m", 1800),
        ("jobTimeout: 30m, drainTimeout: 5m", 300),
    ):
        made = objects(pipeline=f"workers: {{download: {{{pipeline}, spot: true}}}}")
        assert template(made, "shorts-download")["spec"]["terminationGracePeriodSeconds"] > seconds
        document = json.loads(made["ConfigMap/shorts-download"]["data"]["runtime.json"])
        assert document["worker"]["drain_timeout"] == seconds


def test_a_pod_told_to_stop_while_it_loads_its_code_goes_at_once(development):
    """As the first process of its own namespace it would not hear a signal that it has no handler for yet."""
    pods = [
        each["spec"]["template"]["spec"]
        for each in development().values()
        if "template" in each.get("spec", {})
    ]
    assert len(pods) >= 5
    assert all(each["shareProcessNamespace"] for each in pods)


def test_spot_workers_look_for_spot_nodes_of_every_cloud_and_run_elsewhere_too(objects):
    pod = template(objects(pipeline="workers: {download: {spot: true}}"), "shorts-download")["spec"]
    preferred = pod["affinity"]["nodeAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    wanted = {
        (term["key"], value)
        for each in preferred
        for term in each["preference"]["matchExpressions"]
        for value in term["values"]
    }
    assert wanted == {
        ("karpenter.sh/capacity-type", "spot"),
        ("eks.amazonaws.com/capacityType", "SPOT"),
        ("cloud.google.com/gke-spot", "true"),
        ("kubernetes.azure.com/scalesetpriority", "spot"),
    }
    assert {(each["key"], each["value"]) for each in pod["tolerations"]} == wanted
    assert "requiredDuringSchedulingIgnoredDuringExecution" not in pod["affinity"]["nodeAffinity"]
    plain = template(objects(), "shorts-download")["spec"]
    assert plain.keys().isdisjoint({"affinity", "tolerations"})


GPU = "workers: {download: {class: Gpu, fallback: FALLBACK, gpu: {count: 2, runtimeClass: nvidia}}}"


@pytest.mark.parametrize(
    ("fallback", "seen", "on_gpu"),
    [
        ("Cpu", "present", True),
        ("Cpu", "unknown", True),
        ("Cpu", "absent", False),
        ("Wait", "absent", True),
    ],
)
def test_gpu_workers_get_gpus_or_processors_where_the_cluster_is_known_to_have_none(
    objects, fallback, seen, on_gpu
):
    made = objects(pipeline=GPU.replace("FALLBACK", fallback), gpu=seen)
    limits = container(made, "shorts-download")["resources"]["limits"]
    pod = template(made, "shorts-download")["spec"]
    assert (limits.get("nvidia.com/gpu") == "2") is on_gpu
    assert (pod.get("runtimeClassName") == "nvidia") is on_gpu
    assert any(each["key"] == "nvidia.com/gpu" for each in pod.get("tolerations", ())) is on_gpu


def test_a_note_says_that_gpu_workers_run_on_processors(plan_text, shared):
    text = shared(pipeline=GPU.replace("FALLBACK", "Cpu"))
    for seen, expected in (("absent", True), ("present", False)):
        notes = plan_text(text, target="cluster", gpu=seen).notes
        assert any("run on processors" in note.message for note in notes) is expected


def test_a_gpu_is_freed_before_its_successor_asks_for_one(objects):
    surge = objects(pipeline="workers: {download: {class: Gpu}}", gpu="present")
    assert surge["Deployment/shorts-download"]["spec"]["strategy"]["rollingUpdate"]["maxSurge"] == 0
    plain = objects()["Deployment/shorts-download"]["spec"]["strategy"]["rollingUpdate"]
    assert plain["maxUnavailable"] == 0


PLATFORM = """pods: {labels: {team: video, tier: all}, nodeSelector: {disk: ssd}, priorityClass: gold,
  tolerations: [{key: dedicated, value: video, effect: NoSchedule}], resources: {cpu: 100m, memory: 64Mi}}"""


def test_overrides_reach_all_pods_and_the_more_specific_one_wins_per_key(development):
    made = development(
        f"{PLATFORM}, api: {{pods: {{labels: {{tier: api}}, annotations: {{a/b: c}}, resources: {{cpu: '2'}}}}}}",
        "workers: {download: {pods: {nodeSelector: {disk: nvme, gpu: none}, priorityClass: iron,"
        " tolerations: [{operator: Exists}]}}}",
    )
    for name, each in made.items():
        if "template" not in each.get("spec", {}):
            continue
        its = each["spec"]["template"]
        assert its["metadata"]["labels"]["team"] == "video", name
        assert {"key": "dedicated", "operator": "Equal", "value": "video", "effect": "NoSchedule"} in its[
            "spec"
        ]["tolerations"]
    api, worker = template(made, "reels-api"), template(made, "shorts-download")
    assert (api["metadata"]["labels"]["tier"], worker["metadata"]["labels"]["tier"]) == ("api", "all")
    assert api["metadata"]["annotations"]["a/b"] == "c"
    assert api["spec"]["nodeSelector"] == {"disk": "ssd"}
    assert worker["spec"]["nodeSelector"] == {"disk": "nvme", "gpu": "none"}
    assert (api["spec"]["priorityClassName"], worker["spec"]["priorityClassName"]) == ("gold", "iron")
    assert {"operator": "Exists"} in worker["spec"]["tolerations"]
    assert container(made, "reels-api")["resources"]["requests"] == {"cpu": "2", "memory": "64Mi"}


@pytest.mark.parametrize(
    ("given", "request_", "limit"),
    [
        ("{}", "256Mi", "1Gi"),
        ("{memory: 4Gi}", "4Gi", "4Gi"),
        ("{memoryLimit: 128Mi}", "128Mi", "128Mi"),
        ("{memory: 512Mi, memoryLimit: 2Gi}", "512Mi", "2Gi"),
    ],
)
def test_a_limit_is_never_below_its_request_which_the_api_server_would_refuse(
    objects, given, request_, limit
):
    found = container(objects(f"api: {{pods: {{resources: {given}}}}}"), "reels-api")["resources"]
    assert (found["requests"]["memory"], found["limits"]["memory"]) == (request_, limit)


def test_bounds_from_two_places_that_do_not_fit_raise_the_limit(objects):
    made = objects("pods: {resources: {memory: 4Gi}}, api: {pods: {resources: {memoryLimit: 1Gi}}}")
    found = container(made, "reels-api")["resources"]
    assert (found["requests"]["memory"], found["limits"]["memory"]) == ("4Gi", "4Gi")


def test_the_priority_classes_of_the_installation_are_used_where_they_exist(objects):
    made = objects(priority_classes=True)
    assert template(made, "reels-api")["spec"]["priorityClassName"] == "reelplane-serving"
    assert template(made, "shorts-download")["spec"]["priorityClassName"] == "reelplane-batch"
    assert "priorityClassName" not in template(objects(), "reels-api")["spec"]


def test_a_platforms_own_images_come_before_the_operators_and_are_pulled_with_its_secrets(development):
    images = "{workloads: 'r.example/w:1', valkey: 'r.example/v:1', pullPolicy: Always, pullSecrets: [reg]}"
    made = development(f"images: {images}")
    for each in made.values():
        if "template" not in each.get("spec", {}):
            continue
        pod = each["spec"]["template"]["spec"]
        assert pod["imagePullSecrets"] == [{"name": "reg"}]
        assert pod["containers"][0]["imagePullPolicy"] == "Always"
    assert (
        container(made, "reels-api")["image"]
        == container(made, "shorts-download")["image"]
        == "r.example/w:1"
    )
    images_of = {
        name: each["spec"]["template"]["spec"]["containers"][0]["image"]
        for name, each in made.items()
        if each["kind"] == "StatefulSet"
    }
    assert images_of["StatefulSet/reels-cache"] == "r.example/v:1"
    assert images_of["StatefulSet/reels-database"] == "postgres:18", "what is not named is the operator's"


def test_a_version_of_the_extractor_is_copied_in_and_its_workers_say_which_it_is(objects):
    made = objects("images: {extractor: 'r.example/x'}", extractor=ExtractorStage("2026.10.26"))
    pod = template(made, "shorts-download")["spec"]
    (copy,) = pod["initContainers"]
    assert copy["image"] == "r.example/x:2026.10.26"
    (target,) = copy["volumeMounts"]
    (mount,) = [each for each in pod["containers"][0]["volumeMounts"] if each["name"] == target["name"]]
    document = json.loads(made["ConfigMap/shorts-download"]["data"]["runtime.json"])
    assert document["extractor"]["path"] == mount["mountPath"]
    assert document["extractor"]["version"] == "2026.10.26"
    assert copy["command"][-2:] == [f"/{mount['subPath']}", f"{target['mountPath']}/"]
    assert "initContainers" not in template(made, "reels-api")["spec"]


def test_without_a_version_the_layer_inside_the_image_is_used(objects):
    made = objects()
    assert "initContainers" not in template(made, "shorts-download")["spec"]
    assert json.loads(made["ConfigMap/shorts-download"]["data"]["runtime.json"])["extractor"]["version"] == ""


def test_a_canary_differs_from_the_other_workers_by_its_version_alone(objects):
    before = objects(extractor=ExtractorStage("2026.10.26"))
    made = objects(extractor=ExtractorStage("2026.10.26", "2026.11.9"))
    assert {name: made[name] for name in before} == before, "nothing is rolled for a trial"
    document = json.loads(made["ConfigMap/shorts-download-canary"]["data"]["runtime.json"])
    main = json.loads(made["ConfigMap/shorts-download"]["data"]["runtime.json"])
    assert document["extractor"].pop("version") == "2026.11.9"
    assert main["extractor"].pop("version") == "2026.10.26"
    assert document == main
    (copy,) = template(made, "shorts-download-canary")["spec"]["initContainers"]
    assert copy["image"].endswith(":2026.11.9")
