"""What a worker does beside running flights, so that everything accepted keeps moving.

- **heartbeat**: a row that says "alive"; with the same beat it drops flights that are no longer its own, and writes
  how its extractions went.
- **stops**: cancellations, told through Valkey and found again at the next beat if that message was lost.
- **sweep**: flights of dead workers go back to the queue, due ones are dispatched again. Every worker sweeps, at a
  jittered interval; a sweep that finds nothing is one read.
- **purge**: what is past its retention goes, rows first, then the bytes nobody refers to.
- **proxies**: how the pool stands, told through Valkey to the processes that show it.

No loop ends because of a fault: it is told once, tried again at the next turn, and told once more when it is over.
"""

from __future__ import annotations

import asyncio
import logging
import random
import socket
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from reelplane_crds.runtime import WorkerSettings
from reelplane_workloads.cache import Cache
from reelplane_workloads.core.errors import Problem
from reelplane_workloads.core.logs import Changes
from reelplane_workloads.core.metrics import SWEEPS
from reelplane_workloads.download.workdir import clean_abandoned
from reelplane_workloads.egress.proxies import ProxyPool, figures
from reelplane_workloads.queue.dispatch import Dispatcher
from reelplane_workloads.storage.objects import Objects
from reelplane_workloads.store.repository import Repository
from reelplane_workloads.worker.flights import FlightHandler, StopReason
from reelplane_workloads.worker.tally import ExtractorTally

log = logging.getLogger("reelplane.worker.upkeep")

SWEEP_INTERVAL = 2.0
"""Seconds, +-25 %. Worker death is noticed within lease + this (10 + 2.5 s by default)."""
REMIND_EVERY = 15
"""Sweeps between two dispatches of what is due, whatever the queue holds: 30 s."""
PURGE_INTERVAL = 60.0
PROXIES_INTERVAL = 15.0
"""Seconds between two figures of the proxy pool."""
PROXIES_STAND = 60
"""Seconds for which the last figure stands when no worker gives another."""
MIN_BEAT = 0.5
"""Seconds between two heartbeats at the least, however many flights come and go."""
REDISPATCH = 500
"""Flights that one sweep dispatches again at most; the most urgent ones first."""


class Upkeep:
    """The loops of one worker. ``draining`` is what the heartbeat tells the others."""

    def __init__(
        self,
        *,
        settings: WorkerSettings,
        worker_id: str,
        repository: Repository,
        cache: Cache,
        dispatcher: Dispatcher,
        objects: Objects,
        handler: FlightHandler,
        proxies: ProxyPool | None,
        tally: ExtractorTally,
        extractor: Callable[[], str],
    ) -> None:
        """``extractor``: the version of the extractor that children run now; asked at each beat."""
        self.draining = False
        self._settings = settings
        self._id = worker_id
        self._repository = repository
        self._cache = cache
        self._dispatcher = dispatcher
        self._objects = objects
        self._handler = handler
        self._proxies = proxies
        self._tally = tally
        self._extractor = extractor
        self._unclaimed: dict[tuple[str, int], float] = {}
        self._sweeps = 0

    async def run(self) -> None:
        """Run all loops until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._beat_forever())
            group.create_task(_forever("sweep", SWEEP_INTERVAL, self.sweep))
            group.create_task(_forever("purge", PURGE_INTERVAL, self.purge))
            group.create_task(_forever("stops", 1.0, self._listen_for_stops))
            if self._proxies is not None:
                group.create_task(_forever("proxy health", 1.0, self._proxies.check_forever))
                group.create_task(_forever("proxies", PROXIES_INTERVAL, self._tell_proxies))

    def drain(self) -> None:
        """From now on this worker takes no flights, and says so with a beat of its own."""
        self.draining = True
        self._handler.changed.set()

    async def leave(self) -> None:
        """Write what is left to write, and be forgotten as a worker."""
        await self._write_tally()
        await self._repository.remove_worker(self._id)

    async def _beat_forever(self) -> None:
        """Beat at the interval, and soon after a flight began or ended: scale-down spares whoever is busy."""
        changes = Changes(log, "heartbeat")
        while True:
            self._handler.changed.clear()
            await _turn(changes, self.beat)
            await asyncio.sleep(MIN_BEAT)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._settings.heartbeat - MIN_BEAT):
                    await self._handler.changed.wait()

    async def beat(self) -> None:
        """Say that this worker lives, and stop flights that are not its own any more."""
        self._tally.version = self._extractor()
        await self._repository.heartbeat(
            self._id,
            worker_class=self._settings.worker_class,
            host=socket.gethostname(),
            capacity=self._settings.concurrency,
            busy=self._handler.busy,
            draining=self.draining,
            extractor=self._tally.version,
        )
        await self._write_tally()
        before = self._handler.running()
        own = await self._repository.live_flights_of(self._id)
        running = self._handler.running()
        # What ran before the database was asked was claimed before it answered: if it is not listed, it was lost.
        for flight_id, fence in before.items() & running.items():
            if own.get(flight_id) != fence:
                self._handler.stop(flight_id, StopReason.TAKEN)
        # A claim whose answer was lost is ours in the database and runs nowhere. Seen for a while, because a claim that
        # is being answered right now looks the same.
        now = time.monotonic()
        idle = own.items() - running.items()
        self._unclaimed = {claim: self._unclaimed.get(claim, now) for claim in idle}
        for (flight_id, fence), since in self._unclaimed.items():
            if now - since > self._settings.heartbeat:
                await self._repository.hand_back(flight_id, fence)

    async def sweep(self) -> None:
        """Hand out again what dead workers held and what the queue may have lost; tell followers of what ended."""
        backlog = await self._repository.backlog()
        try:
            depth = await self._dispatcher.depth()
        except Problem:
            # Nothing can be dispatched now; dead workers' flights are freed all the same, and dispatched when it can.
            depth = backlog.total
        self._sweeps += 1
        # A queue that holds about as much as is due has lost nothing worth telling it again; every so often it is
        # told the most urgent ones all the same, so that a single lost flight is not left until the queue is empty.
        lost = 2 * depth < backlog.total or self._sweeps % REMIND_EVERY == 0
        found = await self._repository.sweep(REDISPATCH if lost else 0)
        for flight in found.ended:
            await self._handler.announce_end(flight)
        SWEEPS.labels("dispatched").inc(len(found.dispatch))
        SWEEPS.labels("ended").inc(len(found.ended))
        if found.dispatch:
            await self._dispatcher.dispatch(found.dispatch)

    async def purge(self) -> None:
        """Drop what is past its retention: rows, then objects that no medium refers to, then old work folders."""
        for key in await self._repository.purge():
            await self._objects.delete(key)
            await self._repository.forget_object(key)
        await asyncio.to_thread(clean_abandoned, self._settings.work_dir)

    async def _write_tally(self) -> None:
        unwritten = self._tally.unwritten()
        if unwritten is not None:
            await self._repository.put_tally(unwritten.id, unwritten.counts)
            self._tally.written(unwritten)

    async def _tell_proxies(self) -> None:
        if self._proxies is not None:
            await self._cache.tell_proxies(figures(await self._proxies.snapshot()), PROXIES_STAND)

    async def _listen_for_stops(self) -> None:
        async for flight_id in self._cache.stops():
            self._handler.stop(flight_id, StopReason.CANCELLED)


async def _forever(name: str, interval: float, turn: Callable[[], Awaitable[None]]) -> None:
    """Run ``turn`` every ``interval`` seconds, spread by a quarter so that workers do not beat in step."""
    changes = Changes(log, name)
    while True:
        await _turn(changes, turn)
        await asyncio.sleep(interval * random.uniform(0.75, 1.25))  # noqa: S311 - spreading, not secrecy


async def _turn(changes: Changes, turn: Callable[[], Awaitable[None]]) -> None:
    try:
        await turn()
    except Problem as problem:
        changes.failing(str(problem))
    except Exception:
        log.exception("%s failed; it will be tried again", changes.what)
    else:
        changes.well()
