"""A keyed work queue: many events about one key become one run, and one key never runs twice at once.

    add(key) ──► waiting (a timer, when ``after``) ──► ready ──► running ──► done
                                                        ▲           │ added meanwhile: once more
                                                        └───────────┘ failed: after a back-off

A key that is added while it waits or is ready stays one entry; the earlier time wins. A handler returns the
seconds after which it wants to be called again, or None. What it raises is told to ``observe`` and the key is
run again after a back-off that doubles, with jitter, up to a minute. The idea is client-go's workqueue.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

K = TypeVar("K", bound=Hashable)

Handler = Callable[[K], Awaitable[float | None]]
"""Does the work of a key; returns seconds until it wants to be called again, or None."""
State = Literal["waiting", "running", "delayed"]
Observer = Callable[[K, float, BaseException | None], None]
"""Told of each run: the key, its seconds, and what it raised."""


@dataclass(frozen=True, slots=True)
class BackOff:
    """Seconds before the next try after so many failures in a row: doubling, a quarter of it jitter."""

    first: float = 0.25
    longest: float = 60.0

    def after(self, failures: int, jitter: float) -> float:
        """``jitter`` is a random number of [0, 1)."""
        delay = min(self.longest, self.first * 2.0 ** min(failures - 1, 30))
        return delay * (0.75 + 0.25 * jitter)


_DIRTY_RETRY = 1.0
"""Seconds: a failed key about which something new was heard meanwhile is tried again this soon at the latest."""


class WorkQueue(Generic[K]):
    """Runs ``handler`` for keys that were added, ``concurrency`` at a time, once ``start`` was called."""

    def __init__(
        self,
        handler: Handler[K],
        *,
        concurrency: int,
        jitter: Callable[[], float],
        observe: Observer[K] = lambda *_: None,
        back_off: BackOff = BackOff(),
    ) -> None:
        self._handler = handler
        self._concurrency = concurrency
        self._jitter = jitter
        self._observe = observe
        self._back_off = back_off
        self._ready: dict[K, None] = {}
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._running: dict[K, float] = {}
        self._dirty: dict[K, float] = {}
        self._failures: dict[K, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._open = False

    def add(self, key: K, after: float = 0.0) -> None:
        """Ask for a run of ``key`` in ``after`` seconds, or earlier if that was asked for already."""
        if key in self._running:
            self._dirty[key] = min(after, self._dirty.get(key, after))
        elif key in self._ready:
            return
        elif after > 0:
            self._later(key, after)
        else:
            if timer := self._timers.pop(key, None):
                timer.cancel()
            self._ready[key] = None
            self._pump()

    def start(self) -> None:
        """Begin to work; what was added before is waiting."""
        self._open = True
        self._pump()

    async def drain(self) -> None:
        """Begin nothing more and wait for what runs."""
        self._open = False
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        if self._tasks:
            await asyncio.wait(set(self._tasks))

    async def abort(self) -> None:
        """Begin nothing more and cut off what runs, where it waits for an answer."""
        running = set(self._tasks)
        self._open = False
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await self.drain()

    def keys(self) -> dict[State, list[K]]:
        """All keys, by what they are doing."""
        return {"waiting": list(self._ready), "running": list(self._running), "delayed": list(self._timers)}

    @property
    def busy(self) -> bool:
        """Whether something runs, or could run now."""
        return bool(self._ready or self._running)

    def longest_run(self) -> float:
        """Seconds for which the oldest run has been going on; 0 when nothing runs."""
        if not self._running:
            return 0.0
        return asyncio.get_running_loop().time() - min(self._running.values())

    def _later(self, key: K, after: float) -> None:
        loop = asyncio.get_running_loop()
        timer = self._timers.get(key)
        if timer is not None:
            if timer.when() <= loop.time() + after:
                return
            timer.cancel()
        self._timers[key] = loop.call_later(after, self._due, key)

    def _due(self, key: K) -> None:
        self._timers.pop(key, None)
        self.add(key)

    def _pump(self) -> None:
        while self._open and self._ready and len(self._running) < self._concurrency:
            key = next(iter(self._ready))
            del self._ready[key]
            self._running[key] = asyncio.get_running_loop().time()
            task = asyncio.get_running_loop().create_task(self._run(key), name=f"reconcile {key}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _run(self, key: K) -> None:
        started = self._running[key]
        failed: BaseException | None = None
        again: float | None = None
        try:
            again = await self._handler(key)
        except Exception as error:
            failed = error
        finally:
            del self._running[key]
        self._observe(key, asyncio.get_running_loop().time() - started, failed)
        heard = self._dirty.pop(key, None)
        if failed is not None:
            self._failures[key] = failures = self._failures.get(key, 0) + 1
            delay = self._back_off.after(failures, self._jitter())
            self.add(key, min(delay, _DIRTY_RETRY) if heard is not None else delay)
        else:
            self._failures.pop(key, None)
            for after in (heard, again):
                if after is not None:
                    self.add(key, after)
        self._pump()
