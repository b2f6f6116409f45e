"""Workloads as pods run them: processes on a host and port of their own, on stores that come and go on their own."""

from __future__ import annotations

import contextlib
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from loadtests.origin import Origin, make_clip
from reelplane_crds.runtime import (
    ApiSettings,
    EgressSettings,
    ExtractorSettings,
    FolderObjects,
    OriginAllow,
    Rate,
    RuntimeDocument,
    ServerRef,
    Stores,
    WorkerSettings,
)

pytestmark = pytest.mark.service
WITHIN = 90.0
GENEROUS = Rate(count=1000, per=1)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def until(check: Callable[[], Any], what: str, within: float = WITHIN) -> Any:
    """The first true value of ``check``; a connection that is refused or broken is no answer."""
    deadline = time.monotonic() + within
    while True:
        with contextlib.suppress(httpx.TransportError):
            if value := check():
                return value
        assert time.monotonic() < deadline, f"not within {within:g} s: {what}"
        time.sleep(0.05)


class Pod:
    """One workload process.

    ``prefix`` is what runs it, where that is not this machine as it is; ``seen_from`` is where that finds ``folder``.
    """

    def __init__(
        self,
        document: RuntimeDocument,
        folder: Path,
        *,
        name: str = "pod-0",
        host: str = "127.0.0.1",
        prefix: Sequence[str] = (),
        seen_from: Path | None = None,
    ) -> None:
        path = folder / f"{name}.json"
        path.write_text(document.dump())
        self.port = free_port()
        self.log = folder / f"{name}.log"
        self.url = f"http://127.0.0.1:{self.port}"
        argv = [*prefix, sys.executable, "-m", "reelplane_workloads", document.role]
        argv += ["--document", str((seen_from or folder) / path.name)]
        argv += ["--instance", name, "--host", host, "--port", str(self.port)]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(argv, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def get(self, path: str) -> httpx.Response:
        return httpx.get(self.url + path, timeout=10)

    def ready(self) -> bool:
        assert self.process.poll() is None, f"it ended: {self.said()[-2000:]}"
        return self.get("/readyz").status_code == 200

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


@pytest.fixture
def documents(short_tmp: Path) -> Callable[..., tuple[RuntimeDocument, RuntimeDocument]]:
    """The API's and the worker's runtime documents on given stores; folders lie below ``root``."""

    def make(
        stores: dict[str, Any], root: Path | None = None, **worker: Any
    ) -> tuple[RuntimeDocument, RuntimeDocument]:
        at = root or short_tmp
        (short_tmp / "signing").write_text(secrets.token_hex(32))
        common: dict[str, Any] = {
            "platform": "test",
            "pipeline": "shorts",
            "stores": Stores(**{"objects": FolderObjects(root=at / "objects")} | stores),
            "egress": EgressSettings(allow=(OriginAllow(cidr="127.0.0.1/32"),)),
        }
        settings = {"work_dir": at / "work", "socket_dir": at, "heartbeat": 1, "concurrency": 2} | worker
        api = ApiSettings(signing_key_file=at / "signing", download_rate=GENEROUS, info_rate=GENEROUS)
        return (
            RuntimeDocument(workload="api", role="api", api=api, **common),
            RuntimeDocument(
                workload="download",
                role="worker",
                worker=WorkerSettings(**settings),
                extractor=ExtractorSettings(path=Path(sys.prefix) / "extractor"),
                **common,
            ),
        )

    return make


@pytest.fixture
def local(short_tmp: Path, valkey: Any) -> dict[str, Any]:
    """Stores of a laptop: one Valkey, a file, a folder."""
    ref = ServerRef(url=valkey.url)
    return {"cache": ref, "queue": ref, "database": ServerRef(url=f"sqlite:///{short_tmp}/db.sqlite")}


@pytest.fixture
def run(short_tmp: Path) -> Iterator[Callable[..., Pod]]:
    """Starts pods, which are ended with the test by their own handles."""
    started: list[Pod] = []

    def start(document: RuntimeDocument, **how: Any) -> Pod:
        started.append(Pod(document, short_tmp, **how))
        return started[-1]

    yield start
    for pod in reversed(started):
        pod.close()


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", seconds=2)


@pytest.fixture
def origin() -> Iterator[Origin]:
    with Origin() as server:
        yield server


class Helpers:
    """What test modules use of this file: under importlib mode they cannot import it."""

    until = staticmethod(until)
    free_port = staticmethod(free_port)


@pytest.fixture
def helpers() -> type[Helpers]:
    return Helpers
