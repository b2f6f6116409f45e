"""The guard: the forward proxy through which, and only through which, an extraction child reaches the world.

    child ── CONNECT host:443 / GET http://host/ ──► token? ──► resolve once ──► every address allowed? ──►
    connect to the checked literal, directly or through the job's upstream proxy ──► relay, counted

Every redirect and every retry of the child is a new request here, so it is judged anew; what is connected to
is the address that was judged, so a name that changes its answer in between (DNS rebinding) gains nothing.
A plain-HTTP connection carries one request: a kept-alive one could turn to another host. Refusals and
failures are written down on the job's ``Grant``. ``session`` has that path, this module who may take it.

It runs in the worker's event loop. Children with a network namespace hand over a listener of their own
(``handover``); where there are none, they use the listener on the host's loopback. Both want the job's token.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
import os
import secrets
import socket
import tempfile
from collections.abc import Callable, Coroutine, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

from reelplane_crds.runtime import EgressSettings, ProxyEndpoint

from . import handover, http1
from .grants import Grant
from .policy import Policy
from .relay import Channel, HeadTooLargeError
from .sandbox import SandboxSpec
from .session import GuardLimits, RefusedError, Resolver, Rules, Session, system_resolver

log = logging.getLogger(__name__)

LONGEST_PATH = 100
"""Bytes of a Unix socket's path that every system takes: 107 on Linux (unix(7)), 103 on macOS."""


class Guard:
    def __init__(
        self,
        settings: EgressSettings,
        *,
        limits: GuardLimits = GuardLimits(),  # noqa: B008 - frozen
        resolver: Resolver = system_resolver,
    ) -> None:
        """Raises ValueError when ``settings.allow`` holds what is no address range."""
        self.unix_path = Path()
        self.tcp_port = 0
        self._isolation = settings.isolation
        self._rules = Rules(Policy.of(settings), limits, resolver)
        self._sessions: dict[Grant, set[Session]] = {}
        self._listeners: dict[Grant, asyncio.Server] = {}
        self._unidentified: dict[Grant | None, set[Channel]] = {None: set()}
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._door: socket.socket | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    async def start(self, unix_path: Path) -> None:
        """Listen: on ``unix_path`` for children's listeners, and on a loopback port of the host's.

        A path that is longer than a socket's address may be gives way to one in the system's temporary folder;
        ``self.unix_path`` is where it really is. Raises OSError.
        """
        loop = asyncio.get_running_loop()
        if len(os.fsencode(unix_path)) > LONGEST_PATH:
            self._folder = tempfile.TemporaryDirectory(prefix="reelplane-")
            unix_path = Path(self._folder.name, "guard.sock")
        unix_path.unlink(missing_ok=True)
        self._server = await loop.create_server(lambda: self._channel(None), "127.0.0.1", 0)
        self.tcp_port = self._server.sockets[0].getsockname()[1]
        door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        door.setblocking(False)
        door.bind(str(unix_path))
        os.chmod(unix_path, 0o600)
        door.listen(64)
        self._door, self.unix_path = door, unix_path
        loop.add_reader(door, self._knock, door)
        self._spawn(self._sweep())

    async def close(self) -> None:
        """Close every listener and every tunnel."""
        if self._door is not None:
            asyncio.get_running_loop().remove_reader(self._door)
            self._door.close()
            self._door = None
            self.unix_path.unlink(missing_ok=True)
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None
        if self._server is not None:
            self._server.close()
        for grant in list(self._sessions):
            self.revoke(grant)
        for channel in list(self._unidentified[None]):
            channel.abort()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def grant(self, upstream: ProxyEndpoint | None = None, *, budget: int | None = None) -> Grant:
        """Permission for one job, through ``upstream`` when given. ``budget``: bytes both ways together."""
        grant = Grant(token=secrets.token_urlsafe(24), upstream=upstream, budget=budget)
        self._sessions[grant] = set()
        return grant

    def revoke(self, grant: Grant) -> None:
        """End the permission and every connection under it. Revoking twice is fine; counters stay readable."""
        for session in list(self._sessions.pop(grant, ())):
            session.drop()
        for channel in list(self._unidentified.pop(grant, ())):
            channel.abort()
        listener = self._listeners.pop(grant, None)
        if listener is not None:
            listener.close()

    def sandbox(
        self,
        grant: Grant,
        *,
        work_dir: Path,
        readable: Sequence[Path] = (),
        max_file_size: int = 0,
        memory_limit: int = 0,
    ) -> SandboxSpec:
        """What the child of this grant must be told to enter its sandbox."""
        return SandboxSpec(
            guard_socket=str(self.unix_path),
            tcp_port=self.tcp_port,
            token=grant.token,
            work_dir=str(work_dir),
            isolation=self._isolation,
            readable=tuple(map(str, readable)),
            max_file_size=max_file_size,
            memory_limit=memory_limit,
        )

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _knock(self, door: socket.socket) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionError):
            connection, _ = door.accept()
            connection.setblocking(False)
            self._spawn(self._take_listener(connection))

    async def _take_listener(self, connection: socket.socket) -> None:
        with connection:
            try:
                await self._readable(connection)
                token, listener = handover.take(connection)
            except (OSError, TimeoutError) as error:
                log.warning("a child came to the guard's socket without a listener: %s", error)
                return
            grant = self._find(token)
            if grant is None or grant in self._listeners:
                listener.close()
                log.warning(
                    "a child came to the guard's socket with a token that is not granted, or used already"
                )
                return
            server = await asyncio.get_running_loop().create_server(
                lambda: self._channel(grant), sock=listener
            )
            if grant not in self._sessions:  # revoked in the meantime
                server.close()
                return
            self._listeners[grant] = server
            with contextlib.suppress(OSError):
                connection.send(handover.ACCEPTED)

    @staticmethod
    async def _readable(connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        readable = asyncio.Event()
        loop.add_reader(connection, readable.set)
        try:
            async with asyncio.timeout(handover.TIMEOUT):
                await readable.wait()
        finally:
            loop.remove_reader(connection)

    def _find(self, token: str) -> Grant | None:
        offered = token.encode()
        return next(
            (grant for grant in self._sessions if hmac.compare_digest(grant.token.encode(), offered)), None
        )

    def _channel(self, bound: Grant | None) -> Channel:
        """A connection from a child; ``bound`` is the grant whose listener it came in by."""
        client = _Client(self._rules.limits.head)
        client.arrived = lambda: self._arrived(client, bound)
        return client

    def _arrived(self, client: Channel, bound: Grant | None) -> None:
        limits = self._rules.limits
        waiting = self._unidentified.setdefault(bound, set())
        if len(waiting) >= (limits.unidentified if bound is None else limits.connections):
            client.abort()
            return
        waiting.add(client)
        self._spawn(self._serve(client, bound, waiting))

    async def _serve(self, client: Channel, bound: Grant | None, waiting: set[Channel]) -> None:
        """One request of a child, from its first byte until the relay stands or the refusal is sent."""
        try:
            try:
                async with asyncio.timeout(self._rules.limits.head_timeout):
                    request = http1.parse_request(await client.read_head())
            finally:
                waiting.discard(client)
            grant = self._identify(request, bound)
            await Session(self._rules, grant, self._sessions[grant], request, client).run()
        except http1.HeadError as error:
            client.dismiss(http1.answer(error.status, (), error.reason))
        except RefusedError as error:
            client.dismiss(error.response)
        except HeadTooLargeError:
            text = f"the head is longer than {self._rules.limits.head} bytes"
            client.dismiss(http1.answer(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, (), text))
        except TimeoutError:
            client.dismiss(http1.answer(HTTPStatus.REQUEST_TIMEOUT, (), "the head did not come in time"))
        except ConnectionError:
            client.abort()
        except Exception:
            log.exception("a fault of the guard's own: the child's connection is dropped")
            client.abort()

    def _identify(self, request: http1.Request, bound: Grant | None) -> Grant:
        credentials = request.credentials()
        grant = None if credentials is None or credentials[0] != "job" else self._find(credentials[1])
        if grant is None or (bound is not None and bound is not grant):
            raise RefusedError(
                HTTPStatus.PROXY_AUTHENTICATION_REQUIRED,
                "this proxy serves jobs that show their token",
                ("Proxy-Authenticate", 'Basic realm="reelplane"'),
            )
        return grant

    async def _sweep(self) -> None:
        """Drop what has been idle for too long; a coarse look is enough for a limit of minutes."""
        loop = asyncio.get_running_loop()
        idle = self._rules.limits.idle_timeout
        while True:
            await asyncio.sleep(idle / 10)
            for session in [session for live in self._sessions.values() for session in live]:
                if session.last_seen < loop.time() - idle:
                    session.drop(f"no byte in {idle:.0f} s")


class _Client(Channel):
    """A child's connection: tells the guard when it is there."""

    arrived: Callable[[], None]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.arrived()
