"""The fault of each page: how it is brought about on a running platform, and how the world outside mends it.

    inject ──► the page's Diagnosis shows it ──► mend (a node comes back, credentials are renewed) ──► Mitigation

What a page's commands can mend is not mended here.
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


class RunningPlatform(Protocol):
    """A platform that an installed operator keeps on a real node, and what tests can do to it."""

    kubeconfig: Path
    namespace: str
    platform: str
    pipeline: str
    region: str
    """Name of a RegionDeployment of the platform."""

    def kubectl(
        self, *arguments: str, input: str | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]: ...

    def submit(self, count: int, *, seconds: float) -> list[str]:
        """POST so many downloads of different videos, each of which takes about so long; returns the jobs' ids."""
        ...

    def kill(self, pod: str) -> None:
        """SIGKILL the main process of a pod's container, as the kernel does when memory runs out."""
        ...


_ALL_NODES = "--selector=kubernetes.io/os=linux"


def _nothing(_: RunningPlatform) -> None:
    return


@dataclass(frozen=True, slots=True)
class Fault:
    inject: Callable[[RunningPlatform], None]
    mend: Callable[[RunningPlatform], None] = _nothing
    undo: Callable[[RunningPlatform], None] = _nothing
    """Afterwards, whatever happened: leaves the platform as it was found."""


def _stop_operator(on: RunningPlatform) -> None:
    """No operator, and a change that nobody takes up."""
    on.kubectl("-n", "reelplane-system", "scale", "deployment", "reelplane-operator", "--replicas=0")
    on.kubectl(
        "-n", "reelplane-system", "wait", "--for=delete", "pod", "--timeout=120s",
        "-l", "app.kubernetes.io/name=reelplane-operator",
    )  # fmt: skip
    _patch(on, "videoplatform", on.platform, {"spec": {"api": {"rateLimits": {"info": "11/min"}}}})


def _start_operator(on: RunningPlatform) -> None:
    on.kubectl("-n", "reelplane-system", "scale", "deployment", "reelplane-operator", "--replicas=2")
    _patch(on, "videoplatform", on.platform, {"spec": {"api": {"rateLimits": {"info": None}}}})


def _cut_region(on: RunningPlatform) -> None:
    """The kubeconfig points where nobody listens; the right one is kept in an annotation meanwhile."""
    secret, key, text = _kubeconfig(on)
    wrong = re.sub(r"server: \S+", "server: https://127.0.0.1:1", text)
    _write_kubeconfig(on, secret, key, wrong, {"test/kept": base64.b64encode(text.encode()).decode()})


def _join_region(on: RunningPlatform) -> None:
    secret, key, _ = _kubeconfig(on)
    kept = _get(on, "secret", secret)["metadata"].get("annotations", {}).get("test/kept")
    if kept:
        _write_kubeconfig(on, secret, key, base64.b64decode(kept).decode(), {"test/kept": None})


def _forget_drained(on: RunningPlatform) -> None:
    """A pipeline that was drained and forgotten, while jobs come in."""
    _patch(on, "videopipeline", on.pipeline, {"spec": {"drain": True}})
    _until(lambda: not _workers(on), "no worker is left")
    on.submit(8, seconds=1)


def _resume(on: RunningPlatform) -> None:
    _patch(on, "videopipeline", on.pipeline, {"spec": {"drain": None}})


def _lose_cache(on: RunningPlatform) -> None:
    """The cache's node is away: its pod is gone, and no other takes it."""
    on.kubectl("cordon", _ALL_NODES)
    on.kubectl("-n", on.namespace, "delete", "pod", f"{on.platform}-cache-0", "--force", "--grace-period=0")


def _uncordon(on: RunningPlatform) -> None:
    on.kubectl("uncordon", _ALL_NODES)


def _poison(on: RunningPlatform) -> None:
    """A job that takes its workers down: each that claims it is killed, twice."""
    on.submit(1, seconds=60)
    killed: set[str] = set()
    for _ in range(2):
        worker, pod = _until(lambda: _busy_worker(on, killed), "a worker has claimed the job")
        on.kill(pod)
        killed.add(worker)
    _until(lambda: _busy_worker(on, killed), "a third worker has claimed the job")


FAULTS = {
    "operator-stuck": Fault(_stop_operator, undo=_start_operator),
    "region-unreachable": Fault(_cut_region, mend=_join_region, undo=_join_region),
    "queue-backlog": Fault(_forget_drained, undo=_resume),
    "cache-lost": Fault(_lose_cache, mend=_uncordon, undo=_uncordon),
    "poison-job": Fault(_poison),
}
"""By page."""


def _busy_worker(on: RunningPlatform, but: Collection[str]) -> tuple[str, str] | None:
    """Id and pod of a worker that runs a job. ``but``: ids of those that are dead and hold their leases yet."""
    path = f"/api/v1/namespaces/{on.namespace}/services/{on.platform}-api:http/proxy/v1/status"
    done = on.kubectl("get", "--raw", path, check=False)
    workers = json.loads(done.stdout)["workers"] if done.returncode == 0 else []
    busy = (each for each in workers if each["busy"] and each["id"] not in but)
    return next(((str(each["id"]), str(each["instance"])) for each in busy), None)


def _workers(on: RunningPlatform) -> list[dict[str, Any]]:
    selector = f"reelplane.io/owner=VideoPipeline.{on.pipeline}"
    items: list[dict[str, Any]] = _get(on, "pods", "-l", selector)["items"]
    return items


def _kubeconfig(on: RunningPlatform) -> tuple[str, str, str]:
    reference = _get(on, "regiondeployment", on.region)["spec"]["cluster"]["kubeconfigFrom"]
    secret = _get(on, "secret", reference["secret"])
    text = base64.b64decode(secret["data"][reference["key"]]).decode()
    return reference["secret"], reference["key"], text


def _write_kubeconfig(
    on: RunningPlatform, secret: str, key: str, text: str, annotations: dict[str, str | None]
) -> None:
    _patch(on, "secret", secret, {"stringData": {key: text}, "metadata": {"annotations": annotations}})


def _patch(on: RunningPlatform, kind: str, name: str, change: dict[str, Any]) -> None:
    on.kubectl("-n", on.namespace, "patch", kind, name, "--type=merge", "-p", json.dumps(change))


def _get(on: RunningPlatform, *words: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(on.kubectl("-n", on.namespace, "get", "-o", "json", *words).stdout)
    return found


def _until(ask: Callable[[], Any], what: str, within: float = 180.0) -> Any:
    deadline = time.monotonic() + within
    while not (answer := ask()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within:.0f} s: {what}")
        time.sleep(0.5)
    return answer
