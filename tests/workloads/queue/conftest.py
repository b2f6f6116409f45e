"""A queue on a real Valkey server, and a handler whose flights end when the test lets them."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from reelplane_crds.runtime import ServerRef
from reelplane_workloads.core.errors import Problem
from reelplane_workloads.queue import Consumer, Dispatcher
from reelplane_workloads.store.model import Flight, FlightKind, FlightState, Options, Priority


class Flights:
    """Makes flights, and is the handler that runs them: those in ``held`` go on until they are released."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.cancelled: list[str] = []
        self.now: Counter[str] = Counter()
        self.most = 0
        self.held: dict[str, asyncio.Event] = {}

    @staticmethod
    def make(
        flight_id: str, *, priority: Priority = Priority.NORMAL, attempt: int = 0, not_before: float = 0.0
    ) -> Flight:
        return Flight(
            id=flight_id,
            kind=FlightKind.DOWNLOAD,
            url_key="0" * 32,
            url="https://example.com/v",
            options=Options(),
            priority=priority,
            state=FlightState.QUEUED,
            attempt=attempt,
            not_before=not_before,
        )

    def hold(self, *flight_ids: str) -> None:
        for flight_id in flight_ids:
            self.held[flight_id] = asyncio.Event()

    def release(self, *flight_ids: str) -> None:
        for flight_id in flight_ids or tuple(self.held):
            self.held[flight_id].set()

    async def __call__(self, flight_id: str) -> None:
        self.begun.append(flight_id)
        self.now[flight_id] += 1
        self.most = max(self.most, self.now.total())
        try:
            if flight_id in self.held:
                await self.held[flight_id].wait()
        except asyncio.CancelledError:
            self.cancelled.append(flight_id)
            raise
        finally:
            self.now[flight_id] -= 1
        self.ended.append(flight_id)


@pytest.fixture
def flights() -> Flights:
    return Flights()


@pytest.fixture
def ref(valkey: Any) -> ServerRef:
    return ServerRef(url=valkey.url)


@pytest.fixture
async def dispatcher(ref: ServerRef) -> AsyncIterator[Dispatcher]:
    opened = Dispatcher(ref, "reels")
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
async def consume(ref: ServerRef) -> AsyncIterator[Callable[..., tuple[Consumer, asyncio.Task[None]]]]:
    """Starts a consumer; it is cancelled when the test is over."""
    tasks: list[asyncio.Task[None]] = []

    def start(
        handler: Callable[[str], Awaitable[None]], concurrency: int = 2
    ) -> tuple[Consumer, asyncio.Task[None]]:
        consumer = Consumer(ref, "reels", handler, concurrency)
        tasks.append(asyncio.create_task(consumer.run()))
        return consumer, tasks[-1]

    yield start
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
def eventually() -> Callable[[Callable[[], Any]], Awaitable[None]]:
    """Waits until what is asked (a call, or a coroutine's result) is true; an outage is no answer. Fails after 30 s."""

    async def wait(ask: Callable[[], Any]) -> None:
        async with asyncio.timeout(30):
            while True:
                with contextlib.suppress(Problem):
                    answer = ask()
                    if await answer if asyncio.iscoroutine(answer) else answer:
                        return
                await asyncio.sleep(0.02)

    return wait
