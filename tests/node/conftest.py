"""The node of the session, with the usual add-ons, and what tests of it share."""

from __future__ import annotations

import json
import subprocess
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.testbed.node.cluster import NodeCluster
from tests.testbed.session import until_the_end


@pytest.fixture(scope="session")
def node_cluster(request: pytest.FixtureRequest) -> Iterator[NodeCluster]:
    """A cluster of one real node until the session ends."""
    yield from until_the_end(request, "node", lambda folder, say: NodeCluster.start(folder=folder, say=say))


class Space:
    """A namespace of a test's own in which pods must fit the ``restricted`` Pod Security Standard."""

    def __init__(self, cluster: NodeCluster, name: str) -> None:
        self.cluster = cluster
        self.name = name

    def create(self, *manifests: dict[str, Any]) -> None:
        document = {"apiVersion": "v1", "kind": "List", "items": list(manifests)}
        self.kubectl("create", "-f", "-", input=json.dumps(document))

    def kubectl(
        self, *arguments: str, input: str | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        return self.cluster.kubectl(f"--namespace={self.name}", *arguments, input=input, check=check)

    def wait(self, what: str, condition: str, within: int = 90) -> None:
        """Fails with what the events of the namespace say."""
        done = self.kubectl("wait", what, f"--for={condition}", f"--timeout={within}s", check=False)
        if done.returncode != 0:
            events = self.kubectl("get", "events", "-o", "custom-columns=R:.reason,M:.message").stdout
            state = self.kubectl("describe", what, check=False).stdout
            pytest.fail(f"{what} is not {condition}: {done.stderr}\n{events}\n{state}")

    def run(self, name: str, image: str, *command: str, **spec: Any) -> str:
        """Run a pod to its end and return what it printed."""
        self.create(pod(name, image, *command, **spec))
        self.wait(f"pod/{name}", "jsonpath={.status.phase}=Succeeded")
        return self.kubectl("logs", name).stdout


def pod(
    name: str, image: str, *command: str, container: dict[str, Any] | None = None, **spec: Any
) -> dict[str, Any]:
    """A pod that fits the ``restricted`` standard, on a read-only root, that is not started again."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 0,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 65532,
                "runAsGroup": 65532,
                "fsGroup": 65532,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": "main",
                    "image": image,
                    **({"command": list(command)} if command else {}),
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "readOnlyRootFilesystem": True,
                        "capabilities": {"drop": ["ALL"]},
                    },
                    **(container or {}),
                }
            ],
            **spec,
        },
    }


@pytest.fixture
def space(node_cluster: NodeCluster) -> Iterator[Space]:
    made = Space(node_cluster, f"t-{uuid.uuid4().hex[:12]}")
    node_cluster.kubectl("create", "namespace", made.name)
    label = "pod-security.kubernetes.io/enforce=restricted"
    node_cluster.kubectl("label", "namespace", made.name, label)
    yield made
    node_cluster.kubectl("delete", "namespace", made.name, "--wait=false")


@pytest.fixture(scope="session")
def imported(node_cluster: NodeCluster) -> Callable[[str], str]:
    """Import an image by its name in ``images.IMAGES``, once, and return the name that pods know it by."""
    known: dict[str, str] = {}

    def name_of(image: str) -> str:
        if image not in known:
            known[image] = node_cluster.import_image(image).names[0]
        return known[image]

    return name_of
