"""What the manifests promise: the cluster's rules are kept, a change rolls the pods, secrets stand in Secrets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reelplane_crds.runtime import RuntimeDocument
from reelplane_plan.render.manifests import render


@pytest.fixture
def objects(plan_text, shared, facts):
    def make(platform: str = "", pipeline: str = "", extra: str = "") -> dict[str, Any]:
        text = shared(platform, pipeline, extra)
        made = plan_text(text, target="cluster")
        assert made.problems == ()
        rendered = render(made, facts(text, target="cluster"))
        return {f"{each['kind']}/{each['metadata']['name']}": each for each in rendered}

    return make


def pods(objects: dict[str, Any]) -> dict[str, Any]:
    return {
        name: each["spec"]["template"]["spec"]
        for name, each in objects.items()
        if "template" in each.get("spec", {})
    }


def content_hash(objects: dict[str, Any], name: str) -> str:
    text: str = objects[name]["spec"]["template"]["metadata"]["annotations"]["reelplane.io/content-hash"]
    return text


def test_a_platform_becomes_these_objects(objects):
    assert list(objects()) == [
        "Service/reels-cache",
        "NetworkPolicy/reels-cache",
        "StatefulSet/reels-cache",
        "Service/reels-queue",
        "NetworkPolicy/reels-queue",
        "StatefulSet/reels-queue",
        "ConfigMap/reels-api",
        "Secret/reels-api",
        "Service/reels-api",
        "Deployment/reels-api",
        "ConfigMap/shorts-download",
        "Secret/shorts-download",
        "Deployment/shorts-download",
    ]


def test_the_config_map_holds_a_document_that_the_workload_accepts(objects):
    for name, role in (("reels-api", "api"), ("shorts-download", "worker")):
        document = RuntimeDocument.model_validate_json(objects()[f"ConfigMap/{name}"]["data"]["runtime.json"])
        assert document.role == role


def test_a_change_of_the_document_or_of_a_secret_rolls_the_pods_it_concerns_and_no_others(objects):
    before = objects()
    changed = objects("api: {infoWait: 9s}")
    assert content_hash(before, "Deployment/reels-api") != content_hash(changed, "Deployment/reels-api")
    for name in ("Deployment/shorts-download", "StatefulSet/reels-queue"):
        assert content_hash(before, name) == content_hash(changed, name)
    keyed = objects("api: {apiKeysFrom: {secret: db, key: url}}")
    assert content_hash(before, "Deployment/reels-api") != content_hash(keyed, "Deployment/reels-api")


def test_selectors_match_their_pods_services_find_ports_and_volumes_are_declared(objects):
    made = objects()
    for name, each in made.items():
        if "template" not in each.get("spec", {}):
            continue
        labels = each["spec"]["template"]["metadata"]["labels"]
        assert each["spec"]["selector"]["matchLabels"].items() <= labels.items()
        assert labels["app.kubernetes.io/managed-by"] == "reelplane"
        pod = each["spec"]["template"]["spec"]
        claims = {claim["metadata"]["name"] for claim in each["spec"].get("volumeClaimTemplates", ())}
        volumes = {volume["name"] for volume in pod["volumes"]} | claims
        for container in pod["containers"]:
            assert {mount["name"] for mount in container["volumeMounts"]} == volumes
        service = made.get(f"Service/{each['metadata']['name']}")
        if service:
            assert service["spec"]["selector"].items() <= labels.items()
            ports = {port["name"] for container in pod["containers"] for port in container["ports"]}
            assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports, name


def test_every_pod_fits_the_restricted_standard_and_is_probed_and_bounded(objects):
    for name, pod in pods(objects()).items():
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        for container in pod["containers"]:
            security = container["securityContext"]
            assert (security["allowPrivilegeEscalation"], security["readOnlyRootFilesystem"]) == (False, True)
            assert security["capabilities"] == {"drop": ["ALL"]}
            assert {"startupProbe", "readinessProbe", "livenessProbe"} <= container.keys()
            assert "memory" in container["resources"]["limits"]
            assert container["resources"]["requests"].keys() == {"cpu", "memory"}


def test_secret_values_stand_in_secrets_only_and_the_signing_key_is_not_made_up(objects):
    made = objects()
    assert made["Secret/shorts-download"]["stringData"] == {"database-password": "pa@ss"}
    assert "pa@ss" not in json.dumps([each for each in made.values() if each["kind"] != "Secret"])
    sources = {
        source["secret"]["name"]
        for volume in pods(made)["Deployment/reels-api"]["volumes"]
        for source in volume.get("projected", {}).get("sources", ())
    }
    assert sources == {"reels-api", "reels-signing-key"}
    assert "Secret/reels-signing-key" not in made


def test_cookie_files_keep_their_folder_though_a_secret_has_none(objects, secret):
    made = objects(
        "extractor: {cookiesFrom: {secret: jar}}", extra=secret("jar", "example.com: '# Netscape'")
    )
    assert "cookies.example.com.txt" in made["Secret/shorts-download"]["stringData"]
    volume = next(v for v in pods(made)["Deployment/shorts-download"]["volumes"] if v["name"] == "secrets")
    items = volume["projected"]["sources"][0]["secret"]["items"]
    assert {"key": "cookies.example.com.txt", "path": "cookies/example.com.txt"} in items


def test_the_queue_keeps_its_file_on_a_volume_and_the_cache_may_vanish(objects):
    queue, cache = objects()["StatefulSet/reels-queue"]["spec"], objects()["StatefulSet/reels-cache"]["spec"]
    assert "volumeClaimTemplates" in queue
    assert "volumeClaimTemplates" not in cache
    arguments = {name: " ".join(pod["containers"][0]["args"]) for name, pod in pods(objects()).items()}
    assert "noeviction" in arguments["StatefulSet/reels-queue"]
    assert "allkeys-lfu" in arguments["StatefulSet/reels-cache"]


def test_a_scaled_deployment_leaves_its_size_to_the_autoscaler(objects):
    assert "replicas" not in objects()["Deployment/shorts-download"]["spec"]
    assert objects()["Deployment/reels-api"]["spec"]["replicas"] == 2


def test_a_draining_pod_is_given_as_long_as_its_worker_takes(objects):
    pod = pods(objects(pipeline="workers: {download: {drainTimeout: 5m}}"))["Deployment/shorts-download"]
    assert pod["terminationGracePeriodSeconds"] > 300
