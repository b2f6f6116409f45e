"""Composition of the worker process, and its life from start to drained.

Start: answer probes, wait for the stores, open the egress guard and the extraction runner, then take flights. SIGTERM
or SIGINT drains: no new flights, running ones get ``drain_timeout`` seconds to finish, the rest are handed back to the
queue (their partial files stay and are resumed). A second signal hands back at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import resource
import secrets
import signal
import socket
import time
from collections.abc import Callable, Coroutine
from typing import Any

import uvloop

from reelplane_crds.runtime import RuntimeDocument, WorkerSettings
from reelplane_workloads.cache import Cache
from reelplane_workloads.core.errors import Problem
from reelplane_workloads.core.instances import fresh_id
from reelplane_workloads.core.leaving import leave_soon, leaving_when
from reelplane_workloads.core.probes import ProbeServer
from reelplane_workloads.core.startup import Startup, StoppedError
from reelplane_workloads.download.runner import Runner
from reelplane_workloads.download.version import extractor_version
from reelplane_workloads.egress.guard import Guard
from reelplane_workloads.egress.proxies import ProxyPool
from reelplane_workloads.queue import Consumer, Dispatcher
from reelplane_workloads.storage.objects import Objects, open_objects
from reelplane_workloads.storage.signing import UrlSigner
from reelplane_workloads.store.database import Database
from reelplane_workloads.store.repository import Repository
from reelplane_workloads.worker.flights import FlightHandler
from reelplane_workloads.worker.tally import ExtractorTally
from reelplane_workloads.worker.upkeep import Upkeep

log = logging.getLogger("reelplane.worker")

ACKNOWLEDGE = 3.0
"""Seconds a stopping worker waits for the queue to take its acknowledgements."""


RunnerFactory = Callable[[RuntimeDocument, Guard], Runner]
"""What runs extractions. The benchmark of the queue's own cost passes one that extracts nothing."""


def run(
    document: RuntimeDocument,
    instance: str,
    listener: socket.socket,
    *,
    runner_factory: RunnerFactory = Runner,
) -> int:
    """Run the worker until it is told to stop. Returns 0 when drained, 2 for a document without a worker."""
    # Each connection through the guard has two ends, and shells hand out a soft limit of 1024.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return uvloop.run(_main(document, instance, listener, runner_factory))


async def _main(
    document: RuntimeDocument, instance: str, listener: socket.socket, runner_factory: RunnerFactory
) -> int:
    settings = document.worker
    if settings is None:
        log.error("the runtime document has no worker part")
        return 2
    worker_id = fresh_id(instance, os.getpid(), secrets.token_hex(3))
    stopping, hurry = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, lambda: hurry.set() if stopping.is_set() else stopping.set())
    startup = Startup(log, stopping)
    worker: Worker | None = None

    async def readiness() -> str | None:
        return await (startup.readiness() if worker is None else worker.readiness())

    probes = ProbeServer(readiness, listener)
    serving = asyncio.create_task(probes.run_until_stopped())
    try:
        async with contextlib.AsyncExitStack() as stack:
            async with leaving_when(stopping):
                worker = await Worker.open(
                    stack,
                    document=document,
                    settings=settings,
                    worker_id=worker_id,
                    runner_factory=runner_factory,
                    startup=startup,
                )
            if stopping.is_set():
                raise StoppedError
            log.info("worker ready", extra={"worker": worker_id, "concurrency": settings.concurrency})
            await worker.run_until(stopping, hurry)
            leave_soon()
    except StoppedError:
        log.info("stopped before it began", extra={"worker": worker_id})
    finally:
        probes.leave()
        await serving
    return 0


class Worker:
    """A worker's parts and the order in which they stop."""

    def __init__(
        self,
        *,
        settings: WorkerSettings,
        worker_id: str,
        repository: Repository,
        dispatcher: Dispatcher,
        objects: Objects,
        consumer: Consumer,
        handler: FlightHandler,
        upkeep: Upkeep,
    ) -> None:
        self._settings = settings
        self._id = worker_id
        self._repository = repository
        self._dispatcher = dispatcher
        self._objects = objects
        self._consumer = consumer
        self._handler = handler
        self._upkeep = upkeep
        self._draining = False

    @classmethod
    async def open(
        cls,
        stack: contextlib.AsyncExitStack,
        *,
        document: RuntimeDocument,
        settings: WorkerSettings,
        worker_id: str,
        runner_factory: RunnerFactory,
        startup: Startup,
    ) -> Worker:
        """Open all stores and start the guard; ``stack`` closes them in reverse order.

        Waits for database and objects: a flight that was taken before its result can be kept would fail for it. The
        queue and the cache come up by themselves. Raises StoppedError when told to stop meanwhile, ValueError for a
        document without an extractor, OSError for a password file that is not there, Problem(INTERNAL) for a database
        of a newer release.
        """
        extractor = document.extractor
        if extractor is None:
            raise ValueError("the runtime document has no extractor part")
        database = await startup.wait_for(
            "the database", lambda: asyncio.to_thread(Database.open, document.stores.database)
        )
        stack.push_async_callback(database.close)
        repository = Repository(
            database,
            document.retention,
            max_attempts=settings.max_attempts,
            backoff=settings.backoff,
            lease=settings.lease,
        )
        cache = Cache(document.stores.cache, document.platform)
        await cache.open()
        stack.push_async_callback(cache.close)
        dispatcher = Dispatcher(document.stores.queue, document.platform)
        await dispatcher.open()
        stack.push_async_callback(dispatcher.close)
        objects = await startup.wait_for("the object store", lambda: _reachable(document))
        stack.push_async_callback(objects.close)
        pool = None
        if document.egress.proxies is not None:
            pool = ProxyPool(document.egress.proxies, cache.client, document.platform)
        guard = Guard(document.egress)
        await guard.start(settings.socket_dir / f"guard-{os.getpid()}.sock")
        stack.push_async_callback(guard.close)
        runner = await stack.enter_async_context(runner_factory(document, guard))
        folder, named = extractor.path, extractor.version
        tally = ExtractorTally(worker_id, named or extractor_version(folder), time.monotonic)
        handler = FlightHandler(
            document=document,
            worker_id=worker_id,
            repository=repository,
            cache=cache,
            dispatcher=dispatcher,
            objects=objects,
            runner=runner,
            proxies=pool,
            tally=tally,
        )
        consumer = Consumer(
            document.stores.queue, document.platform, handler.handle, concurrency=settings.concurrency
        )
        upkeep = Upkeep(
            settings=settings,
            worker_id=worker_id,
            repository=repository,
            cache=cache,
            dispatcher=dispatcher,
            objects=objects,
            handler=handler,
            proxies=pool,
            tally=tally,
            extractor=lambda: named or extractor_version(folder),
        )
        return cls(
            settings=settings,
            worker_id=worker_id,
            repository=repository,
            dispatcher=dispatcher,
            objects=objects,
            consumer=consumer,
            handler=handler,
            upkeep=upkeep,
        )

    async def readiness(self) -> str | None:
        """None when flights are being taken, else why not."""
        if self._draining:
            return "draining"
        try:
            await self._dispatcher.ping()
            await self._repository.ping()
            await self._objects.ping()
        except Problem as problem:
            return problem.detail
        return None

    async def run_until(self, stopping: asyncio.Event, hurry: asyncio.Event) -> None:
        """Take and run flights until ``stopping``, then drain, at once when ``hurry`` is set."""
        async with asyncio.TaskGroup() as group:
            upkeep = group.create_task(self._upkeep.run())
            consuming = group.create_task(self._consumer.run())
            await stopping.wait()
            log.info("draining", extra={"worker": self._id, "running": self._handler.busy})
            self._draining = True
            self._upkeep.drain()
            await self._consumer.stop()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._settings.drain_timeout):
                    await _first_of(self._handler.idle(), hurry.wait())
            await self._handler.hand_back_all()
            upkeep.cancel()
            # What was handled is acknowledged first: otherwise it is delivered once more, to no effect.
            await asyncio.wait([consuming], timeout=ACKNOWLEDGE)
            consuming.cancel()
        try:
            await self._upkeep.leave()
        except Problem as problem:
            log.warning("not deregistered; the lease will tell: %s", problem, extra={"worker": self._id})
        log.info("drained", extra={"worker": self._id})


async def _reachable(document: RuntimeDocument) -> Objects:
    # Workers publish and never sign: the platform's key is not theirs to know.
    objects = open_objects(document.stores.objects, UrlSigner(bytes(32)))
    try:
        await objects.ping()
    except BaseException:
        await objects.close()
        raise
    return objects


async def _first_of(*waits: Coroutine[Any, Any, object]) -> None:
    tasks = [asyncio.create_task(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
