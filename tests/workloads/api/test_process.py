"""The API as a process: started as the supervisor starts it, stopped as the supervisor stops it."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest


class Process:
    """``python -m reelplane_workloads api`` on an inherited shared socket and a Unix socket of its own."""

    def __init__(self, document: Path, own: Path) -> None:
        self.shared = socket.create_server(("127.0.0.1", 0))
        self.own = socket.socket(socket.AF_UNIX)
        self.own.bind(str(own))
        self.own.listen()
        self.url = f"http://127.0.0.1:{self.shared.getsockname()[1]}"
        self.own_path = str(own)
        fds = [self.shared.fileno(), self.own.fileno()]
        argv = [
            sys.executable,
            "-m",
            "reelplane_workloads",
            "api",
            "--document",
            str(document),
            "--instance",
            "api-0",
        ]
        argv += ["--listen-fd", str(fds[0]), "--own-socket-fd", str(fds[1])]
        self.process = subprocess.Popen(argv, pass_fds=fds)

    def ready(self) -> None:
        deadline = time.monotonic() + 60
        with httpx.Client(transport=httpx.HTTPTransport(uds=self.own_path), base_url="http://own") as client:
            while time.monotonic() < deadline:
                assert self.process.poll() is None, "the process ended"
                try:
                    if client.get("/readyz", timeout=5).status_code == 200:
                        return
                except httpx.TransportError:
                    time.sleep(0.1)
        raise AssertionError("not ready")

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(timeout=15)
        self.shared.close()
        self.own.close()


@pytest.fixture
def process(document: Any, short_tmp: Path) -> Iterator[Process]:
    path = short_tmp / "api.json"
    path.write_text(document.dump())
    started = Process(path, short_tmp / "own.sock")
    try:
        started.ready()
        yield started
    finally:
        started.close()


async def test_it_serves_both_sockets_and_drains_on_sigterm(process: Process, helpers: Any) -> None:
    async with httpx.AsyncClient(base_url=process.url, timeout=30) as client:
        job = await client.post("/v1/downloads", json={"url": "https://video.example/1"})
        assert job.status_code == 202
        metrics = (
            httpx.Client(transport=httpx.HTTPTransport(uds=process.own_path)).get("http://own/metrics").text
        )
        assert 'reelplane_downloads_requested_total{outcome="new"} 1.0' in metrics
        assert "process_resident_memory_bytes" in metrics
        async with client.stream("GET", job.headers["location"] + "/events") as stream:
            names: list[str] = []
            async for event in helpers.events_of(stream):
                names.append(event.name)
                if len(names) == 1:
                    process.process.send_signal(signal.SIGTERM)
            assert names[0] == "job"
            assert names[-1] == "retry"
    assert await asyncio.to_thread(process.process.wait, 30) == 0


def test_a_document_that_cannot_be_served_ends_with_a_reason(short_tmp: Path, document: Any) -> None:
    path = short_tmp / "api.json"
    broken = document.model_copy(
        update={"api": document.api.model_copy(update={"signing_key_file": short_tmp / "missing"})}
    )
    path.write_text(broken.dump())
    ended = subprocess.run(
        [sys.executable, "-m", "reelplane_workloads", "api", "--document", str(path), "--port", "0"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    assert "missing" in ended.stderr
