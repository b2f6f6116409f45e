"""The operator as a whole: what observes, what decides and what writes, put together and kept running.

    start: watch (Kopf, informers) ──► world complete ──► ready ──► the lease is ours ──► the queue runs
    stop:  runs finish ──► the lease is given back ──► watches end

A standby watches like the leader and writes nothing, so that it can take over at once. Whoever loses the lease, or
cannot watch any more, ends with an error: being started again is safer than going on from a doubtful state.
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets as entropy
import time
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

from reelplane_crds.kinds import API_VERSION
from reelplane_operator import handlers, metrics
from reelplane_operator.cluster import access
from reelplane_operator.cluster.access import Access
from reelplane_operator.cluster.client import Cluster
from reelplane_operator.cluster.errors import ClusterError
from reelplane_operator.cluster.kubeconfigs import RemoteClusters
from reelplane_operator.cluster.lease import Elector
from reelplane_operator.cluster.recorder import Recorder
from reelplane_operator.config import LEASE, Config
from reelplane_operator.health import HealthServer
from reelplane_operator.logs import about
from reelplane_operator.reconcile import times
from reelplane_operator.reconcile.apply import Applier
from reelplane_operator.reconcile.census import Census
from reelplane_operator.reconcile.desired import Surroundings
from reelplane_operator.reconcile.desk import Desk
from reelplane_operator.reconcile.figures import Poller
from reelplane_operator.reconcile.keys import PIPELINE, PLATFORM, POOL, ChildId, Key
from reelplane_operator.reconcile.loop import Loop, Reconciler, Retry
from reelplane_operator.reconcile.observe import Observation
from reelplane_operator.reconcile.observed import Declared
from reelplane_operator.reconcile.planner import Planner
from reelplane_operator.reconcile.pools import PoolReconciler
from reelplane_operator.reconcile.secrets import Secrets
from reelplane_operator.reconcile.workqueue import State, WorkQueue
from reelplane_operator.reconcile.world import World
from reelplane_operator.regions.loop import KIND as REGION
from reelplane_operator.regions.loop import RegionReconciler
from reelplane_operator.regions.records import Records

log = logging.getLogger(__name__)

_DRAIN = 20.0
"""Seconds for reconciles that run when the operator is told to stop; the pod is given 30."""
_REGIONS = 8
"""Regions reconciled at the same time."""
_LOOK_AGAIN = 10.0
"""Seconds until the records of regions are tried again."""
_STALE = 120.0
"""Seconds without a working watch after which a restart is worth a try."""
_STUCK = 300.0
"""Seconds for one reconcile, after which it counts as stuck: no request of it may take longer than 30."""


class LeaseLost(Exception):
    """Another replica leads, or may: this one must not write any more."""


class Operator:
    """One replica, on a cluster that is closed by whoever opened it."""

    def __init__(
        self,
        config: Config,
        cluster: Cluster,
        *,
        jitter: Callable[[], float] = random.random,
        now: Callable[[], float] = time.time,
        random_hex: Callable[[int], str] = entropy.token_hex,
    ) -> None:
        """``now``: seconds since 1970."""
        self.config = config
        self.cluster = cluster
        self.world = World()
        self.leading = False
        self.recorder = Recorder(cluster, config.identity)
        secrets = Secrets(cluster)
        planner = Planner(self.world, secrets, Surroundings(config.images))
        self.figures = Poller(cluster, self._answering, self._new_figures, jitter)
        desk = Desk(
            cluster=cluster,
            world=self.world,
            planner=planner,
            applier=Applier(cluster, self.world, random_hex),
            figures=self.figures.of,
            enqueue=self._add,
            tell=self._tell,
            now=now,
        )
        ours = Reconciler(desk)
        loop = Loop({PLATFORM: ours, PIPELINE: ours, POOL: PoolReconciler(desk)})
        self.remotes = RemoteClusters(metrics.seen)
        records = Records(cluster, config.operator_namespace)
        self._regions = RegionReconciler(
            cluster, self.remotes, records, self.recorder, lambda: times.text(now())
        )
        self.queue: WorkQueue[Key] = WorkQueue(
            loop, concurrency=config.concurrency, jitter=jitter, observe=self._observe
        )
        # A region that does not answer must not keep what is here waiting.
        self.region_queue: WorkQueue[Key] = WorkQueue(
            Loop({REGION: self._regions}), concurrency=_REGIONS, jitter=jitter, observe=self._observe
        )
        self.observation = Observation(
            cluster,
            self.world,
            planner,
            secrets,
            self._enqueue,
            namespaces=config.namespaces,
            resync=config.resync,
            jitter=jitter,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop`` is set. Raises LeaseLost, or what keeps it from watching."""
        loop = asyncio.get_running_loop()
        hear = handlers.hearing(self.world, self._enqueue)

        def pass_on(kind: str | None, obj: dict[str, Any]) -> None:
            loop.call_soon_threadsafe(hear, kind, obj)

        registry = handlers.registry(pass_on, self._access)
        background = {
            asyncio.create_task(handlers.Watcher(registry, self.config.namespaces).run(), name="kopf"),
            asyncio.create_task(self.observation.run(), name="observation"),
        }
        async with AsyncExitStack() as exits:
            exits.push_async_callback(self.remotes.close)
            exits.push_async_callback(self.recorder.close)
            exits.push_async_callback(_end, background)
            if self.config.http_port is not None:
                census = Census(self.world)
                metrics.REGISTRY.register(census)
                exits.callback(metrics.REGISTRY.unregister, census)
                await exits.enter_async_context(self._health(self.config.http_port))
            if await _until(self.observation.complete.wait(), stop, background):
                log.info("the world is complete: %d objects of ours", len(self.world.keys()))
                self._enqueue(sorted(self.world.keys(), key=self._with_its_platform))
                await self._lead(stop, background)

    async def _lead(self, stop: asyncio.Event, background: set[asyncio.Task[Any]]) -> None:
        async with AsyncExitStack() as exits:
            lost = asyncio.Event()
            if self.config.leader_elect:
                elector = Elector(self.cluster, self.config.operator_namespace, LEASE, self.config.identity)
                lost = elector.lost
                exits.push_async_callback(elector.release)
                if not await _until(elector.acquire(), stop, background):
                    return
            self._set_leading(True)
            self.queue.start()
            self.region_queue.start()
            working = {
                asyncio.create_task(self.figures.run(), name="figures"),
                asyncio.create_task(self._find_left_over(), name="regions left over"),
            }
            exits.push_async_callback(_end, working)
            exits.push_async_callback(self._drain, lost)
            if await _until(lost.wait(), stop, background | working):
                raise LeaseLost(f"{self.config.identity} no longer holds the lease")

    async def _drain(self, lost: asyncio.Event) -> None:
        self._set_leading(False)
        queues = (self.queue, self.region_queue)
        if not lost.is_set():
            try:
                async with asyncio.timeout(_DRAIN):
                    await asyncio.gather(*(each.drain() for each in queues))
                return
            except TimeoutError:
                log.warning(
                    "reconciles still ran after %g s and were cut off; the next leader goes on", _DRAIN
                )
        # Another replica may write by now.
        await asyncio.gather(*(each.abort() for each in queues))

    async def _find_left_over(self) -> None:
        """Regions that were deleted while nobody looked: only the records know of them."""
        while True:
            try:
                self._enqueue(await self._regions.left_over())
                break
            except ClusterError as error:
                log.warning("the records of regions cannot be read: %s", error)
                await asyncio.sleep(_LOOK_AGAIN)
        await asyncio.Event().wait()

    def _set_leading(self, leading: bool) -> None:
        self.leading = leading
        metrics.LEADER.set(int(leading))

    def _health(self, port: int) -> HealthServer:
        for kind in (PLATFORM, PIPELINE, POOL, REGION):
            for state in ("waiting", "running", "delayed"):
                gauge = metrics.QUEUE_KEYS.labels(kind, state)
                gauge.set_function(partial(self._count, kind, state))
        return HealthServer(
            metrics.REGISTRY,
            live={"watches": self._watches, "queue": self._runs},
            ready={"world": self._completeness},
            port=port,
        )

    def _count(self, kind: str, state: State) -> int:
        queues = (self.queue, self.region_queue)
        return sum(key.kind == kind for each in queues for key in each.keys()[state])

    def _watches(self) -> str | None:
        silent = self.observation.failing_for()
        return f"the API server could not be watched for {silent:.0f} s" if silent > _STALE else None

    def _runs(self) -> str | None:
        longest = max(self.queue.longest_run(), self.region_queue.longest_run())
        return f"a reconcile has been running for {longest:.0f} s" if longest > _STUCK else None

    def _completeness(self) -> str | None:
        return None if self.observation.complete.is_set() else "not everything was listed yet"

    async def _access(self) -> Access:
        if self.config.kubeconfig is not None:
            return await access.from_file(self.config.kubeconfig)
        return await access.from_surroundings()

    def _with_its_platform(self, key: Key) -> tuple[str, str]:
        """Neighbours in the queue are planned once."""
        declared = self.world.declared(key)
        return key.namespace, (declared.platform if declared else None) or key.name

    def _add(self, key: Key, after: float = 0.0) -> None:
        (self.region_queue if key.kind == REGION else self.queue).add(key, after)

    def _enqueue(self, keys: Iterable[Key], after: float = 0.0) -> None:
        for key in keys:
            self._add(key, after)

    def _answering(self) -> list[Key]:
        """Platforms whose API has a pod that can be asked."""
        return [key for key in self.world.keys(PLATFORM) if self._has_api(key)]

    def _has_api(self, platform: Key) -> bool:
        state = self.world.children(platform).get(ChildId("apps/v1", "Deployment", f"{platform.name}-api"))
        return state is not None and state.rollout is not None and state.rollout.available > 0

    def _new_figures(self, platform: Key) -> None:
        keys = self.world.affected_by(platform)
        pools = [pool for key in keys for pool in self.world.affected_by(key)]
        self._enqueue({*keys, *pools})

    def _observe(self, key: Key, seconds: float, error: BaseException | None) -> None:
        metrics.RECONCILE_DURATION.labels(key.kind).observe(seconds)
        if error is None:
            return
        metrics.RECONCILE_ERRORS.labels(key.kind, type(error).__name__).inc()
        with about(*key):
            if isinstance(error, Retry | ClusterError):
                log.warning("will be tried again: %s", error)
            else:
                log.error("could not be reconciled", exc_info=error)

    def _tell(
        self, owner: Declared, reason: str, note: str, *, action: str = "Reconcile", warning: bool = False
    ) -> None:
        regarding = {
            "apiVersion": API_VERSION,
            "kind": owner.key.kind,
            "metadata": {"name": owner.key.name, "namespace": owner.key.namespace, "uid": owner.uid},
        }
        self.recorder.event(
            regarding, reason=reason, note=note, action=action, type="Warning" if warning else "Normal"
        )


async def _until(waited: Any, stop: asyncio.Event, background: set[asyncio.Task[Any]]) -> bool:
    """Wait for ``waited``; False when ``stop`` came first. Raises what ended a task of the background."""
    wanted, stopping = asyncio.ensure_future(waited), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({wanted, stopping, *background}, return_when=asyncio.FIRST_COMPLETED)
        for task in background:
            if task.done():
                task.result()
        if wanted.done():
            wanted.result()
        return wanted.done() and not stopping.done()
    finally:
        await _end({wanted, stopping})


async def _end(tasks: set[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
