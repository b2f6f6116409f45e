"""A process that starts before its stores: it waits, says for what, and goes on when they come.

On a cluster nothing is started in order: a database, a bucket or a Secret may come minutes after the pods that need
it. A process that ended instead would be restarted ever more seldom (CrashLoopBackOff reaches five minutes). While it
waits it lives (/healthz) and is not ready (/readyz says for what it waits); its log has one line per change.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from reelplane_workloads.core.errors import Code, Problem
from reelplane_workloads.core.logs import Changes

T = TypeVar("T")

FIRST_DELAY, LAST_DELAY = 0.25, 2.0
"""Seconds between two tries, doubled from the first to the last and spread by a quarter: pods start by the hundred."""
_COMES = frozenset({Code.UNAVAILABLE, Code.DISK_FULL})
"""What may pass by itself. Anything else is a fault that waiting does not mend."""


class StoppedError(Exception):
    """The process was told to stop while it waited."""


class Startup:
    """``stopping`` is set when the process is told to stop."""

    def __init__(self, log: logging.Logger, stopping: asyncio.Event) -> None:
        self.stopping = stopping
        self.waits = asyncio.Event()
        """Set when something was not there at the first try."""
        self._log = log
        self._reason = "starting"

    async def readiness(self) -> str | None:
        """What is waited for; a process that starts is never ready."""
        return self._reason

    async def wait_for(self, what: str, attempt: Callable[[], Awaitable[T]]) -> T:
        """What ``attempt`` returns, as soon as it does not raise that something is unavailable.

        Raises StoppedError when the process is told to stop meanwhile, and whatever else ``attempt`` raises.
        """
        changes = Changes(self._log, f"waiting for {what}")
        delay = FIRST_DELAY
        while True:
            try:
                result = await self._unless_stopped(attempt())
            except Problem as problem:
                if problem.code not in _COMES:
                    raise
                self._reason = f"waiting for {what}: {problem.detail}"
                self.waits.set()
                changes.failing(problem.detail)
            else:
                self._reason = "starting"
                changes.well()
                return result
            await self._unless_stopped(asyncio.sleep(delay * random.uniform(0.75, 1.25)))  # noqa: S311 - spreading
            delay = min(delay * 2, LAST_DELAY)

    async def _unless_stopped(self, work: Awaitable[T]) -> T:
        working = asyncio.ensure_future(work)
        stop = asyncio.ensure_future(self.stopping.wait())
        both: list[asyncio.Future[Any]] = [working, stop]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                return working.result()
            raise StoppedError
        finally:
            for one in both:
                one.cancel()
            await asyncio.gather(*both, return_exceptions=True)
