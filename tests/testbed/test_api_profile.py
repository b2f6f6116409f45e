"""What tests may rely on in the ``api`` profile: everything of a cluster, except that pods run."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from loadtests.local import eventually
from tests.testbed.given import Cluster, GivenCluster

pytestmark = pytest.mark.cluster

DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "web", "image": "web.example/none:1"}]},
        },
    },
}
HPA: dict[str, Any] = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "web"},
    "spec": {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        "maxReplicas": 3,
        "metrics": [
            {
                "type": "Resource",
                "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
            }
        ],
    },
}


@pytest.fixture
def space(api_cluster: Cluster) -> Iterator[str]:
    """A namespace of the test's own."""
    name = f"t-{uuid.uuid4().hex[:8]}"
    api_cluster.kubectl("create", "namespace", name)
    yield name
    api_cluster.kubectl("delete", "namespace", name, "--wait=false", "--ignore-not-found")


def apply(cluster: Cluster, space: str, manifest: dict[str, Any]) -> None:
    cluster.kubectl("apply", "--server-side", "-n", space, "-f", "-", input=json.dumps(manifest))


def test_dependents_are_collected_when_their_owner_goes(api_cluster: Cluster, space: str) -> None:
    apply(api_cluster, space, DEPLOYMENT)
    children = ("-n", space, "replicasets,pods", "-l", "app=web")
    eventually(lambda: len(api_cluster.get(*children)["items"]) == 3, within=60, what="one set, two pods")
    api_cluster.kubectl("delete", "-n", space, "deployment", "web")
    eventually(lambda: not api_cluster.get(*children)["items"], within=60, what="its set and pods are gone")


def test_a_deleted_namespace_goes_with_all_it_holds(api_cluster: Cluster, space: str) -> None:
    apply(api_cluster, space, DEPLOYMENT)
    api_cluster.kubectl("delete", "namespace", space, "--timeout=90s")
    assert api_cluster.kubectl("get", "namespace", space, check=False).returncode != 0


def test_an_autoscaler_is_taken_in_by_its_controller(api_cluster: Cluster, space: str) -> None:
    apply(api_cluster, space, DEPLOYMENT)
    apply(api_cluster, space, HPA)

    def able() -> bool:
        status = api_cluster.get("-n", space, "hpa", "web").get("status", {})
        return any(condition["type"] == "AbleToScale" for condition in status.get("conditions", ()))

    eventually(able, within=90, what="the controller has looked at it", every=0.5)


def has_account(cluster: Cluster, space: str) -> bool:
    return cluster.kubectl("get", "-n", space, "serviceaccount", "default", check=False).returncode == 0


def test_a_service_account_token_is_accepted_and_its_rights_are_few(
    api_cluster: Cluster, space: str, tmp_path: Path
) -> None:
    eventually(lambda: has_account(api_cluster, space), within=30, what="the account was made")
    token = api_cluster.kubectl("create", "token", "-n", space, "default").stdout.strip()
    config = json.loads(api_cluster.kubectl("config", "view", "--raw", "--minify", "-o", "json").stdout)
    config["users"][0]["user"] = {"token": token}
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(config))
    pod = GivenCluster(path, "api")
    who = json.loads(pod.kubectl("auth", "whoami", "-o", "json").stdout)["status"]["userInfo"]
    assert who["username"] == f"system:serviceaccount:{space}:default"
    assert "Forbidden" in pod.kubectl("get", "-n", space, "secrets", check=False).stderr


def test_restricted_namespaces_refuse_other_pods(api_cluster: Cluster, space: str) -> None:
    api_cluster.kubectl("label", "namespace", space, "pod-security.kubernetes.io/enforce=restricted")
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "root"},
        "spec": DEPLOYMENT["spec"]["template"]["spec"],
    }
    eventually(lambda: has_account(api_cluster, space), within=30, what="the account was made")
    refused = api_cluster.kubectl("apply", "-n", space, "-f", "-", input=json.dumps(pod), check=False)
    assert "violates PodSecurity" in refused.stderr
