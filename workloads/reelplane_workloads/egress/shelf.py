"""Where the proxy pool keeps what its workers know together: hashes in Valkey, or in memory while Valkey is away.

Two operations are all it takes: read a hash, and swap one field if it still holds what was read. Without Valkey
each process goes on with what it sees itself; what it learns then is not carried over, since Valkey's view
of many workers is the better one.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from importlib.resources import files

from redis.asyncio import Redis
from redis.exceptions import RedisError

from reelplane_workloads.core.cancel import heeded

log = logging.getLogger(__name__)

TIMEOUT = 2.0
"""Seconds for one operation; then Valkey counts as away."""
PAUSE = 5.0
"""Seconds for which an absent Valkey is not asked again, so that jobs do not wait for it one by one."""


class Shelf:
    def __init__(self, redis: Redis | None, prefix: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._redis = redis
        self._prefix = prefix
        self._clock = clock
        self._memory: dict[str, tuple[float, dict[str, str]]] = {}
        self._away_since: float | None = None
        self._ask_again = 0.0
        self._swap = (
            redis.register_script(files(__package__).joinpath("lua/swap.lua").read_text()) if redis else None
        )

    async def fields(self, name: str) -> dict[str, str]:
        """All fields of a hash; empty when there is none."""
        if self._redis is not None and self._clock() >= self._ask_again:
            try:
                with heeded():
                    async with asyncio.timeout(TIMEOUT):
                        found = await self._redis.hgetall(self._prefix + name)
                self._returned()
                return {_text(field): _text(value) for field, value in found.items()}
            except (RedisError, OSError, TimeoutError) as error:
                self._lost(error)
        expires, held = self._memory.get(name, (0.0, {}))
        return dict(held) if self._clock() < expires else {}

    async def swap(self, name: str, field: str, old: str | None, new: str, *, keep: float) -> bool:
        """Set a field if it still holds ``old`` (None: is absent); the hash lives ``keep`` seconds from now."""
        if self._swap is not None and self._clock() >= self._ask_again:
            try:
                with heeded():
                    async with asyncio.timeout(TIMEOUT):
                        done = await self._swap(
                            keys=[self._prefix + name], args=[field, old or "", new, int(keep * 1000)]
                        )
                self._returned()
                return bool(done)
            except (RedisError, OSError, TimeoutError) as error:
                self._lost(error)
        expires, held = self._memory.get(name, (0.0, {}))
        if self._clock() >= expires:
            held = {}
        if held.get(field) != old:
            return False
        self._memory[name] = (self._clock() + keep, held | {field: new})
        return True

    def _lost(self, error: Exception) -> None:
        self._ask_again = self._clock() + PAUSE
        if self._away_since is None:
            self._away_since = self._clock()
            log.warning(
                "valkey is away: proxy scores and bans are this process's own until it returns (%s)", error
            )

    def _returned(self) -> None:
        if self._away_since is not None:
            log.info(
                "valkey is back after %.0f s: proxy scores are shared again", self._clock() - self._away_since
            )
            self._away_since = None
            self._memory.clear()


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
