"""A pipelined connection to Valkey for the one call that every request makes.

    send(payload) ─► out ─┐ call_soon(flush): all commands of one event-loop tick leave in one write
                          └─► transport ─► Valkey ─► data_received ─► hiredis.Reader ─► futures, in order

Replies come in the order of the commands, so a call needs no id, and a late reply means that the whole
connection hangs: one timer per connection (not per call) notices that and breaks it. What was in flight then
fails as ``unavailable`` and ``Wire`` connects anew with back-off. Calls made meanwhile wait for a running attempt
(bounded by the connect timeout) and fail at once while it backs off: an outage must not pile requests up.
"""

from __future__ import annotations

import asyncio
import random
import ssl
from collections import deque
from collections.abc import Callable
from typing import Any, cast

import hiredis

from reelplane_workloads.cache.address import Address
from reelplane_workloads.core.errors import Code, Problem

CONNECT_TIMEOUT = 1.0
"""Seconds for connecting and for the handshake together."""
OP_TIMEOUT = 2.0
"""Seconds a reply may take before the server counts as hung."""
MAX_PENDING = 20_000
"""Calls without a reply; more fail at once. At ~300 bytes each they bound the memory of a hang to a few MiB."""
FIRST_DELAY, LAST_DELAY = 0.05, 1.0
"""Seconds between attempts to connect: doubled from the first to the last."""
RETRY_AFTER = 2
"""Seconds a client is told to wait when Valkey is away: a restart takes about that long."""
_MARKS = 4


def unavailable(address: Address, why: object) -> Problem:
    """The one error that callers see for an absent, hung or refusing server."""
    return Problem(Code.UNAVAILABLE, f"valkey at {address}: {why}", retry_after=RETRY_AFTER)


def encode(*parts: str | bytes | int) -> bytes:
    """One command as an array of bulk strings (RESP2)."""
    return hiredis.pack_command(parts)  # type: ignore[arg-type, no-any-return]  # its stub knows 1-tuples only


class _Link(asyncio.Protocol):
    """One connection, from its handshake until it breaks."""

    def __init__(
        self, address: Address, loop: asyncio.AbstractEventLoop, op_timeout: float, max_pending: int
    ) -> None:
        self.lost: asyncio.Future[str] = loop.create_future()
        self._address = address
        self._loop = loop
        self._max_pending = max_pending
        self._reader = hiredis.Reader(notEnoughData=Ellipsis)
        self._transport: asyncio.Transport | None = None
        self._waiting: deque[asyncio.Future[Any]] = deque()
        self._out: list[bytes] = []
        self._sent = 0
        # The number of calls sent as it was at the last ticks: a reply still owed for the oldest mark is late.
        # Four marks at a fifth of the timeout find a hang after 0.8 to 1.0 timeouts.
        self._marks: deque[int] = deque(maxlen=_MARKS)
        self._tick = op_timeout / (_MARKS + 1)
        self._timer: asyncio.TimerHandle | None = None

    def send(self, payload: bytes) -> asyncio.Future[Any]:
        """Queue one command; the future gets its reply, or a ``hiredis.ReplyError``, or a ``Problem``."""
        if self._transport is None or len(self._waiting) >= self._max_pending:
            raise unavailable(
                self._address, "too many calls wait for it" if self._transport else "connection lost"
            )
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out.append(payload)
        self._sent += 1
        future = self._loop.create_future()
        self._waiting.append(future)
        return future

    def abort(self, why: str) -> None:
        """Break the connection; everything in flight fails."""
        if not self.lost.done():
            self.lost.set_result(why)
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._timer = self._loop.call_later(self._tick, self._sweep)

    def data_received(self, data: bytes) -> None:
        reader, waiting = self._reader, self._waiting
        try:
            reader.feed(data)
            while (reply := reader.gets()) is not Ellipsis:
                future = waiting.popleft()
                if future.done():  # its caller was cancelled
                    continue
                if isinstance(reply, hiredis.ReplyError):
                    future.set_exception(reply)
                else:
                    future.set_result(reply)
        except (hiredis.ProtocolError, IndexError) as error:
            self.abort(f"not the Redis protocol: {error}")

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()
        if not self.lost.done():
            self.lost.set_result(str(exc) if exc else "closed by the server")
        why = self.lost.result()
        self._out.clear()
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_exception(unavailable(self._address, why))

    def _flush(self) -> None:
        if self._transport is not None:
            self._transport.write(b"".join(self._out))
        self._out.clear()

    def _sweep(self) -> None:
        answered = self._sent - len(self._waiting)
        if len(self._marks) == _MARKS and answered < self._marks[0]:
            self.abort("no answer in time")
            return
        self._marks.append(self._sent)
        self._timer = self._loop.call_later(self._tick, self._sweep)


class Wire:
    """A connection that comes back. ``send`` and ``call`` raise ``Problem(UNAVAILABLE)`` while it is away."""

    def __init__(
        self,
        address: Address,
        *,
        connect_timeout: float = CONNECT_TIMEOUT,
        op_timeout: float = OP_TIMEOUT,
        max_pending: int = MAX_PENDING,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._address = address
        self._connect_timeout = connect_timeout
        self._op_timeout = op_timeout
        self._max_pending = max_pending
        self._jitter = jitter
        self._link: _Link | None = None
        self._attempt: asyncio.Future[None] | None = None
        self._why = "not connected"
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Start connecting and wait for the first attempt. Never raises: an absent server is a state, not an end."""
        self._task = asyncio.create_task(self._stay_connected(), name="valkey-wire")
        await asyncio.sleep(0)
        if self._attempt is not None:
            await asyncio.shield(self._attempt)

    async def close(self) -> None:
        """Disconnect; what is in flight fails as unavailable."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def send(self, payload: bytes) -> asyncio.Future[Any]:
        """The reply's future, without waiting for a connection."""
        if self._link is None:
            raise unavailable(self._address, self._why)
        return self._link.send(payload)

    async def call(self, payload: bytes) -> Any:
        """The reply. Waits for a running attempt to connect. Raises hiredis.ReplyError for an error reply."""
        if self._link is None and self._attempt is not None:
            await asyncio.shield(self._attempt)
        return await self.send(payload)

    async def _stay_connected(self) -> None:
        loop = asyncio.get_running_loop()
        delay = FIRST_DELAY
        while True:
            attempt = self._attempt = loop.create_future()
            since = loop.time()
            try:
                self._link = await self._connect(loop)
            except (OSError, TimeoutError, Problem, hiredis.ReplyError) as error:
                self._why = str(error) or "no answer in time"
            finally:
                self._attempt = None
                attempt.set_result(None)
            if self._link is not None:
                since = loop.time()
                try:
                    self._why = await asyncio.shield(self._link.lost)
                finally:
                    link, self._link = self._link, None
                    link.abort("closed")
            if loop.time() - since > LAST_DELAY:
                delay = FIRST_DELAY
                continue  # it had worked for a while, or the attempt itself took its time: try at once
            await asyncio.sleep(delay * (0.5 + self._jitter() / 2))
            delay = min(delay * 2, LAST_DELAY)

    async def _connect(self, loop: asyncio.AbstractEventLoop) -> _Link:
        address = self._address
        link = _Link(address, loop, self._op_timeout, self._max_pending)
        try:
            async with asyncio.timeout(self._connect_timeout):
                if address.path is not None:
                    await loop.create_unix_connection(lambda: link, address.path)
                else:
                    context = ssl.create_default_context() if address.tls else None
                    await loop.create_connection(lambda: link, address.host, address.port, ssl=context)
                if address.password is not None:
                    user = (address.username,) if address.username else ()
                    await link.send(encode("AUTH", *user, address.password))
                # SELECT also of the default: an answer proves that the server is alive, not just its socket.
                await link.send(encode("SELECT", address.db))
        except BaseException:
            link.abort("could not connect")
            raise
        return link
