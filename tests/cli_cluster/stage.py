"""A platform on a real API server, without an operator: each test plays the operator and the kubelets itself.

files ──apply──► our objects ──the planner──► children ──controllers──► pods ──``pods_run``──► Ready
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from reelplane_cli.cluster import declared
from reelplane_cli.cluster.session import Connection, Session, run
from reelplane_cli.main import main
from reelplane_operator.reconcile.actions import write_inventory
from tests.testbed.given import Cluster

ROOT = Path(__file__).parents[2]
PLUGIN = Path(sys.executable).parent / "kubectl-reelplane"

PLATFORM = """
apiVersion: reelplane.io/v1alpha1
kind: VideoPlatform
metadata: {name: reels}
spec:
  domain: reels.example.com
  api: {replicas: {min: 2, max: 40}}
  database: {postgres: {urlFrom: {secret: reels-db, key: url}}}
  objects: {s3: {bucket: reels-us-west-2, region: us-west-2}}
"""
PIPELINE = """
apiVersion: reelplane.io/v1alpha1
kind: VideoPipeline
metadata: {name: shorts}
spec:
  platform: reels
  workers: {download: {min: 2, max: 50}}
"""
PASSWORD = "swordfish-4711"
SECRET = f"""
apiVersion: v1
kind: Secret
metadata: {{name: reels-db}}
stringData: {{url: "postgresql://reels:{PASSWORD}@db.example.com/reels"}}
"""
WHOLE = "---".join((SECRET, PLATFORM, PIPELINE))

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Done:
    """What a command ended with."""

    returncode: int
    stdout: str
    stderr: str


class Stage:
    """A namespace of its own with what a test puts into it."""

    def __init__(self, cluster: Cluster, namespace: str, folder: Path) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self.folder = folder

    def file(self, text: str, name: str = "platform.yaml") -> Path:
        path = self.folder / name
        path.write_text(text)
        return path

    def kubectl(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        return self.cluster.kubectl("-n", self.namespace, *arguments, **options)

    def get(self, *arguments: str) -> Json:
        return self.cluster.get("-n", self.namespace, *arguments)

    def apply(self, *texts: str) -> None:
        self.kubectl("apply", "-f", "-", input="---".join(texts))

    def cli(self, *words: str) -> Done:
        """``kubectl-reelplane WORDS``, inside of this process: its imports alone would take most of a test."""
        said, complained, code = io.StringIO(), io.StringIO(), 0
        argv, folder = sys.argv, Path.cwd()
        sys.argv = [str(PLUGIN), *words, "-n", self.namespace, "--kubeconfig", str(self.cluster.kubeconfig)]
        try:
            os.chdir(self.folder)
            with contextlib.redirect_stdout(said), contextlib.redirect_stderr(complained):
                main()
        except SystemExit as end:
            code = int(end.code or 0)
        finally:
            sys.argv = argv
            os.chdir(folder)
        return Done(code, said.getvalue(), complained.getvalue())

    def start(self, *words: str) -> subprocess.Popen[str]:
        """The same as a process, without waiting for its end."""
        return subprocess.Popen(
            [PLUGIN, *words, "-n", self.namespace],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "KUBECONFIG": str(self.cluster.kubeconfig)},
        )

    def status(self, kind: str, name: str, status: Json) -> None:
        """Write the status of an object, as whoever owns it would."""
        patch = json.dumps({"status": status})
        self.kubectl("patch", kind, name, "--subresource=status", "--type=merge", "-p", patch)

    def operate(self, text: str = WHOLE, **status: Any) -> None:
        """Play the operator once: apply the children of what ``text`` declares, and say Ready."""
        path = self.file(text, "operated.yaml")
        connection = Connection(self.cluster.kubeconfig, None, self.namespace)

        async def once(session: Session) -> None:
            for platform in await declared.platforms(session, declared.read([path], session)):
                for owned in platform.owned:
                    for wanted in owned.wanted:
                        made = {"stringData": dict.fromkeys(wanted.generate, "generated-4711")}
                        manifest = owned.manifests[wanted.id]
                        await session.cluster.apply(manifest | made if wanted.generate else manifest)
                    inventory = write_inventory({each.id: f"{each.digest}-x" for each in owned.wanted})
                    self.ready(
                        owned.declared.key.kind, owned.declared.key.name, inventory=inventory, **status
                    )

        run(connection, once, manager="reelplane")

    def ready(self, kind: str, name: str, **more: Any) -> None:
        """Say that the operator finds nothing wrong."""
        self.say(kind, name, [condition("Ready", "True", "AllReady", "everything runs")], **more)

    def say(self, kind: str, name: str, conditions: list[Json], **more: Any) -> None:
        generation = self.get(kind, name)["metadata"]["generation"]
        self.status(kind, name, {"observedGeneration": generation, "conditions": conditions, **more})

    def pods(self) -> list[Json]:
        items: list[Json] = self.get("pods")["items"]
        return items

    def serve(self, address: str) -> None:
        """Lead the API's Service to ``address``, once the pods are as they shall be.

        API servers send requests to addresses of pods only, and the controller, which writes endpoints anew whenever
        a pod changes, finds none, since no pod here has a node.
        """
        pod = next(
            name for each in self.pods() if (name := each["metadata"]["name"]).startswith("reels-api-")
        )
        self.status("pod", pod, {"podIP": address, "podIPs": [{"ip": address}]})
        target = {"kind": "Pod", "name": pod, "namespace": self.namespace}
        endpoints = {
            "apiVersion": "v1",
            "kind": "Endpoints",
            "metadata": {"name": "reels-api"},
            "subsets": [
                {
                    "addresses": [{"ip": address, "targetRef": target}],
                    "ports": [{"name": "http", "port": 8080}],
                }
            ],
        }
        path = f"/api/v1/namespaces/{self.namespace}/services/reels-api:http/proxy/v1/status"

        def answers() -> bool:
            self.kubectl(
                "apply", "--server-side", "--force-conflicts", "-f", "-", input=json.dumps(endpoints)
            )
            return self.kubectl("get", "--raw", path, check=False).returncode == 0

        eventually(answers, "the API answers")

    @contextlib.contextmanager
    def lost_pod(self) -> Iterator[str]:
        """A pod of the platform on a node that does not answer."""
        labels = {"app.kubernetes.io/part-of": "reels", "app.kubernetes.io/managed-by": "reelplane"}
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "lost", "labels": labels},
            "spec": {"nodeName": "nowhere", "containers": [{"name": "worker", "image": "x"}]},
        }
        self.kubectl("apply", "-f", "-", input=json.dumps(pod))
        self.status("pod", "lost", running(self.get("pod", "lost")))
        yield "lost"
        self.kubectl("delete", "pod", "lost", "--force", "--grace-period=0")

    def pods_run(self, number: int) -> list[str]:
        """Play the kubelets: wait until controllers have made so many pods, and let all run and be ready."""
        eventually(lambda: len(self.pods()) >= number, f"{number} pods, there are {len(self.pods())}")
        names = []
        for pod in self.pods():
            names.append(pod["metadata"]["name"])
            self.status("pod", names[-1], running(pod))
        return names


def condition(kind: str, status: str, reason: str, message: str = "") -> Json:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": now}


def running(pod: Json) -> Json:
    """The status of a pod whose containers all run."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    containers = [
        {
            "name": each["name"],
            "image": each["image"],
            "imageID": "",
            "ready": True,
            "started": True,
            "restartCount": 0,
            "state": {"running": {"startedAt": now}},
        }
        for each in pod["spec"]["containers"]
    ]
    conditions = [
        {"type": kind, "status": "True", "lastTransitionTime": now}
        for kind in ("PodScheduled", "Initialized", "ContainersReady", "Ready")
    ]
    return {
        "phase": "Running",
        "conditions": conditions,
        "containerStatuses": containers,
    }


def eventually(holds: Callable[[], Any], what: str, within: float = 60.0) -> None:
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, f"not within {within} s: {what}"
        time.sleep(0.2)
