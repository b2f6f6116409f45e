"""A platform's contract as a server, for load tests of load tests.

Locust makes a whole process cooperative (gevent) when it is imported. Here it is imported without that: the other
tests of this process are left as they are, and what runs users does so in a process of its own.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from unittest import mock

import pytest
from hypothesis import settings

with mock.patch.dict(os.environ, LOCUST_SKIP_MONKEY_PATCH="1"):
    import locust  # noqa: F401


# A busy machine pauses examples for longer than Hypothesis' deadline of 200 ms; speed is not what they are about.
settings.register_profile("any-speed", deadline=None)
settings.load_profile("any-speed")


class Contract:
    """A server that keeps the API's contract as a client sees it, and breaks it as told."""

    def __init__(self) -> None:
        self.media = bytes(range(256)) * 2000
        self.jobs: dict[str, str] = {}
        self.done: set[str] = set()
        self.asked: dict[str, set[str]] = {}
        """Address -> URLs it asked for."""
        self.fail_every = 0
        self.fail_jobs = False
        self.cut_media = False
        self._number = 0
        self._lock = threading.Lock()

    def answer(self, method: str, path: str, address: str, body: bytes) -> tuple[int, dict[str, Any]]:
        with self._lock:
            self._number += 1
            if self.fail_every and self._number % self.fail_every == 0:
                return 503, {"code": "unavailable", "status": 503}
            if method == "POST" and path == "/v1/downloads":
                url = json.loads(body)["url"].strip().split("#")[0].split("?")[0].lower()
                self.asked.setdefault(address, set()).add(url)
                if url in self.done:
                    return 200, {"state": "done", "media": self.medium()}
                job = hashlib.sha256(f"{address} {url}".encode()).hexdigest()[:16]
                self.jobs[job] = url
                return 202, {"id": job, "state": "queued", "links": {}}
            job = path.rsplit("/", 1)[1]
            if job not in self.jobs:
                return 404, {"code": "job_not_found", "status": 404}
            if self.fail_jobs:
                return 200, {"id": job, "state": "failed", "error": {"code": "origin_not_found"}}
            self.done.add(self.jobs[job])
            return 200, {"id": job, "state": "done", "media": self.medium()}

    def medium(self) -> dict[str, Any]:
        return {"key": "k", "url": "/v1/media/k?signature=x", "size": len(self.media)}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    contract: Contract

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers["Content-Length"])))

    def do_GET(self) -> None:
        if self.path.startswith("/v1/media/"):
            first, last = self.headers["Range"].removeprefix("bytes=").split("-")
            part = self.contract.media[int(first) : int(last) + 1]
            self._send(206, part[:-1] if self.contract.cut_media else part)
        else:
            self._answer(b"")

    def _answer(self, body: bytes) -> None:
        status, value = self.contract.answer(self.command, self.path, self.headers["X-Forwarded-For"], body)
        self._send(status, json.dumps(value).encode())

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def contract() -> Iterator[tuple[Contract, str]]:
    """The server's knobs and its URL."""
    knobs = Contract()
    handler = type("Handler", (_Handler,), {"contract": knobs})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield knobs, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
