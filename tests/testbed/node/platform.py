"""A platform that an installed operator keeps on a test node, and what tests do to it from outside.

    install ─► the operator, by its kustomize base
    Platform.start ─► samples/cluster/development.yaml in a namespace, a region of it in a second one ─► Ready
                      an origin on the host's end of the node's cable, whose videos take as long as a test wants

The sample is applied with two changes: the origin's address is allowed, and clients may ask more often.
"""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import yaml

from loadtests.clips import make_clip
from loadtests.origin import Origin, Resource
from tests.e2e.visitor import Client
from tests.testbed import toolchain
from tests.testbed.given import wait_established
from tests.testbed.node.cluster import NodeCluster

ROOT = Path(__file__).parents[3]
SYSTEM = "reelplane-system"
IMAGES = ("operator", "workloads", "valkey", "postgres", "versitygw")
"""What the operator and a platform with embedded stores run, by their names in ``images.IMAGES``."""
READY = 420.0
"""Seconds for a whole platform to come up on two busy cores."""


def install(cluster: NodeCluster, import_image: Callable[[str], object]) -> None:
    """Install the operator and wait until it runs; again is no harm. Raises Unavailable, NotReadyError."""
    for image in IMAGES:
        import_image(image)
    cluster.kubectl(
        "apply", "--server-side", "--force-conflicts", "-k", str(ROOT / "operator/deploy/cluster")
    )
    wait_established(cluster.kubectl)
    wait(cluster, "-n", SYSTEM, "deployment/reelplane-operator", "--for=condition=Available")


class NotReadyError(AssertionError):
    """Something did not become what was waited for; the text has what the cluster says about it."""


def wait(cluster: NodeCluster, *what: str, within: float = READY) -> None:
    """``kubectl wait`` with these arguments, for so many seconds. Raises NotReadyError."""
    done = cluster.kubectl("wait", *what, f"--timeout={within:.0f}s", check=False)
    if done.returncode:
        questions = (
            ("get", "pods,vplat,vp,rd,hpa,scaledobject,pvc", "-A"),
            ("get", "events", "-A", "--sort-by=.lastTimestamp"),
            ("-n", SYSTEM, "logs", "deployment/reelplane-operator", "--tail=40"),
            ("describe", "vplat,vp,rd", "-A"),
        )
        found = [cluster.kubectl(*words, check=False).stdout for words in questions]
        raise NotReadyError("\n".join([done.stderr, *found]))


class Platform:
    """A running platform. Use as a context manager, or call ``stop``. Implements ``faults.RunningPlatform``."""

    platform = "demo"
    pipeline = "demo"
    region = "west"

    def __init__(self, cluster: NodeCluster, namespace: str, folder: Path) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self.region_namespace = f"{namespace}-{self.region}"
        self.kubeconfig = cluster.kubeconfig
        self._folder = folder
        self._origin = Origin(host=cluster.machine.host)
        self._numbers = itertools.count(1)

    @classmethod
    def start(cls, cluster: NodeCluster, namespace: str, folder: Path) -> Platform:
        """Declare it and a region of it, and wait until both are Ready; the operator must be installed.

        ``folder`` is for clips. Raises NotReadyError; on failure what was declared stays, to be looked at.
        """
        found = cls(cluster, namespace, folder)
        found._origin.start()
        try:
            for name in (namespace, found.region_namespace):
                cluster.kubectl("create", "namespace", name)
                cluster.kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
            documents = [*found._declared(), *found._region()]
            cluster.kubectl("-n", namespace, "apply", "-f", "-", input=yaml.safe_dump_all(documents))
            found.wait_ready()
        except BaseException:
            found._origin.stop()
            raise
        return found

    def wait_ready(self) -> None:
        """Wait until it, its pipeline and its region are Ready, about what is declared now. Raises NotReadyError."""
        objects = (
            f"vplat/{self.platform}",
            f"vp/{self.pipeline}",
            f"regiondeployment/{self.region}",
        )
        wait(self.cluster, "-n", self.namespace, *objects, "--for=condition=Ready")

    def _declared(self) -> list[dict[str, Any]]:
        platform, pipeline = yaml.safe_load_all((ROOT / "samples/cluster/development.yaml").read_text())
        platform["spec"]["egress"] = {
            "allow": [{"cidr": f"{self.cluster.machine.host}/32", "port": self._origin.port}]
        }
        platform["spec"]["api"]["rateLimits"] = {"info": "1000/min", "download": "1000/min"}
        return [platform, pipeline]

    def _region(self) -> list[dict[str, Any]]:
        """A region whose cluster is this one, reached as any other is: by a kubeconfig in a Secret."""
        kubeconfig = self.cluster.control.make_kubeconfig(f"hub-of-{self.region}", ["system:masters"])
        name = f"{self.region}-kubeconfig"
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name},
            "stringData": {"kubeconfig": kubeconfig.read_text()},
        }
        region = {
            "apiVersion": "reelplane.io/v1alpha1",
            "kind": "RegionDeployment",
            "metadata": {"name": self.region},
            "spec": {
                "platform": self.platform,
                "region": "us-west-2",
                "role": "Recovery",
                "cluster": {"kubeconfigFrom": {"secret": name, "key": "kubeconfig"}},
                "namespace": self.region_namespace,
                "overrides": {
                    "api": {"replicas": {"min": 1, "max": 1}},
                    "pipelines": [{"name": self.pipeline, "workers": {"min": 0, "max": 1}}],
                },
            },
        }
        return [secret, region]

    def kubectl(
        self, *arguments: str, input: str | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """As the cluster's administrator, in the namespace that the arguments say."""
        return self.cluster.kubectl(*arguments, input=input, check=check)

    def get(self, *arguments: str) -> dict[str, Any]:
        """``kubectl get -o json`` in the platform's namespace, read."""
        return self.cluster.get("-n", self.namespace, *arguments)

    def pods(self, workload: str) -> list[dict[str, Any]]:
        """Pods of ``api``, ``download`` or a store that are not on their way out."""
        found = self.get("pods", "-l", f"app.kubernetes.io/name={workload}")["items"]
        return [each for each in found if "deletionTimestamp" not in each["metadata"]]

    def video(self, *, seconds: float) -> str:
        """The URL of a new video at the origin, whose download takes about so long."""
        number = next(self._numbers)
        clip = make_clip(self._folder / f"{number}.mp4", seconds=2, tone=200 + number)
        rate = max(1, round(clip.stat().st_size / seconds))
        return self._origin.add(f"/{number}.mp4", Resource(file=clip, rate=rate))

    def download(self, *, seconds: float) -> dict[str, Any]:
        """A new video from its POST to the last view of its job. Raises AssertionError after READY seconds."""
        client = Client(self.url())
        answer = client.submit(self.video(seconds=seconds))
        if answer.status_code != 202:
            raise AssertionError(f"{answer.status_code} {answer.text}")
        return client.end(answer.json()["id"], within=READY)

    def submit(self, count: int, *, seconds: float) -> list[str]:
        """POST so many downloads of different videos, each of which takes about so long; returns the jobs' ids."""
        videos = [self.video(seconds=seconds) for _ in range(count)]
        jobs = []
        with httpx.Client(base_url=self.url(), timeout=60) as client:
            for video in videos:
                answer = client.post("/v1/downloads", json={"url": video})
                if answer.status_code != 202:
                    raise AssertionError(f"{video}: {answer.status_code} {answer.text}")
                jobs.append(str(answer.json()["id"]))
        return jobs

    def url(self) -> str:
        """Where one of the ready API pods answers: pods' addresses are reached from the machine around."""
        for pod in self.pods("api"):
            states = {each["type"]: each["status"] for each in pod["status"].get("conditions", ())}
            if states.get("Ready") == "True":
                port = pod["spec"]["containers"][0]["ports"][0]["containerPort"]
                return f"http://{pod['status']['podIP']}:{port}"
        raise AssertionError(f"no API pod of {self.namespace}/{self.platform} is ready")

    def kill(self, pod: str) -> None:
        """SIGKILL the main process of a pod's container, as the kernel does when memory runs out."""
        status = self.get("pod", pod)["status"]["containerStatuses"][0]
        container = status["containerID"].removeprefix("containerd://")
        ctr = (toolchain.program("ctr"), "--namespace=k8s.io")
        self.cluster.machine.run(*ctr, "tasks", "kill", "--signal", "SIGKILL", container)

    def stop(self) -> None:
        """Delete what was declared, wait until it is gone, and end the origin."""
        for kinds in ("regiondeployments", "videopipelines,videoplatforms"):
            self.kubectl("-n", self.namespace, "delete", kinds, "--all", "--timeout=120s", check=False)
        namespaces = (self.namespace, self.region_namespace)
        self.kubectl("delete", "namespace", *namespaces, "--wait=false", check=False)
        self._origin.stop()

    def __enter__(self) -> Platform:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
