"""Both ends of the queue: ``Dispatcher`` puts flights in, ``Consumer`` takes them out and runs their handler.

    dispatch ──► stream ──► streaQ worker (reads as many as it has free slots) ──► flight(id) ──waits──► handler(id)
                               │ the connection breaks, the server hangs or was wiped                       │
                               └──► it ends; a new one starts, with back-off                                └─ goes on

A handler is a task of ours that streaQ's task only waits for, so a lost connection does not cancel a download. The
message of a running flight that is delivered again, here, waits for the same handler; elsewhere, the database tells
that worker that the flight is taken. streaQ keeps a message alive while it is waited for.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, TypeVar

from coredis.exceptions import RedisError, ResponseError
from streaq import StreaqRetry, Worker

from reelplane_crds.runtime import ServerRef
from reelplane_workloads.cache.address import Address
from reelplane_workloads.cache.wire import FIRST_DELAY, LAST_DELAY, OP_TIMEOUT, unavailable
from reelplane_workloads.queue.engine import TASK, Engine, innermost, library, settings, task_id
from reelplane_workloads.store.model import Flight

log = logging.getLogger(__name__)

T = TypeVar("T")


class Dispatcher:
    """One per process. Every call may raise ``Problem(UNAVAILABLE, retry_after=2)``, within 2 s.

    What could not be dispatched is not lost: it is queued in the database, and the sweeper dispatches it. streaQ's
    client lives in a task of its own, as its task groups demand, and calls borrow it.
    """

    def __init__(self, ref: ServerRef, platform: str, *, now: Callable[[], float] = time.time) -> None:
        """``now`` gives seconds since the epoch; it only decides how long a flight that is due later is held back."""
        self._address = Address.of(ref)
        self._platform = platform
        self._now = now
        self._worker: Worker[None] | None = None
        self._attempt: asyncio.Future[None] | None = None
        self._why = "not connected"
        self._task: asyncio.Task[None] | None = None
        self._batch: list[Flight] | None = None
        self._sent: asyncio.Task[None]
        self._sending = asyncio.Lock()

    async def open(self) -> None:
        """Start connecting and wait for the first attempt. Does not raise when Valkey is away."""
        self._task = asyncio.create_task(self._stay_open(), name="queue-dispatcher")
        await asyncio.sleep(0)
        if self._attempt is not None:
            await asyncio.shield(self._attempt)

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def dispatch(self, flights: Sequence[Flight]) -> None:
        """Put flights in. Idempotent: an attempt that waits or runs already is not put in twice.

        One with ``not_before`` in the future is held back until then. What is dispatched while a pipeline is under
        way goes together in the next one.
        """
        if not flights:
            return
        if self._batch is None:
            batch: list[Flight] = []
            self._batch = batch
            self._sent = asyncio.create_task(self._send(batch))
        self._batch.extend(flights)
        await asyncio.shield(self._sent)

    async def ping(self) -> None:
        """Return when Valkey answers."""
        await self._borrow(lambda worker: worker.redis.ping())

    async def depth(self) -> int:
        """Flights in the queue that are due: waiting and running."""
        return await self._borrow(lambda worker: worker.queue_size(include_scheduled=False))

    async def _send(self, batch: list[Flight]) -> None:
        try:
            async with asyncio.timeout(OP_TIMEOUT), self._sending:
                self._batch = None
                now = self._now()
                await self._borrow(
                    lambda worker: worker.enqueue_many([_task(worker, one, now) for one in batch])
                )
        except TimeoutError as error:
            raise unavailable(self._address, "no answer in time") from error
        finally:
            if self._batch is batch:
                self._batch = None

    async def _borrow(self, call: Callable[[Worker[None]], Awaitable[T]]) -> T:
        try:
            async with asyncio.timeout(OP_TIMEOUT):
                worker = await self._opened()
                try:
                    return await call(worker)
                except ResponseError as error:
                    if "unction not found" not in str(error):
                        raise
                    await worker.redis.function_load(library(), replace=True)
                    return await call(worker)
        except (RedisError, TimeoutError, OSError) as error:
            raise unavailable(self._address, str(error) or "no answer in time") from error

    async def _opened(self) -> Worker[None]:
        if self._worker is None and self._attempt is not None:
            await asyncio.shield(self._attempt)
        if self._worker is None:
            raise unavailable(self._address, self._why)
        return self._worker

    async def _stay_open(self) -> None:
        delay = FIRST_DELAY
        while True:
            attempt = self._attempt = asyncio.get_running_loop().create_future()
            worker: Worker[None] = Worker(
                **settings(self._address, self._platform, stream_timeout=OP_TIMEOUT)
            )
            try:
                async with worker:
                    self._worker, self._attempt = worker, None
                    attempt.set_result(None)
                    await asyncio.Event().wait()  # until closed: from here on coredis reconnects by itself
            except Exception as error:  # an ExceptionGroup of whatever the client's tasks met
                self._why = innermost(error)
            finally:
                self._worker = self._attempt = None
                if not attempt.done():
                    attempt.set_result(None)
            await asyncio.sleep(delay)
            delay = min(delay * 2, LAST_DELAY)


class Consumer:
    """Calls ``handler(flight_id)`` for what is dispatched, at most ``concurrency`` at once.

    The handler must be idempotent: a flight may be delivered more than once, also when it is finished or runs
    elsewhere. What it raises is logged; the database decides whether the flight is tried again.
    """

    def __init__(
        self, ref: ServerRef, platform: str, handler: Callable[[str], Awaitable[None]], concurrency: int
    ) -> None:
        self._address = Address.of(ref)
        self._platform = platform
        self._handler = handler
        self._concurrency = concurrency
        self._id = uuid.uuid4().hex
        self._stopping = asyncio.Event()
        # A restarted engine counts its slots anew while handlers of the one before still run.
        self._slots = asyncio.Semaphore(concurrency)
        self._running: dict[str, asyncio.Task[bool]] = {}
        self._away = False
        self._delay = FIRST_DELAY

    @property
    def running(self) -> int:
        """Flights whose handlers run, or wait here for a slot."""
        return len(self._running)

    async def stop(self) -> None:
        """Take no new flights. Running handlers go on; ``run`` returns when they have returned."""
        self._stopping.set()

    async def run(self) -> None:
        """Consume until ``stop``, through outages and wiped data. When cancelled, cancels the handlers."""
        try:
            while not self._stopping.is_set():
                try:
                    await self._run_engine()
                except Exception as error:  # an ExceptionGroup of whatever its loops met
                    if not self._away:
                        log.warning("the queue is away, running flights go on: %s", innermost(error))
                    self._away = True
                    await asyncio.sleep(self._delay)
                    self._delay = min(self._delay * 2, LAST_DELAY)
            await asyncio.gather(*self._running.values())
        finally:
            tasks = list(self._running.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _run_engine(self) -> None:
        engine = Engine(
            self._stopping,
            **settings(self._address, self._platform, stream_timeout=None),
            concurrency=self._concurrency,
            id=self._id,
        )
        engine.lifespan = self._lifespan(engine)

        async def flight(flight_id: str) -> None:
            task = self._running.get(flight_id) or self._begin(flight_id)
            waited: list[asyncio.Future[Any]] = [task, engine.down]
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if not task.done() or task.cancelled() or not task.result():
                raise StreaqRetry(delay=0)

        engine.task(name=TASK, silent=True, max_tries=None, ttl=0)(flight)
        loops = asyncio.create_task(engine.run_async(), name="queue-consumer")
        try:
            await asyncio.shield(loops)
        except asyncio.CancelledError:
            engine.give_up()
            loops.cancel()
            await asyncio.gather(loops, return_exceptions=True)
            raise

    def _begin(self, flight_id: str) -> asyncio.Task[bool]:
        task = asyncio.create_task(self._handle(flight_id), name=f"flight-{flight_id}")
        self._running[flight_id] = task
        task.add_done_callback(lambda _: self._running.pop(flight_id, None))
        return task

    async def _handle(self, flight_id: str) -> bool:
        """Whether the handler was called: not when ``stop`` came while the flight waited for a slot."""
        async with self._slots:
            if self._stopping.is_set():
                return False
            try:
                await self._handler(flight_id)
            except Exception:
                log.exception("the handler of flight %s failed", flight_id)
            return True

    @asynccontextmanager
    async def _lifespan(self, engine: Engine) -> AsyncIterator[None]:
        """Before and after the engine's loops, what was delivered and not begun is given back at once."""
        await engine.give_back()
        if self._away:
            log.info("the queue is back")
        self._away, self._delay = False, FIRST_DELAY
        yield
        await engine.give_back()


def _task(worker: Worker[None], flight: Flight, now: float) -> Any:
    task = worker.enqueue_unsafe(TASK, flight.id)
    task.id = task_id(flight.id, flight.attempt)
    wait = flight.not_before - now
    return task.start(
        priority=flight.priority.name.lower(), delay=timedelta(seconds=wait) if wait > 0 else None
    )
