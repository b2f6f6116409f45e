"""Live figures of platforms: asked of their API through the API server, rounded, and taken at most every 30 seconds.

    GET /v1/status ──► Figures ──► statuses: workers, queue, hit rate; proxies; tallies of the extractor
                          └──────► pod-deletion-cost of workers: a busy pod is taken last

Between those, a platform of which some worker may soon be sent away is asked for the costs alone.

Nothing depends on an answer: a platform that does not give one keeps the figures it had, and is asked again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from reelplane_operator.cluster.client import Cluster
from reelplane_operator.cluster.errors import ClusterError
from reelplane_operator.cluster.resources import PODS
from reelplane_operator.reconcile.extractor import Tally
from reelplane_operator.reconcile.keys import Key

log = logging.getLogger(__name__)

INTERVAL = 30.0
"""Seconds between two takings of one platform's figures."""
_MARKING = 10.0
"""Seconds between two markings of workers while there are several and one is busy. Scaling down waits for longer
than that (``ScalingRule.stabilisation``), so it finds costs from after the backlog fell."""
_AT_ONCE = 16
"""Platforms asked at the same time."""
_PATIENCE = 5.0
"""Seconds for an answer."""
COST = "controller.kubernetes.io/pod-deletion-cost"
"""A ReplicaSet that shrinks takes pods with the lowest cost first (Kubernetes 1.22)."""
_IDLE = "0"


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker as the platform reports it; ``pod`` is its name."""

    pod: str
    busy: int
    """Jobs that it runs."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What one platform answered, rounded so that noise writes no status."""

    queue: int = 0
    hit_rate: str | None = None
    proxies: str | None = None
    bans: int | None = None
    workers: tuple[Worker, ...] = ()
    tallies: tuple[Tally, ...] = ()


def read(answer: Mapping[str, Any]) -> Figures:
    """The answer of ``GET /v1/status``. What it does not say is left out."""
    proxies = answer.get("proxies")
    return Figures(
        queue=rounded(int((answer.get("queue") or {}).get("backlog", 0))),
        hit_rate=_share((answer.get("cache") or {}).get("hitRate")),
        proxies=f"{proxies['healthy']}/{proxies['total']}" if proxies else None,
        bans=int(proxies["bans"]) if proxies else None,
        workers=tuple(
            Worker(each["instance"], int(each["busy"]))
            for each in sorted(answer.get("workers") or (), key=lambda each: str(each["instance"]))
        ),
        tallies=tuple(
            Tally(each["version"] or "", each["site"], int(each["done"]), int(each["failed"]))
            for each in answer.get("extractors") or ()
        ),
    )


def rounded(count: int) -> int:
    """To two significant digits: 37 stays, 1,234 becomes 1,200."""
    scale: int = 10 ** max(0, len(str(abs(count))) - 2)
    return round(count / scale) * scale


def _share(rate: float | None) -> str | None:
    return None if rate is None else f"{100 * rate:.1f}%"


class Poller:
    """Asks every platform that is due, and tells ``changed`` whose figures are others than before."""

    def __init__(
        self,
        cluster: Cluster,
        platforms: Callable[[], Iterable[Key]],
        changed: Callable[[Key], None],
        jitter: Callable[[], float],
    ) -> None:
        """``platforms``: those whose API has a pod that can answer."""
        self._cluster = cluster
        self._platforms = platforms
        self._changed = changed
        self._jitter = jitter
        self._figures: dict[Key, Figures] = {}
        self._due: dict[Key, float] = {}
        self._taken: dict[Key, float] = {}
        self._costs: dict[Key, dict[str, str]] = {}

    def of(self, platform: Key) -> Figures | None:
        """The figures of a platform, if it ever answered."""
        return self._figures.get(platform)

    async def run(self) -> None:
        """Ask, for ever. Each platform has a beat of its own, so that the questions are spread over the interval."""
        limit = asyncio.Semaphore(_AT_ONCE)
        loop = asyncio.get_running_loop()
        while True:
            present = set(self._platforms())
            for gone in set(self._due) - present:
                self._figures.pop(gone, None)
                self._costs.pop(gone, None)
                self._taken.pop(gone, None)
                del self._due[gone]
            for new in present - set(self._due):
                self._due[new] = loop.time() + self._jitter() * INTERVAL
            due = [key for key in present if self._due[key] <= loop.time()]
            await asyncio.gather(*(self._ask(key, limit) for key in due))
            for key in due:
                costs = self._costs.get(key, {})
                contended = len(costs) > 1 and any(cost != _IDLE for cost in costs.values())
                beat = _MARKING if contended else INTERVAL
                self._due[key] = max(self._due[key] + beat, loop.time())
            await asyncio.sleep(1.0)

    async def _ask(self, key: Key, limit: asyncio.Semaphore) -> None:
        async with limit:
            try:
                service = f"{key.name}-api"
                answer = await self._cluster.service_json(
                    key.namespace, service, "http", "/v1/status", _PATIENCE
                )
                figures = read(answer)
                self._take(key, figures)
                await self._mark(key, figures.workers)
            except ClusterError as error:
                log.info("no figures of %s: %s", key, error)
            except (KeyError, TypeError, ValueError) as error:
                log.warning("the figures of %s cannot be read: %r", key, error)

    def _take(self, key: Key, figures: Figures) -> None:
        now = asyncio.get_running_loop().time()
        # Half a beat early is in time: the questions come at the beat, their answers some moments after it.
        if key in self._taken and now - self._taken[key] < INTERVAL - _MARKING / 2:
            return
        self._taken[key] = now
        before, self._figures[key] = self._figures.get(key), figures
        if figures != before:
            self._changed(key)

    async def _mark(self, platform: Key, workers: Iterable[Worker]) -> None:
        """Give each worker's pod its jobs as its cost of deletion. Written only where it changes."""
        before, after = self._costs.get(platform, {}), {}
        for worker in workers:
            cost = before.get(worker.pod)
            if cost is None:
                # What an earlier leader wrote is still there.
                pod = await self._cluster.get(PODS, platform.namespace, worker.pod)
                if pod is None:
                    continue
                cost = (pod["metadata"].get("annotations") or {}).get(COST, _IDLE)
            wanted = str(worker.busy)
            if cost != wanted:
                patch = {"metadata": {"annotations": {COST: wanted}}}
                await self._cluster.merge_patch(PODS, platform.namespace, worker.pod, patch)
            after[worker.pod] = wanted
        self._costs[platform] = after
