"""streaQ as this platform uses it: its settings, how it reaches Valkey, and a worker of it that knows when to end.

One stream per priority; a task is one call of ``flight(<flight id>)``, written as JSON. streaQ's default serializer
is pickle, with which whoever can write to Valkey can run code in every worker: it is never used here.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from importlib.resources import files
from typing import Any, cast

import msgspec
from anyio import CancelScope
from coredis import ConnectionPool
from coredis.connection import TCPLocation, UnixDomainSocketLocation
from coredis.exceptions import ResponseError, StreamConsumerGroupError
from coredis.response.types import StreamPendingExt
from coredis.retry import NoRetryPolicy
from streaq import Worker

from reelplane_workloads.cache.address import Address
from reelplane_workloads.cache.wire import CONNECT_TIMEOUT, OP_TIMEOUT
from reelplane_workloads.store.model import Priority

TASK = "flight"
PRIORITIES = tuple(priority.name.lower() for priority in sorted(Priority, reverse=True))
"""From the lowest to the highest, as streaQ wants them."""
GROUP = "workers"
"""streaQ's name for the consumer group."""
IDLE_TIMEOUT = 10
"""Seconds after which a message that a consumer took and does not renew is given to another.

A flight whose worker died comes back through the database's lease, as a new task. This is for the message that a
worker took and did not begin: the sweeper's second dispatch of it is ignored as long as the first one's data stands.
A consumer looks for such messages at least once in this time, so they wait for twice as long at most.
"""
ASK_EVERY = 2.0
"""Seconds between questions to the server whether it is still there: a blocking read would not tell."""
GONE_AFTER = 3600
"""Seconds without a sign of life after which another consumer's empty entry in the group is deleted."""


def settings(address: Address, platform: str, *, stream_timeout: float | None) -> dict[str, Any]:
    """Arguments of ``streaq.Worker``. ``stream_timeout``: seconds a reply may take; None where commands block."""
    # These libraries tell every retry with a traceback; an outage is told once, by the room that meets it.
    for library in ("streaq", "coredis"):
        logging.getLogger(library).setLevel(logging.CRITICAL + 1)
    pool: ConnectionPool[Any] = ConnectionPool(
        location=(
            UnixDomainSocketLocation(address.path)
            if address.path is not None
            else TCPLocation(address.host, address.port)
        ),
        db=address.db,
        username=address.username,
        password=address.password,
        ssl_context=ssl.create_default_context() if address.tls else None,
        connect_timeout=CONNECT_TIMEOUT,
        timeout=OP_TIMEOUT,
        stream_timeout=stream_timeout,
        decode_responses=True,
    )
    return {
        "redis_pool": pool,
        "redis_kwargs": {"retry_policy": NoRetryPolicy()},
        "queue_name": f"{{rp:{platform}}}",
        "priorities": list(PRIORITIES),
        "serializer": serialize,
        "deserializer": msgspec.json.decode,
        "idle_timeout": IDLE_TIMEOUT,
    }


def serialize(data: Any) -> bytes:
    """JSON. streaQ announces results too; where one is an exception, that is its text."""
    return msgspec.json.encode(data, enc_hook=repr)


def library() -> str:
    """streaQ's Lua functions: a server that was wiped must be taught them again, which streaQ does on opening only."""
    return (files("streaq") / "lua" / "streaq.lua").read_text()


def task_id(flight_id: str, attempt: int) -> str:
    """The same attempt is one task, however often it is dispatched; the next attempt is another."""
    return f"{flight_id}.{attempt}"


class Engine(Worker[None]):
    """streaQ's worker, which ends when ``stop`` is set, or when the server does not answer any more."""

    def __init__(self, stop: asyncio.Event, **settings: Any) -> None:
        super().__init__(**settings)
        self.prefetch = self.concurrency  # streaQ adds the two; here no message waits in a worker
        self._stop = stop
        self.down: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when this worker is ending without having been asked to: nothing must wait in it."""

    async def signal_handler(self, scope: CancelScope) -> None:
        """streaQ starts this beside its loops, to end them by ``scope``. Signals are the process's own affair."""
        try:
            while not self._stop.is_set():
                try:
                    await asyncio.wait_for(self._stop.wait(), ASK_EVERY)
                except TimeoutError:
                    async with asyncio.timeout(OP_TIMEOUT):
                        await self.redis.ping()
        except BaseException:  # cancelled too: another of its loops has failed
            self.give_up()
            raise
        scope.cancel("asked to stop")

    def give_up(self) -> None:
        """Let go of whatever waits: for a handler, or for an answer of a server that hangs."""
        if not self.down.done():
            self.down.set_result(None)
        self.redis.connection_pool.disconnect()

    async def give_back(self) -> None:
        """Make this consumer's messages look abandoned, so that the next reader takes them, and tidy the group."""
        for priority in self.priorities:
            stream = self.stream_key + priority
            try:
                consumers = await self.redis.xinfo_consumers(stream, GROUP)
            except (ResponseError, StreamConsumerGroupError):
                continue  # no such stream yet, or it was wiped
            for consumer in cast(tuple[dict[str, Any], ...], consumers):
                name, pending, idle = consumer["name"], consumer["pending"], consumer["idle"]
                if name == self.id and pending:
                    entries = await self.redis.xpending(
                        stream, GROUP, start="-", end="+", count=pending, consumer=name
                    )
                    ids = [entry.identifier for entry in cast(tuple[StreamPendingExt, ...], entries)]
                    await self.redis.xclaim(stream, GROUP, name, 0, ids, justid=True, idle=self.idle_timeout)
                elif not pending and idle > GONE_AFTER * 1000:
                    await self.redis.xgroup_delconsumer(stream, GROUP, name)


def innermost(error: BaseException) -> str:
    """What went wrong, out of the exception groups in which anyio's task groups wrap it."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error) or type(error).__name__
