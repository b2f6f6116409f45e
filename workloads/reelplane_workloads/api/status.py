"""The platform in one small object, for the page, the supervisor, the operator and the autoscaler.

It is made once a second at most, whoever asks; what covers the last hour is read anew every ten.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any

from reelplane_workloads.api.tally import FOLLOWERS, HITS, MISSES
from reelplane_workloads.cache import Cache
from reelplane_workloads.core import metrics
from reelplane_workloads.core.errors import Problem
from reelplane_workloads.core.instances import instance_of
from reelplane_workloads.store.model import Backlog, ExtractorCount, WorkerRow
from reelplane_workloads.store.repository import Repository

KEEP = 1.0
"""Seconds one reading serves everybody who asks."""

KEEP_EXTRACTORS = 10.0
"""The same for how extractions went in the last hour, which is read from a row per worker and stretch."""

SILENT = 15.0
"""Seconds without a heartbeat after which a worker is no longer shown: its lease has run out."""


class Status:
    def __init__(
        self, platform: str, repository: Repository, cache: Cache, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._platform = platform
        self._repository = repository
        self._cache = cache
        self._clock = clock
        self._reading: dict[str, Any] = {}
        self._until = 0.0
        self._extractors: list[ExtractorCount] = []
        self._extractors_until = 0.0
        self._lock = asyncio.Lock()

    async def current(self) -> dict[str, Any]:
        """Raises Problem(UNAVAILABLE) when the database is away; without Valkey the cache's part is null."""
        async with self._lock:
            if self._clock() >= self._until:
                self._reading = await self._read()
                self._until = self._clock() + KEEP
            return self._reading

    async def _read(self) -> dict[str, Any]:
        backlog = await self._repository.backlog()
        for state, value in (
            ("waiting", backlog.waiting),
            ("running", backlog.running),
            ("delayed", backlog.delayed),
        ):
            metrics.QUEUE_JOBS.labels(state).set(value)
        workers = await self._repository.workers()
        if self._clock() >= self._extractors_until:
            self._extractors = await self._repository.extractors()
            self._extractors_until = self._clock() + KEEP_EXTRACTORS
        counters: dict[str, int] | None = None
        proxies: dict[str, int] | None = None
        with contextlib.suppress(Problem):
            counters = await self._cache.counters()
            proxies = await self._cache.proxies()
        return summary(
            self._platform, backlog, workers, counters, extractors=self._extractors, proxies=proxies
        )


def summary(
    platform: str,
    backlog: Backlog,
    workers: list[WorkerRow],
    counters: dict[str, int] | None,
    *,
    extractors: list[ExtractorCount],
    proxies: dict[str, int] | None,
) -> dict[str, Any]:
    """The answer of GET /v1/status. ``counters`` and ``proxies``: None when they cannot be read."""
    return {
        "platform": platform,
        "queue": {
            "waiting": backlog.waiting,
            "running": backlog.running,
            "delayed": backlog.delayed,
            "backlog": backlog.demand,
        },
        "workers": [
            {
                "id": worker.id,
                "instance": instance_of(worker.id),
                "class": worker.worker_class,
                "busy": worker.busy,
                "capacity": worker.capacity,
                "draining": worker.draining,
                "extractor": worker.extractor,
            }
            for worker in workers
            if worker.seen_ago < SILENT
        ],
        "cache": None if counters is None else _cache(counters),
        "downloads": None
        if counters is None
        else {
            "done": counters.get("downloads_done", 0),
            "failed": counters.get("downloads_failed", 0),
            "extractions": counters.get("extractions", 0),
        },
        "proxies": proxies,
        "extractors": [
            {"version": one.version, "site": one.site, "done": one.done, "failed": one.failed}
            for one in extractors
        ],
    }


def _cache(counters: dict[str, int]) -> dict[str, Any]:
    hits = {layer: counters.get(name, 0) for layer, name in HITS.items()}
    followers, misses = counters.get(FOLLOWERS, 0), counters.get(MISSES, 0)
    free = sum(hits.values()) + followers
    total = free + misses
    return {
        "hits": hits,
        "followers": followers,
        "misses": misses,
        "hitRate": round(free / total, 4) if total else None,
    }
