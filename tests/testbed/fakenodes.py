"""kwok's nodes: they exist in the API only, and their pods become Ready, complete and go without any container.

kwok does what its stages say and refuses to start without any: those that its own module carries are used, from
``kustomize/stage`` (nodes with a Lease as heartbeat; pods that are ready and claims that are bound at once).
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.testbed import toolchain
from tests.testbed.ports import free_ports

if TYPE_CHECKING:
    from tests.testbed.cluster import ControlPlane

_STAGES = (
    "node/fast/node-initialize.yaml",
    "node/heartbeat-with-lease/node-heartbeat-with-lease.yaml",
    "pod/fast/pod-ready.yaml",
    "pod/fast/pod-complete.yaml",
    "pod/fast/pod-delete.yaml",
    "volume/fast/pvc-provision.yaml",
    "volume/fast/pvc-delete.yaml",
    "volume/fast/pv-bind.yaml",
    "volume/fast/pv-delete.yaml",
)
_STORAGE_CLASS = "volume/fast/storage-class.yaml"
"""The default class: its provisioner is the stages above."""
_READY_WITHIN = 120.0
LABEL = "type=kwok"
PODS_PER_NODE = 250


def stages() -> Path:
    """The folder of kwok's own stages. Raises toolchain.Unavailable."""
    return toolchain.source("kwok") / "kustomize/stage"


def start(control: ControlPlane, program: Path, stages: Path, count: int) -> None:
    """Start kwok and return when ``count`` nodes are Ready. Raises ProcessError."""
    # The module's files are read-only and belong to the Go cache: one file of ours holds what we take.
    config = control.folder / "kwok.yaml"
    config.write_text("---\n".join((stages / name).read_text() for name in _STAGES))
    (port,) = free_ports(1)
    argv = [
        str(program),
        f"--kubeconfig={control.kubeconfig}",
        f"--config={config}",
        f"--manage-nodes-with-label-selector={LABEL}",
        f"--server-address=127.0.0.1:{port}",
        "--node-ip=127.0.0.1",
        "--node-lease-duration-seconds=40",
        f"--cidr={control.pod_cidr}",
    ]
    control.bed.start("kwok", argv, is_ready=_healthy(port))
    nodes = {"apiVersion": "v1", "kind": "List", "items": [node(number) for number in range(count)]}
    control.kubectl("create", "-f", str(stages / _STORAGE_CLASS), "-f", "-", input=json.dumps(nodes))
    control.bed.wait_ready("kwok")
    control.kubectl("wait", "--for=condition=Ready", "node", f"-l{LABEL}", f"--timeout={_READY_WITHIN:g}s")


def node(number: int) -> dict[str, Any]:
    """The manifest of one fake node: large enough for as many pods as it may have, in one of three zones."""
    capacity = {"cpu": "1k", "memory": "4Ti", "pods": str(PODS_PER_NODE), "ephemeral-storage": "16Ti"}
    name = f"kwok-{number:04}"
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {
                "type": "kwok",
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "topology.kubernetes.io/zone": f"zone-{number % 3}",
            },
        },
        "status": {"capacity": capacity, "allocatable": capacity},
    }


def _healthy(port: int) -> Callable[[], bool]:
    def probe() -> bool:
        with (
            suppress(OSError),
            urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2) as answer,
        ):
            return bool(answer.status == 200)
        return False

    return probe
