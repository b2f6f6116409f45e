"""The API process from start to drained: wait for the stores, serve on the sockets it was given, stop without a loss.

    start    stores are there, or probes are answered on its own socket until they are ─► the API on all sockets
    SIGTERM  /readyz says no, event streams end with a hint to reconnect, every answer says ``Connection: close``
             ─► ``LINGER`` later, or when no connection is left: nothing is accepted any more
             ─► requests under way are finished, ``DRAIN`` at most

A client that keeps its connection is thus told to leave it instead of losing a request to its end, and one that a
slow load balancer still sends here is served. A second signal stops at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import cast

import uvicorn
import uvloop

from reelplane_crds.runtime import RuntimeDocument
from reelplane_workloads.api.app import build
from reelplane_workloads.api.protocol import JoiningProtocol
from reelplane_workloads.api.services import Services
from reelplane_workloads.core.errors import Problem
from reelplane_workloads.core.leaving import leave_soon, leaving_when
from reelplane_workloads.core.probes import ProbeServer
from reelplane_workloads.core.startup import Startup, StoppedError

log = logging.getLogger("reelplane.api")

LINGER = 2.0
"""Seconds for which a stopping process goes on serving, and tells who comes back on an open connection to open another.
A connection that is not used in this time is closed; nothing is on its way on it, save for the worst of luck."""

_CLOSE = (b"connection", b"close")

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

    def stop(self, *, at_once: bool = False) -> None:
        """Drain, or stop at once."""
        self.force_exit = at_once
        self._draining.set()
        self.should_exit = True
        self._send_away()

    def _send_away(self) -> None:
        state = self.server_state
        state.default_headers = [*(h for h in state.default_headers if h != _CLOSE), _CLOSE]
        for connection in state.connections:
            cast(JoiningProtocol, connection).leave()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._send_away()  # again: uvicorn makes the list anew once a second until it comes here
        state = self.server_state
        loop = asyncio.get_running_loop()
        until = loop.time() + LINGER
        while state.connections and not self.force_exit and loop.time() < until:  # noqa: ASYNC110 - uvicorn has no event
            await asyncio.sleep(0.02)
        await super().shutdown(sockets)


def run(document: RuntimeDocument, instance: str, sockets: Sequence[socket.socket]) -> int:
    """Serve on listening ``sockets`` until told to stop; the last one is the process's own, where it has one.

    Returns the exit code: 0 drained, 1 could not start.
    """
    return uvloop.run(_main(document, instance, sockets))


async def _main(document: RuntimeDocument, instance: str, sockets: Sequence[socket.socket]) -> int:
    stopping, hurry = asyncio.Event(), asyncio.Event()
    server: ApiServer | None = None

    def stop() -> None:
        (hurry if stopping.is_set() else stopping).set()
        if server is not None:
            server.stop(at_once=hurry.is_set())

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    startup = Startup(log, stopping)
    async with contextlib.AsyncExitStack() as stack:
        try:
            async with leaving_when(stopping), _probed(startup, sockets[-1]):
                services = await Services.open(stack, document, instance, startup)
        except StoppedError:
            log.info("stopped before the stores came", extra={"instance": instance})
            return 0
        except (Problem, ValueError, OSError) as error:
            log.error("cannot start: %s", error, extra={"instance": instance})
            return 1
        server = ApiServer(config(services), stopping)
        server.should_exit = stopping.is_set()
        log.info("api ready", extra={"instance": instance})
        await server.serve(sockets=list(sockets))
        leave_soon()
        log.info("drained", extra={"instance": instance})
    return 0


@contextlib.asynccontextmanager
async def _probed(startup: Startup, own: socket.socket) -> AsyncIterator[None]:
    """While something is waited for, answer probes. Otherwise who comes early waits in the socket's queue, as ever."""

    async def answer() -> None:
        await startup.waits.wait()
        await probes.run_until_stopped()

    # A copy: the original listens on, so that the change to the API refuses nobody.
    copy = own.dup()
    probes = ProbeServer(startup.readiness, copy)
    answering = asyncio.create_task(answer())
    try:
        yield
    finally:
        probes.leave()
        if not startup.waits.is_set():
            answering.cancel()
        await asyncio.gather(answering, return_exceptions=True)
        copy.close()


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
