"""Taking flights out of the queue: as many at once as there is room for, and as few round trips as there can be.

              ┌──────────────── a flight ended, the bell rang, a lease is to be renewed, a task is due
              ▼
    exchange(done ones, held ones, free slots) ──► tasks ──► handler(flight id), a task of its own each
              │ fewer than there are slots
              └──► block on the bell, on a connection of its own

Nothing that another worker could run waits here. While the server is away running handlers go on, and what they
ended is told when it is back. A task is leased: a consumer that dies lets go of what it held within ``LEASE``. The
message of a flight that runs here already waits for the same handler; elsewhere, the database tells that worker that
the flight is taken.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import hiredis

from reelplane_crds.runtime import ServerRef
from reelplane_workloads.cache.address import Address
from reelplane_workloads.cache.calls import Calls
from reelplane_workloads.cache.wire import FIRST_DELAY, LAST_DELAY, OP_TIMEOUT, Wire, encode
from reelplane_workloads.core.errors import Problem
from reelplane_workloads.core.logs import Changes
from reelplane_workloads.queue.keys import EXCHANGE, flight_of, keys_of

log = logging.getLogger(__name__)

LEASE = 10.0
"""Seconds after which a task that a consumer took and does not renew is given to another.

A flight whose worker died comes back through the database's lease, as a new task. This is for the task that a worker
took and did not begin: the sweeper's second dispatch of it is ignored as long as the first one stands.
"""
RENEW = LEASE / 3
POLL = 2.0
"""Seconds after which a consumer without work asks although no bell rang: the one that it rang for may have died."""


@dataclass(slots=True)
class _Running:
    tasks: set[bytes]
    """Its messages: more than one when it was dispatched again while it runs."""
    job: asyncio.Task[None]


class Consumer:
    """Calls ``handler(flight_id)`` for what is dispatched, at most ``concurrency`` at once.

    The handler must be idempotent: a flight may be delivered more than once, also when it is finished or runs
    elsewhere. When it raises a Problem, the flight is delivered again after its lease (``LEASE`` at most); anything
    else that it raises is logged, and the database decides whether the flight is tried again.
    """

    def __init__(
        self, ref: ServerRef, platform: str, handler: Callable[[str], Awaitable[None]], concurrency: int
    ) -> None:
        """Raises ValueError for a URL of another scheme, OSError when the password file cannot be read."""
        address = Address.of(ref)
        self._keys = keys_of(platform)
        self._handler = handler
        self._concurrency = concurrency
        self._wire = Wire(address)
        self._calls = Calls(self._wire, address)
        # A blocking call holds up all behind it; the longest silence on this connection is a poll's.
        self._bell_wire = Wire(address, op_timeout=POLL + 2 * OP_TIMEOUT)
        self._bell: asyncio.Future[Any] | None = None
        self._rang = False
        self._running: dict[str, _Running] = {}
        self._done: set[bytes] = set()
        self._wake = asyncio.Event()
        self._stopping = False
        self._renew_at = 0.0
        self._away = False
        self._delay = FIRST_DELAY
        self._handling = Changes(log, "flights cannot be run")

    @property
    def running(self) -> int:
        """Flights whose handlers run."""
        return len(self._running)

    async def stop(self) -> None:
        """Take no new flights. Running handlers go on; ``run`` returns when they have returned."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Consume until ``stop``, through outages and wiped data. When cancelled, cancels the handlers."""
        await asyncio.gather(self._wire.open(), self._bell_wire.open())
        try:
            while not self._stopping or self._running:
                await self._turn()
        finally:
            jobs = [entry.job for entry in self._running.values()]
            held = [task for entry in self._running.values() for task in entry.tasks]
            for job in jobs:
                job.cancel()
            await asyncio.gather(*jobs, return_exceptions=True)
            # Where this fails, the lease lets go of them, and what is done is done again to no effect.
            with suppress(Problem, hiredis.ReplyError):
                await self._exchange(0, done=self._done.difference(held), give_back=held)
            await self._bell_wire.close()
            await self._wire.close()

    async def _turn(self) -> None:
        """Say what is to be said and take what there is room for; then wait until there is more of either."""
        self._wake.clear()
        due = RENEW
        try:
            full = True
            if self._free or self._done or self._rang or self._time() >= self._renew_at:
                full, due = await self._take()
            if not full:
                self._listen()
            if self._away:
                log.info("the queue is back")
            self._away, self._delay = False, FIRST_DELAY
        except (Problem, hiredis.ReplyError) as error:
            if not self._away:
                log.warning("the queue is away, running flights go on: %s", error)
            self._away = True
            due, self._delay = self._delay, min(self._delay * 2, LAST_DELAY)
            await asyncio.sleep(due)
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(min(due, max(0.0, self._renew_at - self._time()))):
                await self._wake.wait()

    async def _take(self) -> tuple[bool, float]:
        """One exchange. Returns whether all the room there was is taken, and the seconds until a task is due."""
        free, done = self._free, frozenset(self._done)
        self._rang = False
        held: list[bytes] = []
        if self._time() >= self._renew_at:
            held = [task for entry in self._running.values() for task in entry.tasks]
            self._renew_at = self._time() + RENEW
        due, tasks = await self._exchange(free, done=done, keep=held)
        self._done -= done
        if self._stopping and tasks:  # it was told to stop while it asked
            await self._exchange(0, give_back=tasks)
            return True, due
        for task in tasks:
            self._begin(task)
        return len(tasks) >= free, due

    async def _exchange(
        self,
        wanted: int,
        *,
        done: Iterable[bytes] = (),
        keep: Iterable[bytes] = (),
        give_back: Iterable[bytes] = (),
    ) -> tuple[float, list[bytes]]:
        """See exchange.lua; ``keep`` or ``give_back``, not both."""
        ended, held = list(done), [*keep, *give_back]
        kept_for = 0 if give_back else int(LEASE * 1000)
        reply = await self._calls.run(
            EXCHANGE, self._keys, wanted, int(LEASE * 1000), kept_for, len(ended), *ended, *held
        )
        return (RENEW if reply[0] < 0 else reply[0] / 1000), reply[1:]

    def _begin(self, task: bytes) -> None:
        flight_id = flight_of(task)
        if flight_id is None:
            log.warning("something that is no task of ours was in the queue and was dropped")
            self._finished(task)
        elif (entry := self._running.get(flight_id)) is not None:
            entry.tasks.add(task)
        else:
            job = asyncio.create_task(self._handle(flight_id), name=f"flight-{flight_id}")
            self._running[flight_id] = _Running({task}, job)

    async def _handle(self, flight_id: str) -> None:
        try:
            await self._handler(flight_id)
        except Problem as problem:
            # It could not even be begun or settled, because a store is away. Its lease is left to run out: it is tried
            # again in seconds, by whoever asks then.
            self._handling.failing(str(problem), kind=problem.code.value)
            del self._running[flight_id]
            self._wake.set()
            return
        except Exception:
            log.exception("the handler of flight %s failed", flight_id)
        else:
            self._handling.well()
        # Not when it was cancelled: that task is still held, and given back.
        self._finished(*self._running.pop(flight_id).tasks)

    def _finished(self, *tasks: bytes) -> None:
        self._done.update(tasks)
        self._wake.set()

    def _listen(self) -> None:
        """Have the bell wake this consumer. It answers after ``POLL`` seconds in any case, which is the poll."""
        if self._bell is None or self._bell.done():
            self._bell = self._bell_wire.send(encode("BLPOP", self._keys[2], str(POLL)))
            self._bell.add_done_callback(self._rung)

    def _rung(self, bell: asyncio.Future[Any]) -> None:
        # A token is taken to an exchange also when there is no room any more: that rings for the next consumer. A
        # failure is taken note of here, and the next exchange finds out whether the server is away.
        if not bell.cancelled() and bell.exception() is None:
            self._rang = bell.result() is not None
        self._wake.set()

    @property
    def _free(self) -> int:
        return 0 if self._stopping else self._concurrency - len(self._running)

    @staticmethod
    def _time() -> float:
        return asyncio.get_running_loop().time()
