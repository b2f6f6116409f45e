"""The platform in one small object, for the page, the supervisor and the autoscaler: made once a second at most."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from reelplane_workloads.api.tally import FOLLOWERS, HITS, MISSES
from reelplane_workloads.cache import Cache
from reelplane_workloads.core import metrics
from reelplane_workloads.core.errors import Problem
from reelplane_workloads.store.model import Backlog, WorkerRow
from reelplane_workloads.store.repository import Repository

KEEP = 1.0
"""Seconds one reading serves everybody who asks."""

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
        try:
            counters: dict[str, int] | None = await self._cache.counters()
        except Problem:
            counters = None
        return summary(self._platform, backlog, workers, counters)


def summary(
    platform: str, backlog: Backlog, workers: list[WorkerRow], counters: dict[str, int] | None
) -> dict[str, Any]:
    """The answer of GET /v1/status. ``counters``: None when they cannot be read."""
    return {
        "platform": platform,
        "queue": {"waiting": backlog.waiting, "running": backlog.running, "delayed": backlog.delayed},
        "workers": [
            {
                "id": worker.id,
                "class": worker.worker_class,
                "busy": worker.busy,
                "capacity": worker.capacity,
                "draining": worker.draining,
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
