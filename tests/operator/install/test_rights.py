"""The rights that are installed are enough, and each of them is used: the operator runs as its ServiceAccount."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from reelplane_operator.app import Operator
from reelplane_operator.cluster import resources
from reelplane_operator.cluster.client import Cluster
from reelplane_operator.cluster.transport import Request
from reelplane_operator.config import Config
from tests.testbed.given import Cluster as TestCluster
from tests.testbed.given import wait_established

pytestmark = pytest.mark.cluster
Objects = list[dict[str, Any]]
SYSTEM = "reelplane-system"

DECLARED = """
apiVersion: v1
kind: Secret
metadata: {name: db}
stringData: {url: 'postgresql://app:pw@10.0.0.5:5432/reels'}
---
apiVersion: reelplane.io/v1alpha1
kind: VideoPlatform
metadata: {name: reels}
spec:
  domain: reels.example.com
  database: {postgres: {urlFrom: {secret: db, key: url}}}
  objects: {s3: {bucket: reels, region: us-west-2}}
---
apiVersion: reelplane.io/v1alpha1
kind: VideoPipeline
metadata: {name: shorts}
spec: {platform: reels, workers: {download: {proxies: home}}}
---
apiVersion: reelplane.io/v1alpha1
kind: ProxyPool
metadata: {name: home}
spec: {endpoints: [], whenExhausted: Direct}
"""


def as_service_account(cluster: TestCluster, folder: Path) -> Path:
    """A kubeconfig with a token of the operator's ServiceAccount, and nothing else."""
    token = cluster.kubectl("-n", SYSTEM, "create", "token", "reelplane-operator").stdout.strip()
    config = yaml.safe_load(cluster.kubeconfig.read_text())
    config["users"] = [{"name": config["users"][0]["name"], "user": {"token": token}}]
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path


async def until(found: Callable[[], Any], within: float = 90) -> Any:
    deadline = time.monotonic() + within
    while not (value := await found()):
        assert time.monotonic() < deadline, "it did not come about"
        await asyncio.sleep(0.2)
    return value


@pytest.mark.parametrize("install", ["cluster", "namespaced"])
async def test_the_operator_needs_no_right_that_it_is_not_given(
    install: str, api_cluster: TestCluster, kustomize: Callable[[str], Objects], tmp_path: Path
) -> None:
    namespace = "media" if install == "namespaced" else f"rights-{time.monotonic_ns()}"
    api_cluster.kubectl("apply", "--server-side", "-f", "-", input=yaml.safe_dump_all(kustomize("cluster")))
    wait_established(api_cluster.kubectl)
    api_cluster.kubectl("create", "namespace", namespace)
    if install == "namespaced":
        # Only these: what the other install gives beyond must not be there to be used.
        api_cluster.kubectl("delete", "clusterrolebinding", "reelplane-operator")
        text = yaml.safe_dump_all(kustomize("namespaced"))
        api_cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", input=text)
    refused: list[Request] = []
    config = Config(
        kubeconfig=as_service_account(api_cluster, tmp_path),
        namespaces=(namespace,) if install == "namespaced" else (),
        leader_elect=True,
        identity="rights",
        operator_namespace=SYSTEM,
        http_port=None,
    )

    def seen(request: Request) -> None:
        if request.status in (401, 403):
            refused.append(request)

    stop = asyncio.Event()
    try:
        async with (
            await Cluster.connect(kubeconfig=config.kubeconfig, on_request=seen) as cluster,
            await Cluster.connect(kubeconfig=api_cluster.kubeconfig) as admin,
        ):
            running = asyncio.create_task(Operator(config, cluster).run(stop))
            api_cluster.kubectl("-n", namespace, "apply", "-f", "-", input=DECLARED)

            async def settled() -> bool:
                if running.done():
                    running.result()
                found = await admin.get(resources.PIPELINES, namespace, "shorts")
                return bool(found and found.get("status", {}).get("inventory"))

            await until(settled)
            await admin.delete(resources.PLATFORMS, namespace, "reels")
            stop.set()
            await running
    finally:
        api_cluster.kubectl("delete", "namespace", namespace, "--wait=false")
        if install == "namespaced":
            api_cluster.kubectl("delete", "namespace", SYSTEM)
    # What only a cluster's rights would show is looked for, and done without.
    beyond = {"CustomResourceDefinition", "Namespace", "Node", "PriorityClass"}
    allowed = beyond if install == "namespaced" else set()
    assert [request for request in refused if request.kind not in allowed] == []
