"""Putting flights into the queue: one script call, and nothing that the database could not do again."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

from reelplane_crds.runtime import ServerRef
from reelplane_workloads.cache.address import Address
from reelplane_workloads.cache.calls import Calls
from reelplane_workloads.cache.wire import Wire, encode
from reelplane_workloads.queue.keys import DEPTH, PUT, keys_of, task_of
from reelplane_workloads.store.model import Flight

AT_ONCE = 500
"""Flights per call: the server does nothing else for about two milliseconds."""


class Dispatcher:
    """One per process. Every call may raise ``Problem(UNAVAILABLE, retry_after=2)``, within 2 s.

    What could not be dispatched is not lost: it is queued in the database, and the sweeper dispatches it.
    """

    def __init__(self, ref: ServerRef, platform: str, *, now: Callable[[], float] = time.time) -> None:
        """``now`` gives seconds since the epoch; it only decides how long a flight that is due later is held back.

        Raises ValueError for a URL of another scheme, OSError when the password file cannot be read.
        """
        address = Address.of(ref)
        self._keys = keys_of(platform)
        self._now = now
        self._wire = Wire(address)
        self._calls = Calls(self._wire, address)

    async def open(self) -> None:
        """Start connecting and wait for the first attempt. Does not raise when Valkey is away."""
        await self._wire.open()

    async def close(self) -> None:
        await self._wire.close()

    async def dispatch(self, flights: Sequence[Flight]) -> None:
        """Put flights in. Idempotent: an attempt that waits or runs already is not put in twice.

        One with ``not_before`` in the future is held back until then.
        """
        now = self._now()
        for at in range(0, len(flights), AT_ONCE):
            arguments: list[str | int] = []
            for flight in flights[at : at + AT_ONCE]:
                arguments += (task_of(flight), math.ceil(max(0.0, flight.not_before - now) * 1000))
            await self._calls.run(PUT, self._keys, *arguments)

    async def ping(self) -> None:
        """Return when Valkey answers."""
        await self._calls.ask(encode("PING"))

    async def depth(self) -> int:
        """Flights in the queue that are due: waiting and running."""
        return int(await self._calls.run(DEPTH, self._keys))
