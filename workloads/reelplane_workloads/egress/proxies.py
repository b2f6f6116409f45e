"""The pool of egress proxies: which one a job goes through, and what its result teaches all workers.

    pick(extractor, job) ─► the job's own, while it stands well ─► else drawn by score among those not banned
    report(endpoint, extractor, ok) ─► score, failures in a row, ban ─► shared through Valkey

A job keeps its proxy through all its requests and retries: sites bind their media links to the address that
asked for the page. Failover happens between attempts, when the caller passes what it has tried already.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from redis.asyncio import Redis

from reelplane_crds.runtime import ProxyEndpoint, ProxyPoolSettings
from reelplane_workloads.core.errors import Code, Problem

from .health import ailment
from .shelf import Shelf
from .standing import Standing, draw

log = logging.getLogger(__name__)

EVERYONE = "*"
"""In the place of an extractor: what the health check found, which counts for all of them."""
KEEP_STANDING = 86400.0
"""Seconds without a result after which an extractor's scores are forgotten."""
KEEP_JOB = 3600.0
"""Seconds a job keeps its proxy; longer than any job with its retries takes."""


@dataclass(frozen=True, slots=True)
class EndpointStatus:
    """One endpoint as status pages and metrics show it."""

    name: str
    healthy: bool
    """False while the health check bans it."""
    score: float
    """The least of its scores over all extractors, 0 to 1."""
    banned_for: dict[str, float] = field(default_factory=dict)
    """Extractor to seconds until the ban ends; ``*`` is the health check's."""


def figures(statuses: Collection[EndpointStatus]) -> dict[str, int]:
    """The pool in three numbers: ``healthy`` endpoints, their ``total``, and ``bans`` (pairs of endpoint and extractor,
    or endpoint and health check) that stand now."""
    return {
        "healthy": sum(status.healthy for status in statuses),
        "total": len(statuses),
        "bans": sum(len(status.banned_for) for status in statuses),
    }


class ProxyPool:
    def __init__(
        self,
        settings: ProxyPoolSettings,
        redis: Redis | None,
        platform: str,
        *,
        rng: random.Random | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``clock``: seconds since the epoch; hosts may differ by seconds, bans last for minutes."""
        self._settings = settings
        self._endpoints = {endpoint.name: endpoint for endpoint in settings.endpoints}
        self._shelf = Shelf(redis, f"rp:{{{platform}}}:px:{settings.name}:")
        self._rng = rng or random.SystemRandom()
        self._clock = clock
        self._id = uuid.uuid4().hex

    async def pick(self, extractor: str, job: str, *, exclude: Collection[str] = ()) -> ProxyEndpoint | None:
        """The endpoint for a job: the one it had, unless that is excluded or banned by now. None: go direct.

        ``exclude``: names this job has tried in vain. Raises Problem(PROXY_FAILED) when none is left and the
        pool says ``Fail``.
        """
        standings = await self._standings(extractor)
        health = await self._standings(EVERYONE)
        now = self._clock()
        scores = {
            name: standings[name].score * health[name].score
            for name in self._endpoints
            if name not in exclude and not standings[name].banned(now) and not health[name].banned(now)
        }
        if not scores:
            if self._settings.when_exhausted == "Fail":
                raise self._exhausted(extractor, [*standings.values(), *health.values()], now)
            return None
        held = (await self._shelf.fields(f"job:{job}")).get("endpoint")
        if held in scores:
            return self._endpoints[held]
        drawn = draw(scores, self._rng)
        if not await self._shelf.swap(f"job:{job}", "endpoint", held, drawn, keep=KEEP_JOB):
            # Another worker chose for the same job in the same instant: both must go the same way.
            drawn = (await self._shelf.fields(f"job:{job}")).get("endpoint", drawn)
        return self._endpoints.get(drawn)

    async def has_other(self, tried: Collection[str]) -> bool:
        """Whether a job that tried these may go on: by another endpoint, or directly where the pool allows it."""
        return self._settings.when_exhausted == "Direct" or any(name not in tried for name in self._endpoints)

    async def report(self, endpoint: ProxyEndpoint, extractor: str, *, ok: bool, reason: str = "") -> None:
        """Tell how a job fared. ``ok`` False only for what the proxy may be to blame for."""
        after = await self._record(endpoint.name, extractor, ok=ok)
        if after.banned(self._clock()):
            log.warning(
                "proxy banned",
                extra={
                    "endpoint": endpoint.name,
                    "extractor": extractor,
                    "seconds": self._settings.ban_for,
                    "reason": reason,
                },
            )

    async def snapshot(self) -> list[EndpointStatus]:
        """How each endpoint stands, in the order of the pool."""
        now = self._clock()
        known = {EVERYONE, *await self._shelf.fields("extractors")}
        standings = {extractor: await self._standings(extractor) for extractor in sorted(known)}
        return [
            EndpointStatus(
                name=name,
                healthy=not standings[EVERYONE][name].banned(now),
                score=min(table[name].score for table in standings.values()),
                banned_for={
                    extractor: table[name].banned_until - now
                    for extractor, table in standings.items()
                    if table[name].banned(now)
                },
            )
            for name in self._endpoints
        ]

    async def check_forever(self) -> None:
        """Check every endpoint each interval until cancelled; of all workers one does so at a time."""
        if self._settings.health_url is None:
            await asyncio.Event().wait()
        while True:
            await self.check()
            await asyncio.sleep(self._settings.health_interval)

    async def check(self) -> bool:
        """One round of health checks. False when another worker has done this interval's."""
        interval = float(self._settings.health_interval)
        if not await self._shelf.swap("checker", "holder", None, self._id, keep=interval):
            return False
        await asyncio.gather(*(self._check(endpoint) for endpoint in self._endpoints.values()))
        return True

    async def _check(self, endpoint: ProxyEndpoint) -> None:
        wrong = await ailment(endpoint, self._settings.health_url or "")
        after = await self._record(endpoint.name, EVERYONE, ok=wrong is None)
        if wrong is not None:
            banned = after.banned(self._clock())
            log.warning(
                "proxy unhealthy", extra={"endpoint": endpoint.name, "reason": wrong, "banned": banned}
            )

    async def _standings(self, extractor: str) -> dict[str, Standing]:
        held = await self._shelf.fields(f"by:{extractor}")
        return {name: Standing.decode(held[name]) if name in held else Standing() for name in self._endpoints}

    async def _record(self, name: str, extractor: str, *, ok: bool) -> Standing:
        """Apply one result to the shared standing; once more when another worker's came in between."""
        if extractor != EVERYONE:
            await self._shelf.swap("extractors", extractor, None, "1", keep=KEEP_STANDING)
        while True:
            held = (await self._shelf.fields(f"by:{extractor}")).get(name)
            before = Standing() if held is None else Standing.decode(held)
            after = before.after(
                ok=ok,
                now=self._clock(),
                max_failures=self._settings.max_failures,
                ban_for=self._settings.ban_for,
            )
            keep = max(KEEP_STANDING, float(self._settings.ban_for))
            if await self._shelf.swap(f"by:{extractor}", name, held, after.encode(), keep=keep):
                return after

    def _exhausted(self, extractor: str, standings: Collection[Standing], now: float) -> Problem:
        ends = [standing.banned_until - now for standing in standings if standing.banned(now)]
        return Problem(
            Code.PROXY_FAILED,
            f"pool {self._settings.name}: each of its {len(self._endpoints)} proxies is banned for {extractor}, "
            "or was tried by this job",
            retry_after=max(1, int(min(ends))) if ends else None,
        )
