"""A small HTTP server with /healthz, /readyz and /metrics, for the supervisor, kubelet and Prometheus.

A worker has it all its life; an API process that must wait for its stores, until they come and it serves itself.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from reelplane_workloads.core.metrics import REGISTRY

Readiness = Callable[[], Awaitable[str | None]]
"""Returns None when ready, else the reason in words."""


class ProbeServer(uvicorn.Server):
    """Serves on a listening socket and leaves signals to the process, whose drain they start."""

    def __init__(self, readiness: Readiness, listener: socket.socket) -> None:
        self._readiness = readiness
        self._listener = listener
        config = uvicorn.Config(
            self._answer,
            interface="asgi3",
            lifespan="off",
            access_log=False,
            log_config=None,
            timeout_graceful_shutdown=1,
        )
        super().__init__(config)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def run_until_stopped(self) -> None:
        """Serve until ``leave``, or ``should_exit`` is set."""
        await self.serve(sockets=[self._listener])

    def leave(self) -> None:
        """Accept nothing more from here on; what is being answered is finished by ``run_until_stopped``."""
        self.should_exit = True
        for server in getattr(self, "servers", ()):  # there are none before it has started
            server.close()

    async def _answer(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        path = scope["path"]
        status, body, kind = 200, b"ok\n", b"text/plain; charset=utf-8"
        if path == "/metrics":
            body, kind = generate_latest(REGISTRY), CONTENT_TYPE_LATEST.encode()
        elif path == "/readyz":
            if reason := await self._readiness():
                status, body = 503, f"{reason}\n".encode()
        elif path != "/healthz":
            reason = await self._readiness()
            status, body = (503, f"{reason}\n".encode()) if reason else (404, b"healthz, readyz or metrics\n")
        headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
