"""What tests may rely on in a node: pods that run, are reached and scaled, and keep what they write."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from loadtests.local import eventually
from tests.node.conftest import Space, pod
from tests.testbed.node.cluster import NodeCluster
from tests.testbed.node.images import SHELL

pytestmark = [pytest.mark.node, pytest.mark.timeout(300)]


def test_a_pod_runs_and_shows_its_logs_and_takes_commands(space: Space) -> None:
    space.create(pod("sleeper", SHELL, "sh", "-c", "echo awake; exec sleep infinity"))
    space.wait("pod/sleeper", "condition=Ready")

    assert space.kubectl("logs", "sleeper").stdout == "awake\n"
    assert space.kubectl("exec", "sleeper", "--", "id", "-u").stdout == "65532\n"


def test_a_service_is_reached_by_name_from_another_pod(space: Space) -> None:
    server = r"""
use IO::Socket;
my $listener = IO::Socket::INET->new(Listen => 9, LocalPort => 8080) or die;
while (my $client = $listener->accept) { print $client "from $ENV{HOSTNAME}"; }
"""
    space.create(
        pod("server", SHELL, "perl", "-e", server),
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "web"},
            "spec": {"selector": {"app": "server"}, "ports": [{"port": 80, "targetPort": 8080}]},
        },
    )
    space.wait("pod/server", "condition=Ready")

    ask = f"exec 3<>/dev/tcp/web.{space.name}.svc.cluster.local/80; cat <&3"
    printed = space.run(
        "client", SHELL, "bash", "-c", f"for i in $(seq 50); do ({ask}) && exit; sleep 0.2; done"
    )

    assert printed.endswith("from server")


def test_a_signal_that_nobody_handles_yet_ends_a_pod_that_shares_its_process_namespace(space: Space) -> None:
    """What the pods of a platform rely on (reelplane_plan, ``shareProcessNamespace``)."""
    space.create(pod("loading", SHELL, "perl", "-e", "sleep 600", shareProcessNamespace=True))
    space.wait("pod/loading", "condition=Ready")
    space.kubectl("delete", "pod", "loading", "--grace-period=600", "--wait=false")
    space.wait("pod/loading", "delete")


def test_a_pod_outside_of_the_restricted_standard_is_refused(space: Space) -> None:
    root = pod("root", SHELL, "id")
    root["spec"]["securityContext"]["runAsUser"] = 0
    root["spec"]["securityContext"]["runAsNonRoot"] = False

    done = space.kubectl("create", "-f", "-", input=json.dumps(root), check=False)

    assert "violates PodSecurity" in done.stderr


def test_what_is_written_to_a_volume_is_there_for_the_next_pod(space: Space) -> None:
    volume = {
        "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}],
        "container": {"volumeMounts": [{"name": "data", "mountPath": "/data"}]},
    }
    space.create(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "data"},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}},
        }
    )

    space.run("writer", SHELL, "sh", "-c", "echo kept > /data/file", **volume)
    printed = space.run("reader", SHELL, "cat", "/data/file", **volume)

    assert printed == "kept\n"
    claim = space.cluster.get("pvc", "data", f"--namespace={space.name}")
    assert claim["status"]["phase"] == "Bound"


def test_metrics_of_pods_are_served(space: Space) -> None:
    space.create(
        pod(
            "busy",
            SHELL,
            "sh",
            "-c",
            "while :; do :; done",
            container={"resources": {"limits": {"cpu": "100m"}}},
        )
    )
    space.wait("pod/busy", "condition=Ready")

    def used() -> str:
        return space.kubectl("top", "pod", "busy", "--no-headers", check=False).stdout

    name, processor, _memory = eventually(used, within=120, what="figures of pod busy", every=1).split()
    assert name == "busy"
    assert 10 < int(processor.removesuffix("m")) <= 150


class _Figure(http.server.BaseHTTPRequestHandler):
    value = 0

    def do_GET(self) -> None:
        body = json.dumps({"queue": {"backlog": type(self).value}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: KEDA asks every second."""


@pytest.fixture
def figure(node_cluster: NodeCluster) -> Iterator[tuple[type[_Figure], str]]:
    """A figure that the test sets, and the URL under which pods find it."""
    served = type("Served", (_Figure,), {})
    with http.server.ThreadingHTTPServer((node_cluster.machine.host, 0), served) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield served, f"http://{node_cluster.machine.host}:{server.server_port}/"
        server.shutdown()


def test_a_scaled_object_follows_a_figure_from_nothing_to_one_and_back(
    space: Space, figure: tuple[type[_Figure], str]
) -> None:
    served, url = figure
    template = pod("worker", SHELL, "sleep", "infinity")
    template["spec"]["restartPolicy"] = "Always"
    trigger = {"url": url, "valueLocation": "queue.backlog", "targetValue": "10"}
    space.create(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "worker"},
            "spec": {
                "replicas": 0,
                "selector": {"matchLabels": {"app": "worker"}},
                "template": {"metadata": template["metadata"], "spec": template["spec"]},
            },
        },
        {
            "apiVersion": "keda.sh/v1alpha1",
            "kind": "ScaledObject",
            "metadata": {"name": "worker"},
            "spec": {
                "scaleTargetRef": {"name": "worker"},
                "pollingInterval": 1,
                "cooldownPeriod": 1,
                "minReplicaCount": 0,
                "maxReplicaCount": 2,
                "triggers": [{"type": "metrics-api", "metadata": trigger}],
            },
        },
    )
    space.wait("scaledobject/worker", "condition=Ready")

    def replicas() -> int:
        deployment = space.cluster.get("deployment", "worker", f"--namespace={space.name}")
        return int(deployment["status"].get("readyReplicas", 0))

    assert replicas() == 0
    served.value = 5
    eventually(lambda: replicas() == 1, within=90, what="one replica for a backlog", every=0.5)
    served.value = 0
    eventually(lambda: replicas() == 0, within=90, what="no replica without a backlog", every=0.5)
