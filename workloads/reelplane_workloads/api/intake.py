"""What becomes of a wanted URL: the decision behind POST /v1/downloads and GET /v1/info. Knows no HTTP request.

    lookup            Valkey: hit, in flight, failed a moment ago, or a token and the claim    one round trip
      └─ known        the database: Valkey may have lost it                                    one read
           └─ accept  the job is committed; only then may a client be told                     one commit
                └─ put_flight, dispatch    hints, which the sweeper makes good if they are lost

Valkey comes before the commit, so while it is away nothing is accepted that could not be limited. The first to miss
claims the URL in the same step in which its token is taken; those who come while it commits wait a moment and follow.
So one unknown URL costs one token, however many ask for it at once in however many processes. The token is given
back when no new work was started after all: hits and followers are free.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, cast

from reelplane_crds.runtime import ApiSettings, Rate, Retention
from reelplane_workloads.api import limits, problems
from reelplane_workloads.api.answers import Answer, Header
from reelplane_workloads.api.hits import Hits
from reelplane_workloads.api.tally import Tally
from reelplane_workloads.api.wanted import Wanted
from reelplane_workloads.cache import Cache, Failed, Hit, InFlight, Limited, Lookup, Miss
from reelplane_workloads.core.errors import Code, Problem
from reelplane_workloads.queue.dispatch import Dispatcher
from reelplane_workloads.store.model import Flight, FlightKind, FlightState, Medium, Priority
from reelplane_workloads.store.repository import Repository

log = logging.getLogger("reelplane.api")

CACHED_FOR = 3600
"""Seconds Valkey keeps a hit that came from the database. Once in this time a request gets there again, which is
what extends the retention of media that are in demand."""

CLAIM = 5
"""Seconds for which the first to miss a URL may be busy committing before others stop waiting for it."""

CLAIM_POLL = 0.02
"""Seconds between looks at a claimed URL: about what a commit takes."""

Known = Medium | dict[str, Any]
"""What a URL's key led to: a medium, or, if it is the key of an info, that info."""
Principal = Callable[[], str]
"""Asked only if a job is made: hits need none, and an anonymous client is given its id then."""


@dataclass(frozen=True, slots=True)
class Queued:
    """A job was committed, or was there already. ``budget``: what is left of the client's, when a token was taken."""

    job_id: str
    flight_id: str
    budget: tuple[Header, ...] = ()


@dataclass(frozen=True, slots=True)
class _Budget:
    """One client's allowance of one kind of request; ``client`` names its bucket."""

    name: str
    client: str
    rate: Rate


class Intake:
    def __init__(
        self,
        settings: ApiSettings,
        retention: Retention,
        *,
        repository: Repository,
        cache: Cache,
        dispatcher: Dispatcher,
        hits: Hits,
        tally: Tally,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._retention = retention
        self._repository = repository
        self._cache = cache
        self._dispatcher = dispatcher
        self._hits = hits
        self._tally = tally
        self._wall = wall

    async def download(self, wanted: Wanted, client: str, principal: Principal) -> Answer | Queued:
        """The answer for a hit, or the job of the principal.

        Raises Problem: the remembered failure of the URL, RATE_LIMITED with its headers, or UNAVAILABLE.
        """
        budget = _Budget("download", f"download:{client}", self._settings.download_rate)
        try:
            found = await self._lookup(wanted, budget)
        except Problem:
            stale = self._hits.stale(wanted.url_key)
            if stale is None:
                raise
            self._tally.memory.n += 1
            self._tally.hit.n += 1
            return stale
        if type(found) is Hit:
            self._tally.valkey.n += 1
            self._tally.hit.n += 1
            return self._hits.from_bytes(wanted.url_key, found.medium)
        result = await self._enter(wanted, budget, principal, found, self._known)
        if isinstance(result, Queued):
            return result
        if isinstance(result, Medium):
            return await self._database_hit(wanted, result)
        raise Problem(Code.INTERNAL, f"the key of a download, {wanted.url_key}, led to an info")

    async def info(self, wanted: Wanted, client: str, principal: Principal) -> dict[str, Any] | Queued:
        """The info, if the database has it, or the job that brings it. Raises Problem as ``download`` does."""
        budget = _Budget("info", f"info:{client}", self._settings.info_rate)
        found = await self._lookup(wanted, budget)
        result = await self._enter(wanted, budget, principal, found, self._recent_info)
        if isinstance(result, Medium):
            raise Problem(Code.INTERNAL, f"the key of an info, {wanted.url_key}, led to a medium")
        return result

    async def _lookup(self, wanted: Wanted, budget: _Budget) -> Lookup:
        """``Cache.lookup``, waiting while another request is between its claim and its commit."""
        waited = 0.0
        while True:
            found = await self._cache.lookup(wanted.url_key, budget.client, budget.rate, 1, CLAIM)
            if not isinstance(found, InFlight) or found.flight_id or waited >= CLAIM:
                return found
            await asyncio.sleep(CLAIM_POLL)
            waited += CLAIM_POLL

    async def _enter(
        self,
        wanted: Wanted,
        budget: _Budget,
        principal: Principal,
        found: Lookup,
        known: Callable[[Wanted], Awaitable[Known | None]],
    ) -> Known | Queued:
        match found:
            case Failed():
                self._tally.failed.n += 1
                raise problems.from_code(found.code, found.detail, retry_after=found.ttl)
            case Limited():
                self._tally.limited.n += 1
                raise limits.limited(budget.name, budget.rate, retry_after=found.retry_after)
            case Miss():
                return await self._claimed(wanted, budget, principal, found, known)
            case _:
                # The mark may be older than the truth, which accepting finds.
                return (await self._accept(wanted, principal))[0]

    async def _claimed(
        self,
        wanted: Wanted,
        budget: _Budget,
        principal: Principal,
        miss: Miss,
        known: Callable[[Wanted], Awaitable[Known | None]],
    ) -> Known | Queued:
        """This request paid and holds the claim: it starts the work, or returns what it paid."""
        created, under_way = False, ""
        try:
            already = await known(wanted)
            if already is not None:
                return already
            result, created = await self._accept(wanted, principal)
            if isinstance(result, Queued):
                under_way = result.flight_id  # created elsewhere, and Valkey had lost that
        finally:
            if not created:
                await self._give_back(wanted, budget, flight_id=under_way)
        if created and isinstance(result, Queued):
            left = limits.headers(budget.name, budget.rate, remaining=miss.remaining, reset=miss.reset)
            return Queued(result.job_id, result.flight_id, left)
        return result

    async def _accept(self, wanted: Wanted, principal: Principal) -> tuple[Known | Queued, bool]:
        """What is known by now, or the committed job, and whether that started new work; if so, the others are told."""
        priority = Priority.HIGH if wanted.kind is FlightKind.INFO else Priority.NORMAL
        accepted = await self._repository.accept(
            principal=principal(),
            kind=wanted.kind,
            url=wanted.url,
            url_key=wanted.url_key,
            options=wanted.options,
            priority=priority,
        )
        if accepted.job_id is None or accepted.flight_id is None:
            return cast(Known, accepted.medium or accepted.info), False
        # The one line that names both: workers know flights, people know jobs.
        log.info(
            "accepted",
            extra={"job": accepted.job_id, "flight": accepted.flight_id, "kind": wanted.kind.value},
        )
        if accepted.created_flight:
            self._tally.miss.n += 1
            self._tally.new.n += 1
            await self._announce(wanted, accepted.flight_id, priority)
        else:
            self._tally.follower.n += 1
        return Queued(accepted.job_id, accepted.flight_id), accepted.created_flight

    async def _announce(self, wanted: Wanted, flight_id: str, priority: Priority) -> None:
        """Tell the other processes and the queue. The job is committed: what fails here, the sweeper makes good."""
        flight = Flight(
            id=flight_id,
            kind=wanted.kind,
            url_key=wanted.url_key,
            url=wanted.url,
            options=wanted.options,
            priority=priority,
            state=FlightState.QUEUED,
            attempt=0,
        )
        try:
            # In this order: once dispatched the flight may end, and its mark must not be set after it was dropped.
            await self._cache.put_flight(wanted.url_key, flight_id)
            await self._dispatcher.dispatch([flight])
        except Problem as problem:
            log.warning(
                "not dispatched, left to the sweeper", extra={"flight": flight_id, "why": problem.detail}
            )

    async def _give_back(self, wanted: Wanted, budget: _Budget, *, flight_id: str = "") -> None:
        """No work was started: return the token, and say in Valkey what the URL is doing instead of being claimed."""
        try:
            await self._cache.refund(budget.client, budget.rate)
            if flight_id:
                await self._cache.put_flight(wanted.url_key, flight_id)
            else:
                await self._cache.drop_flight([wanted.url_key])
        except Problem as problem:
            log.warning("a token could not be given back", extra={"why": problem.detail})

    async def _database_hit(self, wanted: Wanted, medium: Medium) -> Answer:
        """Count it and put it back where it is found faster."""
        self._tally.database.n += 1
        self._tally.hit.n += 1
        ttl = min(CACHED_FOR, int(medium.expires_at - self._wall()))
        try:
            if ttl > 0:
                await self._cache.put_medium([wanted.url_key], medium, ttl)
        except Problem as problem:
            log.warning("a hit could not be cached", extra={"why": problem.detail})
        return self._hits.of(wanted.url_key, medium)

    async def _known(self, wanted: Wanted) -> Medium | None:
        """The medium, unless its retention is due to be extended, which ``accept`` does."""
        medium = await self._repository.known(wanted.url_key)
        if medium is None or medium.expires_at - self._wall() < self._retention.media - CACHED_FOR:
            return None
        return medium

    async def _recent_info(self, wanted: Wanted) -> dict[str, Any] | None:
        return await self._repository.recent_info(wanted.url_key)
