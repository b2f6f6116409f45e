"""What is done to jobs, flights and media, as one object: the store's front door.

Each method is one transaction (a read: one snapshot). The work is done by functions of a connection in the
module of its subject; this class binds them to the database and to the platform's policy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection

from reelplane_crds.runtime import Retention
from reelplane_workloads.core.errors import Problem

from . import (
    accept,
    cancel,
    endings,
    flights,
    objects,
    playlist,
    publishing,
    purge,
    sweep,
    tallies,
    views,
    workers,
)
from .database import Database
from .identity import Entering, Entrance, enter, enter_new
from .model import (
    Accepted,
    Backlog,
    Claim,
    Entry,
    ExtractorCount,
    Flight,
    FlightKind,
    JobView,
    Medium,
    Options,
    Priority,
    SweepResult,
    WorkerRow,
)
from .statements import ALONE, Alone

I = TypeVar("I")  # noqa: E741 - the item of a merged operation
T = TypeVar("T")


class Repository:
    """All methods raise Problem(UNAVAILABLE) when the database is away and Problem(DISK_FULL) when it is full.

    ``max_attempts`` bounds the attempts of a flight that end badly, ``backoff`` (seconds) is the wait before the
    first retry and doubles, ``lease`` (seconds) is how long a worker may be silent before its flights are given
    to others. The defaults are those of WorkerSettings.
    """

    def __init__(
        self,
        db: Database,
        retention: Retention,
        *,
        max_attempts: int = 3,
        backoff: float = 2,
        lease: float = 10,
    ) -> None:
        self._db = db
        self._retention = retention
        self._retry = endings.RetryPolicy(max_attempts=max_attempts, backoff=backoff)
        self._lease = lease
        # One object for all calls: the database merges calls that name the same handler.
        self._accept = accept.Acceptor(retention)
        self._publish = publishing.Publisher(retention.media)

    async def ping(self) -> None:
        """Raise Problem(UNAVAILABLE) unless the database answers."""
        await self._db.ping()

    # What a client asks for

    async def accept(
        self,
        *,
        principal: str,
        kind: FlightKind,
        url: str,
        url_key: str,
        options: Options,
        priority: Priority,
    ) -> Accepted:
        """Commit a request: what is known, or a job on the active flight for ``url_key``, created if missing.

        Known is an unexpired medium, and for an info what a flight brought within ``retention.info`` seconds.
        A known medium's expiry is moved on, at most once an hour. The same principal asking again for the same
        flight is given the same job; a job it had cancelled is revived.
        """
        request = accept.Request(principal, kind, url, url_key, options, priority)
        return await self._db.write_merged(self._accept, request)

    async def known(self, url_key: str) -> Medium | None:
        """The unexpired medium that ``url_key`` led to."""
        return await self._db.read(lambda c: accept.known(c, url_key))

    async def recent_info(self, url_key: str) -> dict[str, Any] | None:
        """The info that a flight brought for ``url_key`` within ``retention.info`` seconds."""
        return await self._db.read(lambda c: accept.recent_info(c, url_key, self._retention.info))

    async def job(self, job_id: str, principal: str) -> JobView | None:
        """The job with its items, or None: also when it is another principal's."""
        return await self._db.read(lambda c: views.job(c, job_id, principal))

    async def list_jobs(self, principal: str, limit: int = 50) -> list[JobView]:
        """The principal's downloads, newest first, playlists without their items."""
        return await self._db.read(lambda c: views.list_jobs(c, principal, limit))

    async def cancel(self, job_id: str, principal: str) -> tuple[bool, tuple[str, ...]]:
        """Detach the job, and a playlist's items, from the work. Repeating it is fine.

        Returns whether the principal has such a job, and the flights that lost their last follower and were
        CANCELLED: their workers can be told to stop. A job that has ended stays what it became.
        """
        return await self._db.write(lambda c: cancel.cancel(c, job_id, principal))

    # What a worker does

    async def claim(self, flight_id: str, worker_id: str) -> Claim | None:
        """Take a due flight, or one whose worker is dead; None when there is nothing to do.

        The attempt rises with each claim and is the fence of everything below. A flight whose attempts are used
        up by dead workers is FAILED (worker_lost) instead.
        """
        silence = self._deadly_silence()
        return await self._merged(
            flights.claim_due,
            flights.Claiming(flight_id, worker_id),
            lambda c: flights.claim(c, flight_id, worker_id, silence, self._retry),
        )

    async def enter_identity(self, flight_id: str, fence: int, identity: str) -> Entrance:
        """Stage two of single flight, once extraction told what the URL really is.

        ``lead``: the flight holds the identity's lease and downloads. ``follow``: another active flight brings
        it in; this one is FOLLOWING and ends as that one ends. ``known``: the medium is there; the flight is
        DONE. ``fenced``: the flight is no longer this worker's; nothing was written.
        """
        return await self._merged(
            enter_new,
            Entering(flight_id, fence, identity),
            lambda c: enter(c, flight_id, fence, identity),
        )

    async def complete(self, flight_id: str, fence: int, medium: Medium) -> tuple[str, ...] | None:
        """Publish ``medium`` and end the flight and its followers DONE, atomically.

        Returns the ids of all flights that are done, this one first; None when fenced: nothing was written.
        ``medium.expires_at`` is ignored: retention counts from now by the database's clock. Raises
        Problem(UNAVAILABLE) when the object is being purged: put it again.
        """
        return await self._merged(
            self._publish,
            publishing.Publication(flight_id, fence, medium),
            lambda c: publishing.complete(c, flight_id, fence, medium, self._retention.media),
        )

    async def complete_info(self, flight_id: str, fence: int, info: dict[str, Any]) -> bool:
        """End an info flight DONE with ``info``. False when fenced."""
        return await self._db.write(lambda c: endings.complete_with(c, flight_id, fence, info))

    async def expand_playlist(
        self, flight_id: str, fence: int, title: str, entries: Sequence[Entry]
    ) -> list[Flight] | None:
        """End a playlist's flight DONE and give every job that follows it one job per entry.

        Entries that lead to the same flight are one item, at the first's position. Returns the new flights, of
        LOW priority, to dispatch; None when fenced.
        """
        return await self._db.write(
            lambda c: playlist.expand(
                c, flight_id, fence, title=title, entries=entries, retention=self._retention
            )
        )

    async def fail(self, flight_id: str, fence: int, problem: Problem) -> tuple[Flight, ...] | None:
        """End an attempt badly: QUEUED again after a back-off, or FAILED together with the flight's followers.

        It is tried again when the problem is transient and fewer than ``max_attempts`` attempts ended badly.
        Returns the flights that changed, this one first; None when fenced.
        """
        return await self._db.write(lambda c: flights.fail(c, flight_id, fence, problem, self._retry))

    async def hand_back(self, flight_id: str, fence: int) -> bool:
        """Give a flight back, due at once, without counting the attempt as a failure. False when fenced."""
        return await self._db.write(lambda c: flights.hand_back(c, flight_id, fence))

    async def wanted(self, flight_id: str, fence: int) -> bool:
        """Whether the flight is still RUNNING under this fence: neither cancelled nor given to another worker."""
        return await self._db.read(lambda c: flights.wanted(c, flight_id, fence))

    async def touch_object(self, key: str, size: int) -> None:
        """Announce that a blob is about to be put, which keeps purge away from it for an hour.

        Waits while the same key is being deleted; raises Problem(UNAVAILABLE) when that takes too long.
        """
        await objects.touch(self._db, key, size)

    # What keeps the platform going

    async def heartbeat(
        self,
        worker_id: str,
        *,
        worker_class: str,
        host: str,
        capacity: int,
        busy: int,
        draining: bool,
        extractor: str = "",
    ) -> None:
        row = WorkerRow(worker_id, worker_class, host, capacity, busy, draining, 0.0, extractor)
        await self._db.write(lambda c: workers.heartbeat(c, row))

    async def remove_worker(self, worker_id: str) -> None:
        """Forget a worker that has stopped; flights it still runs are found by the next sweep."""
        await self._db.write(lambda c: workers.remove(c, worker_id))

    async def workers(self) -> list[WorkerRow]:
        return await self._db.read(workers.listed)

    async def put_tally(self, tally_id: str, counts: tallies.Counts) -> None:
        """Write a worker's count of how its extractions went in one stretch of time; the last write holds."""
        await self._db.write(lambda c: tallies.put(c, tally_id, counts))

    async def extractors(self) -> list[ExtractorCount]:
        """How extractions went in the last hour on all workers, by extractor version and site."""
        return await self._db.read(tallies.lately)

    async def live_flights_of(self, worker_id: str) -> dict[str, int]:
        """Fences of the flights RUNNING under this worker, by flight id.

        What a worker runs and does not find here was taken from it. What it finds here and does not run is a
        claim whose answer was lost on the way (the connection broke during the commit): it hands that back.
        """
        return await self._db.read(lambda c: workers.live_flights(c, worker_id))

    async def sweep(self, limit: int = 5000) -> SweepResult:
        """Find what fell to the ground: flights of dead workers, followers without a leader.

        Also returns up to ``limit`` due flights, most urgent first, to be dispatched again: dispatching is
        idempotent, and this is how a lost queue is rebuilt. For one lease after an outage of the database no
        worker is taken for dead: none could be heard.
        """
        silence = self._deadly_silence()
        return await self._db.write(lambda c: sweep.sweep(c, limit, silence, self._retry))

    async def backlog(self) -> Backlog:
        return await self._db.read(flights.backlog)

    async def purge(self, limit: int = 200) -> list[str]:
        """Remove what is past its retention; return up to ``limit`` keys of blobs that may be deleted now.

        The keys are condemned: nobody can publish them until ``forget_object`` says that the blob is gone. Keys
        whose deletion failed are returned again by a later call.
        """
        while await self._db.write(lambda c: purge.expire(c, self._retention)):
            pass
        return await self._db.write(lambda c: purge.condemn(c, limit))

    async def forget_object(self, key: str) -> None:
        """Say that a condemned blob was deleted."""
        await self._db.write(lambda c: objects.forget(c, key))

    async def _merged(
        self,
        usual: Callable[[Connection, Sequence[I]], Sequence[T | Alone]],
        item: I,
        general: Callable[[Connection], T],
    ) -> T:
        """Try the cheap form that a batch shares, which decides usual cases only; then the general one."""
        answer = await self._db.write_merged(usual, item)
        return await self._db.write(general) if answer is ALONE else answer

    def _deadly_silence(self) -> float:
        """Seconds of silence that tell a dead worker; infinite for one lease after an outage of the database."""
        return self._lease if self._db.steady_for() >= self._lease else math.inf
