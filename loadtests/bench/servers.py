"""Servers of one measure: an API process with a document of its own, a baseline, and the platform behind them."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from loadtests.bench.wrk import server_cpu
from loadtests.local import LocalPlatform, PlatformError
from loadtests.origin import Origin, make_clip

PLATFORM = Path(__file__).parents[1] / "demo.yaml"


@contextlib.contextmanager
def workspace() -> Iterator[Path]:
    """A temporary folder whose path is short enough for Unix sockets below it."""
    with tempfile.TemporaryDirectory(prefix="rpb") as folder:
        yield Path(folder)


@contextlib.contextmanager
def platform_with_clip(folder: Path) -> Iterator[tuple[LocalPlatform, str]]:
    """A running platform and the URL of a clip that it has downloaded already."""
    clip = make_clip(folder / "known.mp4", seconds=2)
    with Origin() as origin, LocalPlatform([PLATFORM], folder / "s", log=folder / "up.log") as platform:
        url = origin.add_file("/known.mp4", clip)
        import httpx  # noqa: PLC0415 - only these measures need a full client

        with httpx.Client(base_url=platform.url, timeout=30) as client:
            deadline = time.monotonic() + 60
            while (answer := client.post("/v1/downloads", json={"url": url})).status_code == 202:
                if time.monotonic() > deadline:
                    raise PlatformError(f"the clip was not downloaded: {answer.text}")
                time.sleep(0.2)
            answer.raise_for_status()
        yield platform, url


def document(platform: LocalPlatform, name: str, folder: Path, **changes: dict[str, Any]) -> Path:
    """The runtime document of a running workload, with parts changed, as a new file."""
    value = json.loads(next(platform.folder.rglob(f"{name}.json")).read_text())
    for part, fields in changes.items():
        value[part] |= fields
    path = folder / f"{name}-changed.json"
    path.write_text(json.dumps(value))
    return path


@contextlib.contextmanager
def server(module: str, *arguments: str, pin: bool = True) -> Iterator[str]:
    """Run ``python -m module … --port N``, on the first core if ``pin``; yields its base URL once it listens."""
    port = free_port()
    command = [*(server_cpu() if pin else []), sys.executable, "-m", module, *arguments, "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)


def api(document_path: Path, *, pin: bool = True) -> contextlib.AbstractContextManager[str]:
    """One API process of a platform that runs."""
    arguments = ("api", "--document", str(document_path), "--instance", "api-bench")
    return server("reelplane_workloads", *arguments, pin=pin)


def free_port() -> int:
    """A loopback port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise PlatformError(f"the server ended with {process.returncode}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise PlatformError("the server does not listen")
