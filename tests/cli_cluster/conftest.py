"""A namespace per test, and somebody who answers as the platform's API."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.cli_cluster.stage import Json, Stage
from tests.testbed.given import Cluster


@pytest.fixture
def stage(crds: Cluster, tmp_path: Path) -> Iterator[Stage]:
    namespace = f"cli-{uuid.uuid4().hex[:8]}"
    crds.kubectl("create", "namespace", namespace)
    yield Stage(crds, namespace, tmp_path)
    crds.kubectl("delete", "namespace", namespace, "--wait=false")


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """An address of this machine that pods may have: API servers send nobody to loopback. Needs root."""
    if os.geteuid() != 0:
        pytest.skip("only root can make a network interface, behind which the API's stand-in listens")
    made = subprocess.run(
        ["ip", "link", "add", "rpcli0", "type", "bridge"], capture_output=True, text=True, check=False
    )
    if made.returncode != 0 and "exists" not in made.stderr:
        pytest.skip(f"no network interface can be made: {made.stderr.strip()}")
    subprocess.run(["ip", "address", "replace", "198.18.77.1/32", "dev", "rpcli0"], check=True)
    subprocess.run(["ip", "link", "set", "rpcli0", "up"], check=True)
    yield "198.18.77.1"
    subprocess.run(["ip", "link", "delete", "rpcli0"], check=False)


@pytest.fixture
def figures(address: str) -> Iterator[Json]:
    """What GET /v1/status answers at the address of all pods: change it as you like."""
    answer: Json = {
        "platform": "reels",
        "queue": {"waiting": 37, "running": 12, "delayed": 1, "backlog": 49},
        "workers": [],
        "cache": {"hits": {}, "followers": 0, "misses": 2, "hitRate": 0.982},
        "downloads": {"done": 1204, "failed": 3, "extractions": 1100},
        "proxies": {"healthy": 9, "total": 10, "bans": 2},
        "extractors": [],
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(answer).encode()
            self.send_response(200 if self.path == "/v1/status" else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer((address, 8080), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield answer
    server.shutdown()
    thread.join()
    server.server_close()
