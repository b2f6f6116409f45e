"""What all manifests promise: names and labels that stay, pods that fit the standard, secrets in Secrets."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from reelplane_crds.runtime import RuntimeDocument
from reelplane_plan.render.manifests import OwnerRef
from reelplane_plan.types import ExtractorStage


def pods(objects: dict[str, Any]) -> dict[str, Any]:
    return {
        name: each["spec"]["template"]["spec"]
        for name, each in objects.items()
        if "template" in each.get("spec", {})
    }


def content_hash(objects: dict[str, Any], name: str) -> str:
    text: str = objects[name]["spec"]["template"]["metadata"]["annotations"]["reelplane.io/content-hash"]
    return text


@pytest.fixture
def every(development):
    """Everything that a plan can have at once: embedded stores, a domain, GPUs, spot nodes, and a canary."""
    platform = "domain: reels.example.com, gateway: {class: traefik, tls: {secret: reels-tls}}"
    pipeline = "workers: {download: {spot: true, class: Gpu}}"
    stage = ExtractorStage("2026.10.26", "2026.11.9")
    return development(platform, pipeline, extractor=stage, priority_classes=True, gpu="present")


def test_a_platform_becomes_these_objects_in_the_order_in_which_they_may_be_applied(objects):
    assert list(objects(apis=frozenset())) == [
        "Secret/reels-signing-key",
        *(
            f"{kind}/{name}"
            for name in ("reels-cache", "reels-queue")
            for kind in ("ServiceAccount", "Service", "NetworkPolicy", "StatefulSet")
        ),
        "ServiceAccount/reels-api",
        "ConfigMap/reels-api",
        "Secret/reels-api",
        "Service/reels-api",
        "NetworkPolicy/reels-api",
        "Deployment/reels-api",
        "PodDisruptionBudget/reels-api",
        "HorizontalPodAutoscaler/reels-api",
        "ServiceAccount/shorts-download",
        "ConfigMap/shorts-download",
        "Secret/shorts-download",
        "NetworkPolicy/shorts-download",
        "Deployment/shorts-download",
        "HorizontalPodAutoscaler/shorts-download",
    ]


def test_what_serves_belongs_to_the_platform_and_what_works_to_the_pipeline(wanted, shared):
    for child in wanted(shared(), extractor=ExtractorStage(None, "2026.11.9")):
        name = child.manifest["metadata"]["name"]
        kind, owner = ("VideoPipeline", "shorts") if "download" in name else ("VideoPlatform", "reels")
        assert child.owner == OwnerRef(kind, owner)
        assert child.manifest["metadata"]["labels"]["reelplane.io/owner"] == f"{kind}.{owner}"
        assert "ownerReferences" not in child.manifest["metadata"]


def test_what_is_made_once_has_no_data_and_is_asked_for_by_number_of_bytes(wanted, resources):
    generated = {each.manifest["metadata"]["name"]: each for each in wanted(resources()) if each.generate}
    assert {name: dict(each.generate) for name, each in generated.items()} == {
        "reels-database-password": {"database-password": 32},
        "reels-s3-access-key": {"s3-access-key": 10},
        "reels-s3-secret-key": {"s3-secret-key": 32},
        "reels-signing-key": {"signing-key": 32},
    }
    for each in generated.values():
        assert each.manifest["kind"] == "Secret"
        assert each.manifest.keys().isdisjoint({"data", "stringData"})


def test_names_fit_labels_also_where_an_owners_name_is_as_long_as_it_may_be(wanted, resources):
    text = resources("domain: reels.example.com").replace("reels", "r" * 40).replace("shorts", "s" * 40)
    for child in wanted(
        text.replace("r" * 40 + ".example", "reels.example"), extractor=ExtractorStage("1", "2")
    ):
        name = child.manifest["metadata"]["name"]
        assert len(name) <= 63, name
        # Names that controllers make of ours: an autoscaler of KEDA's, a revision of a StatefulSet.
        prefix = {"ScaledObject": "keda-hpa-", "StatefulSet": "0123456789-"}.get(child.manifest["kind"], "")
        assert len(prefix + name) <= 63, name
        assert all(len(value) <= 63 for value in child.manifest["metadata"]["labels"].values())


def test_every_child_carries_the_recommended_labels_and_its_namespace(every):
    for name, each in every.items():
        labels = each["metadata"]["labels"]
        assert each["metadata"]["namespace"] == "media", name
        assert labels["app.kubernetes.io/managed-by"] == "reelplane"
        assert labels["app.kubernetes.io/part-of"] == "reels"
        assert labels["app.kubernetes.io/instance"] == each["metadata"]["name"]
        assert {"app.kubernetes.io/name", "app.kubernetes.io/component"} <= labels.keys()


def test_what_cannot_be_changed_afterwards_depends_on_no_setting(every, development):
    plain = development()
    for name, each in plain.items():
        spec, other = each.get("spec", {}), every[name].get("spec", {})
        if each["kind"] in ("Deployment", "StatefulSet"):
            assert spec["selector"] == other["selector"], name
        if each["kind"] == "StatefulSet":
            fixed = ("serviceName", "volumeClaimTemplates", "podManagementPolicy")
            assert [spec.get(key) for key in fixed] == [other.get(key) for key in fixed]
        if each["kind"] == "Service":
            assert spec.get("clusterIP") == other.get("clusterIP")


def test_no_two_workloads_share_pods(every):
    selectors = [
        frozenset(each["spec"]["selector"]["matchLabels"].items())
        for each in every.values()
        if "template" in each.get("spec", {})
    ]
    labels = [
        each["spec"]["template"]["metadata"]["labels"].items()
        for each in every.values()
        if "template" in each.get("spec", {})
    ]
    for index, selector in enumerate(selectors):
        assert [selector <= its for its in labels] == [at == index for at in range(len(labels))]


def test_selectors_match_their_pods_services_find_ports_and_volumes_are_declared(every):
    for name, each in every.items():
        if "template" not in each.get("spec", {}):
            continue
        labels = each["spec"]["template"]["metadata"]["labels"]
        assert each["spec"]["selector"]["matchLabels"].items() <= labels.items()
        pod = each["spec"]["template"]["spec"]
        claims = {claim["metadata"]["name"] for claim in each["spec"].get("volumeClaimTemplates", ())}
        volumes = {volume["name"] for volume in pod["volumes"]} | claims
        containers = [*pod["containers"], *pod.get("initContainers", ())]
        assert {mount["name"] for one in containers for mount in one["volumeMounts"]} == volumes, name
        assert f"ServiceAccount/{pod['serviceAccountName']}" in every
        service = every[f"Service/{each['metadata']['name']}"]
        assert service["spec"]["selector"].items() <= labels.items()
        ports = {port["name"] for container in pod["containers"] for port in container["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports, name


def test_every_pod_fits_the_restricted_standard_and_is_probed_and_bounded(every):
    allowed = {"configMap", "emptyDir", "projected", "secret", "persistentVolumeClaim", "name"}
    assert len(pods(every)) == 7
    for name, pod in pods(every).items():
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        assert pod.keys().isdisjoint({"hostNetwork", "hostPID", "hostIPC"})
        assert all(volume.keys() <= allowed for volume in pod["volumes"]), name
        for container in (*pod["containers"], *pod.get("initContainers", ())):
            security = container["securityContext"]
            assert (security["allowPrivilegeEscalation"], security["readOnlyRootFilesystem"]) == (False, True)
            assert security["capabilities"] == {"drop": ["ALL"]}
            assert all("hostPort" not in port for port in container.get("ports", ()))
            assert "memory" in container["resources"]["limits"]
            assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
        for container in pod["containers"]:
            assert {"startupProbe", "readinessProbe", "livenessProbe"} <= container.keys()


def test_no_account_has_a_token(every):
    accounts = [each for each in every.values() if each["kind"] == "ServiceAccount"]
    assert len(accounts) == 7
    assert all(each["automountServiceAccountToken"] is False for each in accounts)


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


def test_secret_values_stand_in_secrets_only(objects):
    made = objects()
    assert made["Secret/shorts-download"]["stringData"] == {"database-password": "pa@ss"}
    assert "pa@ss" not in json.dumps([each for each in made.values() if each["kind"] != "Secret"])
    sources = {
        source["secret"]["name"]
        for volume in pods(made)["Deployment/reels-api"]["volumes"]
        for source in volume.get("projected", {}).get("sources", ())
    }
    assert sources == {"reels-api", "reels-signing-key"}


def test_cookie_files_keep_their_folder_though_a_secret_has_none(objects, secret):
    made = objects(
        "extractor: {cookiesFrom: {secret: jar}}", extra=secret("jar", "example.com: '# Netscape'")
    )
    assert "cookies.example.com.txt" in made["Secret/shorts-download"]["stringData"]
    volume = next(v for v in pods(made)["Deployment/shorts-download"]["volumes"] if v["name"] == "secrets")
    items = volume["projected"]["sources"][0]["secret"]["items"]
    assert {"key": "cookies.example.com.txt", "path": "cookies/example.com.txt"} in items


def test_a_worker_without_secrets_has_no_secret(development, secret):
    urls = secret("far", "url: 'redis://cache.example:6379/1'")
    made = development("cache: {external: {urlFrom: {secret: far, key: url}}}", extra=urls)
    assert "Secret/shorts-download" not in made


def test_manifests_share_no_parts_so_that_whoever_applies_them_may_add_to_them(every):
    assert "&id" not in yaml.safe_dump_all(every.values())
