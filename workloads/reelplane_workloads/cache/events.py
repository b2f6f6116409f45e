"""One subscriber connection per process, fanned out to everyone in it who follows a flight.

    Valkey ── PSUBSCRIBE ev:* , SUBSCRIBE stop ──► Hub ──► Subscription (bounded, per follower) ──► SSE
                                                    └───► stops(): the worker's kills

A follower that is slow loses intermediate progress, never the last word. When the connection breaks the hub
connects anew, subscribes, and reads the kept last event of every followed flight, so that what was missed is made
up for. Events carry rising numbers; a follower is given none twice and none out of order.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from typing import Any, Literal

import msgspec
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from reelplane_workloads.cache.address import Address
from reelplane_workloads.cache.wire import FIRST_DELAY, LAST_DELAY, OP_TIMEOUT
from reelplane_workloads.core.cancel import heeded
from reelplane_workloads.core.errors import Problem
from reelplane_workloads.store.model import FlightState

KEEP = 16
"""Events kept for a follower that is slow: a few seconds of progress."""
QUIET = 5.0
"""Seconds of silence after which the hub asks the server whether it is still there."""

_LAST_WORDS = frozenset(state.value for state in FlightState if not state.active)


def final(event: Mapping[str, Any]) -> bool:
    """Whether the event is its flight's last word."""
    return event.get("state") in _LAST_WORDS


class Subscription(AsyncIterator[dict[str, Any]]):
    """One follower of one flight; ``Cache.subscribe`` makes it. Close it, or use it as a context manager.

    Events are shared with the flight's other followers: read them, do not change them.
    """

    def __init__(self, flight_id: str, leave: Callable[[Subscription], None]) -> None:
        self.flight_id = flight_id
        self._leave = leave
        self._kept: deque[dict[str, Any]] = deque(maxlen=KEEP)
        self._news = asyncio.Event()
        self._number = 0
        self._over = False

    def offer(self, number: int, event: dict[str, Any]) -> None:
        """Take an event unless it was seen or the last word was said. The oldest gives way when too many wait."""
        if number <= self._number or self._over:
            return
        self._number = number
        self._over = final(event)
        self._kept.append(event)
        self._news.set()

    async def next(self, timeout: float) -> dict[str, Any] | None:
        """The next event, or None after ``timeout`` seconds without one. Raises StopAsyncIteration at the end."""
        try:
            return await asyncio.wait_for(anext(self), timeout)
        except TimeoutError:
            return None

    async def __anext__(self) -> dict[str, Any]:
        while not self._kept:
            if self._over:
                self.close()
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        return self._kept.popleft()

    def close(self) -> None:
        """Stop following. Who still waits is told that it is over."""
        self._over = True
        self._news.set()
        self._leave(self)

    async def aclose(self) -> None:
        self.close()

    async def __aenter__(self) -> Subscription:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()


class Hub:
    """The process's subscriber connection. It is made when somebody first asks for something, and carries only that: a
    worker listens for stops and does not hear every other worker's progress."""

    def __init__(
        self,
        address: Address,
        redis: Redis,
        prefix: str,
        read_last: Callable[[str], Awaitable[tuple[int, bytes] | None]],
    ) -> None:
        self._address = address
        self._redis = redis
        self._events = f"{prefix}ev:"
        self._stop_channel = f"{prefix}stop".encode()
        self._read_last = read_last
        self._followers: dict[str, set[Subscription]] = {}
        self._stops: set[asyncio.Queue[str]] = set()
        self._task: asyncio.Task[None] | None = None
        self._replays: set[asyncio.Task[None]] = set()
        self._subscribed = asyncio.Event()
        """Set while the events are listened to."""
        self._wanted: set[str] = set()

    def subscribe(self, flight_id: str) -> Subscription:
        follower = Subscription(flight_id, self._leave)
        self._followers.setdefault(flight_id, set()).add(follower)
        self._start("events")
        if self._subscribed.is_set():  # otherwise it is done when the connection is there
            self._replay([flight_id])
        return follower

    async def stops(self) -> AsyncIterator[str]:
        queue: asyncio.Queue[str] = asyncio.Queue()
        self._stops.add(queue)
        self._start("stops")
        try:
            while True:
                yield await queue.get()
        finally:
            self._stops.discard(queue)

    async def close(self) -> None:
        """Disconnect. Followers are told that it is over."""
        tasks = [*self._replays, *([self._task] if self._task else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for follower in [f for followers in self._followers.values() for f in followers]:
            follower.close()

    def _leave(self, follower: Subscription) -> None:
        followers = self._followers.get(follower.flight_id)
        if followers is not None:
            followers.discard(follower)
            if not followers:
                del self._followers[follower.flight_id]

    def _start(self, kind: Literal["events", "stops"]) -> None:
        if kind not in self._wanted:
            self._wanted.add(kind)
            if self._task is not None:
                self._task.cancel()
            self._task = asyncio.create_task(self._stay_subscribed(), name="cache-events")

    def _replay(self, flight_ids: Iterable[str]) -> None:
        task = asyncio.create_task(self._replay_last(list(flight_ids)))
        self._replays.add(task)
        task.add_done_callback(self._replays.discard)

    async def _replay_last(self, flight_ids: list[str]) -> None:
        for flight_id in flight_ids:
            with contextlib.suppress(Problem):  # the hub finds the connection broken too, and replays again
                numbered = await self._read_last(flight_id)
                if numbered is not None:
                    self._offer(flight_id, *numbered)

    def _offer(self, flight_id: str, number: int, raw: bytes) -> None:
        followers = tuple(self._followers.get(flight_id, ()))
        if followers:
            event = msgspec.json.decode(
                raw, type=dict[str, Any]
            )  # once: a viral flight has thousands of followers
            for follower in followers:
                follower.offer(number, event)

    async def _stay_subscribed(self) -> None:
        delay = FIRST_DELAY
        while True:
            pubsub: PubSub = self._redis.pubsub()
            try:
                with heeded():
                    async with asyncio.timeout(OP_TIMEOUT):
                        if "events" in self._wanted:
                            await pubsub.psubscribe(f"{self._events}*")
                        if "stops" in self._wanted:
                            await pubsub.subscribe(self._stop_channel)
                delay = FIRST_DELAY
                await self._listen(pubsub)
            except (RedisError, OSError, TimeoutError):
                await asyncio.sleep(delay)
                delay = min(delay * 2, LAST_DELAY)
            finally:
                self._subscribed.clear()
                with heeded(), contextlib.suppress(RedisError, OSError):
                    await pubsub.aclose()  # type: ignore[no-untyped-call]

    async def _listen(self, pubsub: PubSub) -> None:
        """Fan messages out until the connection breaks or does not answer any more (raises)."""
        asked = False
        while True:
            with heeded():
                message = await pubsub.get_message(timeout=OP_TIMEOUT if asked else QUIET)
            if message is None:
                if asked:
                    raise TimeoutError
                with heeded():
                    await pubsub.ping()
                asked = True
                continue
            asked = False
            match message["type"]:
                case "psubscribe":
                    self._subscribed.set()
                    self._replay(self._followers)
                case "pmessage":
                    number, _, raw = message["data"].partition(b" ")
                    self._offer(message["channel"].decode().removeprefix(self._events), int(number), raw)
                case "message":
                    for queue in self._stops:
                        queue.put_nowait(message["data"].decode())
