"""One process's way to the database: group commit for what writes, a few threads for what reads.

Coroutines hand operations to writer threads and wait. A writer takes everything that has gathered while the
last commit was on its way to the disk, runs it in one transaction, commits once, and answers all: under load
one fsync serves hundreds of requests, when idle an operation waits for nobody. Equal operations of a batch
can be merged into a few set-wise statements (``write_merged``), which is what lets a viral URL's followers
cost microseconds each.

    write(fn) ──► pending ──► writer thread: BEGIN, run all, COMMIT ──► futures resolve in their own loops
    read(fn)  ──► reader threads

An operation that raises undoes the batch; it is then run again one operation at a time, so that only the bad
one fails. Contention (SQLite's lock, PostgreSQL's deadlocks) is retried with jitter. Operations may therefore
run more than once and must touch nothing but their connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from reelplane_crds.runtime import ServerRef
from reelplane_workloads.core.errors import Code, Problem

from .engines import READERS, Engines, open_engines
from .faults import RETRY_AFTER, Fault, classify, problem_of
from .migrate import migrate

T = TypeVar("T")
I = TypeVar("I")  # noqa: E741 - the item of a merged operation

MAX_BATCH = 512
"""Operations per transaction: bounds how long the lock is held (about 20 ms of statements) and what a rerun costs."""
MAX_PENDING = 20_000
"""Operations that may wait; beyond it the caller is told to come back, before memory and latency grow unbounded."""
PATIENCE = 10.0
"""Seconds a batch is retried against contention before its callers are told that the database is too busy."""

_Handler = Callable[[Connection, Sequence[Any]], Sequence[Any]]


def _each(connection: Connection, operations: Sequence[Callable[[Connection], Any]]) -> list[Any]:
    return [operation(connection) for operation in operations]


@dataclass(slots=True)
class _Operation:
    handler: _Handler
    item: Any
    future: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop
    result: Any = None
    error: BaseException | None = None


class Database:
    """See the module's docstring. Its coroutines may be awaited in any event loop."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines
        self._pending: deque[_Operation] = deque()
        self._wake = threading.Condition()
        self._closing = False
        self._missed_at = -math.inf
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="db-read")
        self._writers = [
            threading.Thread(target=self._write_forever, name=f"db-write-{n}", daemon=True)
            for n in range(engines.writers)
        ]
        for writer in self._writers:
            writer.start()

    @classmethod
    def open(cls, ref: ServerRef) -> Database:
        """Connect, make or complete the tables, start the threads.

        Raises Problem(UNAVAILABLE | DISK_FULL) when the database cannot be used, Problem(INTERNAL) when a newer
        release made its tables (``migrate``), ValueError for a URL of another kind of database.
        """
        engines = open_engines(ref)
        try:
            _with_retries(engines, migrate)
        except SQLAlchemyError as error:
            engines.dispose()
            problem = problem_of(error)
            if isinstance(problem, Problem):
                problem = Problem(problem.code, _told(ref, error, problem), retry_after=problem.retry_after)
            raise problem from error
        except Problem:
            engines.dispose()
            raise
        return cls(engines)

    async def write(self, operation: Callable[[Connection], T]) -> T:
        """Run ``operation`` in a transaction shared with others; return its value once that is committed.

        Raises what ``operation`` raises, Problem(UNAVAILABLE) when the database is away or too busy,
        Problem(DISK_FULL). When the connection breaks during the commit itself the outcome is unknown and
        UNAVAILABLE is raised: operations are idempotent or fenced, so the caller may simply ask again.
        """
        return cast(T, await self._submit(_each, operation))

    async def write_merged(self, handler: Callable[[Connection, Sequence[I]], Sequence[T]], item: I) -> T:
        """Like ``write``, for operations that are cheaper together.

        ``handler`` is given the items of all calls that named the same handler in this batch and returns a result
        for each, in order. It must be the same object in each call.
        """
        return cast(T, await self._submit(handler, item))

    async def read(self, operation: Callable[[Connection], T]) -> T:
        """Run ``operation`` in a read-only transaction: one snapshot. Raises as ``write`` does."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, operation)

    async def ping(self) -> None:
        """Raise Problem(UNAVAILABLE) unless the database answers."""
        await self.read(lambda connection: connection.execute(text("SELECT 1")).scalar())

    def steady_for(self) -> float:
        """Seconds since this process last found the database away or too busy; infinite when it never did."""
        return time.monotonic() - self._missed_at

    async def close(self) -> None:
        """Finish what was submitted, then stop the threads and disconnect."""
        with self._wake:
            self._closing = True
            self._wake.notify_all()
        for writer in self._writers:
            await asyncio.to_thread(writer.join)
        await asyncio.to_thread(self._readers.shutdown)
        self._engines.dispose()

    def _submit(self, handler: _Handler, item: Any) -> asyncio.Future[Any]:
        loop = asyncio.get_running_loop()
        operation = _Operation(handler, item, loop.create_future(), loop)
        with self._wake:
            if self._closing:
                raise Problem(Code.UNAVAILABLE, "the database is being closed", retry_after=RETRY_AFTER)
            if len(self._pending) >= MAX_PENDING:
                raise Problem(
                    Code.UNAVAILABLE, "too many operations wait for the database", retry_after=RETRY_AFTER
                )
            self._pending.append(operation)
            self._wake.notify()
        return operation.future

    def _write_forever(self) -> None:
        while batch := self._take():
            self._settle(batch)

    def _take(self) -> list[_Operation]:
        """The next transaction's operations, waiting for some; empty when closed and all is done."""
        with self._wake:
            while not self._pending and not self._closing:
                self._wake.wait()
            if not self._pending:
                return []
            if self._engines.mixed_batches:
                return [self._pending.popleft() for _ in range(min(MAX_BATCH, len(self._pending)))]
            first = self._pending.popleft()
            if first.handler is _each:
                return [first]
            batch, rest = [first], deque[_Operation]()
            for operation in self._pending:
                alike = operation.handler is first.handler and len(batch) < MAX_BATCH
                (batch if alike else rest).append(operation)
            self._pending = rest
            return batch

    def _settle(self, batch: list[_Operation]) -> None:
        """Commit ``batch`` and answer its callers, one way or the other."""
        try:
            _with_retries(self._engines, lambda connection: _apply(connection, batch))
        except Exception as error:
            if len(batch) > 1 and classify(error) is Fault.OURS:
                for operation in batch:
                    self._settle([operation])
                return
            self._note(error)
            for operation in batch:
                operation.error = problem_of(error)
                operation.error.__cause__ = error if operation.error is not error else error.__cause__
        _answer(batch)

    def _note(self, error: Exception) -> None:
        if classify(error) in (Fault.LOST, Fault.CONTENDED):
            self._missed_at = time.monotonic()

    def _read(self, operation: Callable[[Connection], T]) -> T:
        for last in (False, True):
            try:
                with self._engines.read.connect() as connection:
                    return operation(connection)
            except SQLAlchemyError as error:
                if last or classify(error) not in (Fault.LOST, Fault.CONTENDED):
                    self._note(error)
                    raise problem_of(error) from error
        raise AssertionError("unreachable")


def _told(ref: ServerRef, error: SQLAlchemyError, problem: Problem) -> str:
    """``problem`` with which database it is and the driver's own words, for who has to bring it up."""
    url = make_url(ref.url)
    where = f"{url.host}:{url.port or 5432}/{url.database}" if url.host else url.database
    lines = str(getattr(error, "orig", None) or error).strip().splitlines()
    return f"{problem.detail} ({where}: {lines[0][:200] if lines else type(error).__name__})"


def _apply(connection: Connection, batch: list[_Operation]) -> None:
    groups: dict[_Handler, list[_Operation]] = {}
    for operation in batch:
        groups.setdefault(operation.handler, []).append(operation)
    for handler, operations in groups.items():
        results = handler(connection, [operation.item for operation in operations])
        for operation, result in zip(operations, results, strict=True):
            operation.result = result


def _with_retries(engines: Engines, work: Callable[[Connection], None]) -> None:
    """Run ``work`` and commit. Retried: contention for PATIENCE seconds, and once a connection that had gone stale."""
    deadline = time.monotonic() + PATIENCE
    reconnected = False
    while True:
        committing = False
        try:
            with engines.write.connect() as connection:
                work(connection)
                committing = True
                connection.commit()
                return
        except SQLAlchemyError as error:
            match classify(error):
                case Fault.CONTENDED if time.monotonic() < deadline:
                    time.sleep(random.uniform(0.0005, 0.005))  # noqa: S311 - jitter, not a secret
                case Fault.LOST if not committing and not reconnected:
                    reconnected = True
                case _:
                    raise


def _answer(batch: list[_Operation]) -> None:
    """Resolve the futures, each in its own loop, one wake-up per loop."""
    loops: dict[asyncio.AbstractEventLoop, list[_Operation]] = {}
    for operation in batch:
        loops.setdefault(operation.loop, []).append(operation)
    for loop, operations in loops.items():
        with contextlib.suppress(RuntimeError):  # the loop was closed: nobody waits any more
            loop.call_soon_threadsafe(_resolve, operations)


def _resolve(operations: list[_Operation]) -> None:
    for operation in operations:
        if operation.future.done():
            continue
        if operation.error is not None:
            operation.future.set_exception(operation.error)
        else:
            operation.future.set_result(operation.result)
