"""redis-py for all that is not the hot lookup, with one meaning of "Valkey is away" for its many exceptions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from redis.asyncio import BlockingConnectionPool, Connection, Redis, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from reelplane_workloads.cache.address import Address
from reelplane_workloads.cache.wire import CONNECT_TIMEOUT, OP_TIMEOUT, unavailable
from reelplane_workloads.core.cancel import heeded

MAX_CONNECTIONS = 16
"""Per process: this many calls may be under way; more wait for their turn, within the timeout."""
REFUSALS = (
    "LOADING",
    "OOM",
    "READONLY",
    "MISCONF",
    "BUSY",
    "MASTERDOWN",
    "CLUSTERDOWN",
    "TRYAGAIN",
    "NOAUTH",
    "NOPERM",
)
"""First words of error replies by which a server says that it cannot serve now; anything else is a fault of ours."""


def connect(address: Address) -> Redis:
    """A client with a pool of its own. Nothing is connected yet. Replies are bytes."""
    kwargs: dict[str, Any] = {
        "db": address.db,
        "username": address.username,
        "password": address.password,
        "socket_timeout": OP_TIMEOUT,
        "socket_connect_timeout": CONNECT_TIMEOUT,
        # Once: after a restart every pooled connection is stale, and the first to notice should not fail for it.
        "retry": Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
    }
    if address.path is not None:
        kind: type[Connection | UnixDomainSocketConnection | SSLConnection] = UnixDomainSocketConnection
        kwargs["path"] = address.path
    else:
        kind = SSLConnection if address.tls else Connection
        kwargs |= {"host": address.host, "port": address.port}
    pool = BlockingConnectionPool(
        max_connections=MAX_CONNECTIONS, timeout=OP_TIMEOUT, connection_class=kind, **kwargs
    )
    return Redis.from_pool(pool)


@asynccontextmanager
async def guarded(address: Address, timeout: float = OP_TIMEOUT) -> AsyncIterator[None]:
    """Bound what happens inside to ``timeout`` seconds and raise Problem(UNAVAILABLE) when Valkey is the cause."""
    try:
        with heeded():
            async with asyncio.timeout(timeout):
                yield
    except (RedisConnectionError, RedisTimeoutError, TimeoutError, OSError) as error:
        raise unavailable(address, str(error) or "no answer in time") from error
    except ResponseError as error:
        raise refusal(address, error) from error


def refusal(address: Address, error: RedisError | Exception) -> Exception:
    """An error reply as the error to raise: ``unavailable`` when the server cannot serve, itself when we erred."""
    words = str(error).split(maxsplit=1)
    name = type(error).__name__
    if (words and words[0] in REFUSALS) or name in ("ReadOnlyError", "OutOfMemoryError", "BusyLoadingError"):
        return unavailable(address, error)
    return error
