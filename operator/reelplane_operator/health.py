"""What the kubelet and Prometheus ask of the operator: /healthz, /readyz, /metrics.

A check is a function that returns what is wrong, or None. Alive means that a restart would not help; ready means that
everything was read once. A replica that waits for the lease is alive and ready.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

Check = Callable[[], str | None]
"""Returns what is wrong, in words for a person; None when nothing is."""


class HealthServer:
    """Serves until closed; use as an async context manager, or ``start`` and ``close`` it."""

    def __init__(
        self,
        registry: CollectorRegistry,
        *,
        live: Mapping[str, Check],
        ready: Mapping[str, Check],
        host: str | None = None,
        port: int = 8080,
    ) -> None:
        """``host``: None for all addresses, as probes come to the pod's. ``port`` 0 takes a free one."""
        self._registry = registry
        self._live = dict(live)
        self._ready = dict(ready)
        self._host = host
        self._wanted = port
        self._runner: web.AppRunner | None = None
        self.port = port
        """The port that is served, once started."""

    async def start(self) -> None:
        """Listen. Raises OSError when the port is taken."""
        app = web.Application()
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._metrics)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._wanted)
        try:
            await site.start()
        except OSError:
            await self.close()
            raise
        self.port = self._runner.addresses[0][1]

    async def close(self) -> None:
        """Stop listening. Idempotent."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _healthz(self, _: web.Request) -> web.Response:
        return _report(self._live)

    async def _readyz(self, _: web.Request) -> web.Response:
        return _report(self._ready)

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(
            body=generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )


def _report(checks: Mapping[str, Check]) -> web.Response:
    """200 and ``ok``, or 503 and a line per check that fails: API servers answer their probes the same way."""
    wrong = {name: problem for name, check in checks.items() if (problem := check()) is not None}
    if not wrong:
        return web.Response(text="ok\n")
    return web.Response(status=503, text="".join(f"{name}: {problem}\n" for name, problem in wrong.items()))
