"""A real API server takes every manifest as it is: nothing refused, dropped or warned of, and once is enough."""

from __future__ import annotations

import json
import subprocess
import uuid
from typing import Any

import pytest
import yaml

from reelplane_plan.types import ExtractorStage

pytestmark = pytest.mark.cluster


@pytest.fixture
def namespace(api_cluster):
    """A namespace that warns of every pod template which does not fit the restricted standard."""
    name = f"plan-{uuid.uuid4().hex[:8]}"
    api_cluster.kubectl("create", "namespace", name)
    api_cluster.kubectl("label", "namespace", name, "pod-security.kubernetes.io/warn=restricted")
    yield name
    api_cluster.kubectl("delete", "namespace", name, "--wait=false")


@pytest.mark.timeout(900)  # The first run builds the API server.
def test_an_api_server_takes_every_manifest_without_a_warning_and_a_second_apply_changes_nothing(
    api_cluster, namespace, development
):
    platform = """
      domain: reels.example.com, gateway: {class: traefik, tls: {secret: reels-tls}}, storage: {class: fast},
      images: {pullPolicy: IfNotPresent, pullSecrets: [registry]},
      egress: {allow: [{cidr: 10.20.3.4/16, port: 8000}, {cidr: 'fd00:1::/32'}, {host: media.internal}]},
      pods: {labels: {team: video}, nodeSelector: {disk: ssd}, tolerations: [{operator: Exists}]}
    """
    pipeline = "workers: {download: {spot: true, class: Gpu, gpu: {count: 2, runtimeClass: nvidia}}}"
    made = development(
        platform,
        pipeline,
        apis=frozenset(),
        namespace=namespace,
        extractor=ExtractorStage("2026.10.26", "2026.11.9"),
    )
    text = yaml.safe_dump_all(made.values())
    apply = ("apply", "--server-side", "--field-manager=reelplane", "--validate=strict", "-f", "-")
    first = api_cluster.kubectl(*apply, "-o", "json", input=text)
    assert first.stderr == ""
    second = api_cluster.kubectl(*apply, "-o", "json", input=text)
    before, after = ({identity(item): wanted(item) for item in items(each)} for each in (first, second))
    assert len(before) == len(made)
    assert after == before


def items(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(done.stdout)["items"]
    return found


def identity(item: dict[str, Any]) -> tuple[str, str]:
    return item["kind"], item["metadata"]["name"]


def wanted(item: dict[str, Any]) -> dict[str, Any]:
    """What controllers do not write: a second apply that changes it would never come to rest."""
    kept = {key: value for key, value in item.items() if key not in ("metadata", "status")}
    if item["kind"] == "Deployment":  # An autoscaler writes how many pods it has.
        return {**kept, "spec": {key: value for key, value in item["spec"].items() if key != "replicas"}}
    return {**kept, "generation": item["metadata"].get("generation")}
