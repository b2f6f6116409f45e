"""What tests may rely on in the ``scale`` profile: pods are scheduled onto fake nodes, become Ready, and go."""

from __future__ import annotations

import json

import pytest

from loadtests.local import eventually
from tests.testbed.given import Cluster

pytestmark = pytest.mark.cluster


def test_fifty_pods_become_ready_on_several_nodes(scale_cluster: Cluster) -> None:
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "many"},
        "spec": {
            "replicas": 50,
            "selector": {"matchLabels": {"app": "many"}},
            "template": {
                "metadata": {"labels": {"app": "many"}},
                "spec": {"containers": [{"name": "one", "image": "many.example/none:1"}]},
            },
        },
    }
    scale_cluster.kubectl("apply", "-f", "-", input=json.dumps(deployment))
    scale_cluster.kubectl("rollout", "status", "deployment/many", "--timeout=100s")
    pods = scale_cluster.get("pods", "-l", "app=many")["items"]
    assert len(pods) == 50
    assert len({pod["spec"]["nodeName"] for pod in pods}) > 1
    assert all(pod["status"]["podIP"] for pod in pods)
    scale_cluster.kubectl("delete", "deployment", "many")
    eventually(
        lambda: not scale_cluster.get("pods", "-l", "app=many")["items"], within=60, what="all pods are gone"
    )


def test_a_volume_claim_is_bound_so_that_stateful_sets_get_ready(scale_cluster: Cluster) -> None:
    stateful = {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "store"},
        "spec": {
            "serviceName": "store",
            "selector": {"matchLabels": {"app": "store"}},
            "template": {
                "metadata": {"labels": {"app": "store"}},
                "spec": {"containers": [{"name": "one", "image": "store.example/none:1"}]},
            },
            "volumeClaimTemplates": [
                {
                    "metadata": {"name": "data"},
                    "spec": {
                        "accessModes": ["ReadWriteOnce"],
                        "resources": {"requests": {"storage": "1Gi"}},
                    },
                }
            ],
        },
    }
    scale_cluster.kubectl("apply", "-f", "-", input=json.dumps(stateful))
    scale_cluster.kubectl("rollout", "status", "statefulset/store", "--timeout=100s")
    scale_cluster.kubectl("delete", "statefulset", "store")
    scale_cluster.kubectl("delete", "pvc", "-l", "app=store", "--timeout=60s")
