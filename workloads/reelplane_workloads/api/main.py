"""The API process from start to drained: open the stores, serve on the sockets it was given, stop without a loss.

SIGTERM or SIGINT drains: no new connections, requests under way are finished, event streams end with a hint to
reconnect. A second signal stops at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Iterator, Sequence

import uvicorn
import uvloop

from reelplane_crds.runtime import RuntimeDocument
from reelplane_workloads.api.app import build
from reelplane_workloads.api.protocol import JoiningProtocol
from reelplane_workloads.api.services import Services
from reelplane_workloads.core.errors import Problem

log = logging.getLogger("reelplane.api")

DRAIN = 20
"""Seconds requests may take to finish; a stream of media that takes longer is resumed elsewhere by its Range."""

KEEP_ALIVE = 75
"""Seconds an idle connection is kept: longer than the 60 s of common gateways, so that it is they who close it."""


class ApiServer(uvicorn.Server):
    """Serves until it is drained; leaves signals to ``serve``."""

    def __init__(self, config: uvicorn.Config, draining: asyncio.Event) -> None:
        super().__init__(config)
        self._draining = draining

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def stop(self) -> None:
        """Drain; called again: stop at once."""
        self.force_exit = self._draining.is_set()
        self._draining.set()
        self.should_exit = True


def run(document: RuntimeDocument, instance: str, sockets: Sequence[socket.socket]) -> int:
    """Serve on listening ``sockets`` until told to stop. Returns the exit code: 0 drained, 1 could not start."""
    return uvloop.run(_main(document, instance, sockets))


async def _main(document: RuntimeDocument, instance: str, sockets: Sequence[socket.socket]) -> int:
    async with contextlib.AsyncExitStack() as stack:
        try:
            services = await Services.open(stack, document, instance)
        except (Problem, ValueError, OSError) as error:
            log.error("cannot start: %s", error, extra={"instance": instance})
            return 1
        server = ApiServer(config(services), services.draining)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, server.stop)
        log.info("api ready", extra={"instance": instance})
        await server.serve(sockets=list(sockets))
        log.info("drained", extra={"instance": instance})
    return 0


def config(services: Services) -> uvicorn.Config:
    """How the server runs. The peer's address is taken as it is: ``clients`` decides whom to believe."""
    return uvicorn.Config(
        build(services),
        http=JoiningProtocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=DRAIN,
    )
