"""Platforms by the thousand, and the operator that keeps them, for measures at size.

One platform has one pipeline in this version, so a thousand pipelines come with as many platforms. All stores are
external: what is measured is reconciling, not volumes.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil

from loadtests.bench.servers import free_port
from loadtests.bench.wrk import MissingTool
from tests.testbed.cluster import ControlPlane
from tests.testbed.given import install_kinds
from tests.testbed.toolchain import Unavailable

Manifest = dict[str, Any]
T = TypeVar("T")


def on_a_cluster(
    start: Callable[[Path], ControlPlane], measure: Callable[[ControlPlane, Path], Coroutine[Any, Any, T]]
) -> T:
    """What ``measure`` finds on a cluster with our kinds; both get the same empty folder. Raises MissingTool."""
    with tempfile.TemporaryDirectory(prefix="rp-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        try:
            with start(folder) as control:
                install_kinds(control.kubectl)
                return asyncio.run(measure(control, folder))
        except Unavailable as why:
            raise MissingTool(str(why)) from why


def stores_secret(namespace: str) -> Manifest:
    urls = {
        "database": "postgresql://app:secret@10.0.0.5:5432/reels",
        "cache": "redis://10.0.0.6:6379/0",
        "queue": "redis://10.0.0.7:6379/0",
    }
    metadata = {"name": "stores", "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": urls}


def declared(namespace: str, count: int, workers: int) -> list[Manifest]:
    """``count`` platforms with a pipeline of at least ``workers`` workers each."""

    def url(key: str) -> Manifest:
        return {"urlFrom": {"secret": "stores", "key": key}}

    spec = {
        "database": {"postgres": url("database")},
        "cache": {"external": url("cache")},
        "queue": {"external": url("queue")},
        "objects": {"s3": {"bucket": "reels", "region": "us-west-2"}},
    }
    found = []
    for number in range(count):
        head = {
            "apiVersion": "reelplane.io/v1alpha1",
            "metadata": {"name": f"p{number:04}", "namespace": namespace},
        }
        classes = {"download": {"min": workers, "max": 10}}
        pipeline = {"platform": f"p{number:04}", "workers": classes}
        found.append({**head, "kind": "VideoPlatform", "spec": spec})
        found.append({**head, "kind": "VideoPipeline", "spec": pipeline})
    return found


@asynccontextmanager
async def running_operator(kubeconfig: Path, folder: Path) -> AsyncIterator[tuple[psutil.Process, int]]:
    """The operator as a process of its own, ready; its process and the port of its metrics."""
    port = free_port()
    process = _start(kubeconfig, folder, port)
    try:
        async with httpx.AsyncClient() as client:
            for _ in range(600):
                if process.poll() is not None:
                    raise RuntimeError((folder / "operator.log").read_text()[-2000:])
                try:
                    if (await client.get(f"http://127.0.0.1:{port}/readyz")).status_code == 200:
                        break
                except httpx.TransportError:
                    pass
                await asyncio.sleep(0.1)
        yield psutil.Process(process.pid), port
    finally:
        process.terminate()
        process.wait(timeout=60)


def _start(kubeconfig: Path, folder: Path, port: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "reelplane_operator", "run", "--kubeconfig", str(kubeconfig)]
    options = ["--http-port", str(port), "--log-level", "warning"]
    with (folder / "operator.log").open("w") as log:
        return subprocess.Popen([*command, *options], stdout=log, stderr=log)


async def accepted_writes(port: int) -> int:
    """Writes that API servers accepted from the operator so far, Leases excepted."""
    async with httpx.AsyncClient() as client:
        text = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
    counts = re.findall(r"^reelplane_operator_api_writes_total\{([^}]*)\} (\S+)$", text, re.MULTILINE)
    return sum(int(float(value)) for labels, value in counts if 'kind="Lease"' not in labels)


def peak_memory(pid: int) -> float:
    """MiB: the high-water mark of the resident set, as the kernel keeps it."""
    found = re.search(r"^VmHWM:\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0
