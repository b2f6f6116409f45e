"""A job as a stream of server-sent events: what it is now, each step, its end.

    job (snapshot) ─► progress … ─► done | failed | cancelled        a single video
    job (snapshot) ─► progress … ─► items … ─► done | …              a playlist

Steps come from the flight's events in Valkey. States come from the database, which is looked at when an event says
that something changed, and every few seconds in any case: a cancellation in another window makes no event, and
Valkey may be away or have lost its data.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import msgspec

from reelplane_workloads.api import views
from reelplane_workloads.api.services import Services
from reelplane_workloads.core import metrics
from reelplane_workloads.core.errors import Problem
from reelplane_workloads.store.model import JobView

QUIET = 15.0
"""Seconds of silence after which a comment is sent: proxies close what is idle for longer, nginx after 60 s."""
HEARTBEAT = b": still here\n\n"
LOOK_EVERY = 3.0
"""Seconds between looks at the database while nothing else happens."""
LOOK_AT_ITEMS = 1.0
"""The same for a playlist's items, whose flights are not followed one by one."""
SLICE = 0.5
"""Seconds of one wait: the longest a stream takes to notice that the process is stopping."""
COME_BACK = b"retry: 1000\n\n"
"""Tells an EventSource to reconnect after a second: another process, or this one's successor, goes on."""
LAST_ID = "end"
"""Id of the last event. A client that reconnects with it has seen the end (the standard's way to stop it is a 204)."""

_STEPS = frozenset({"queued", "running"})
"""States in which a flight goes on as it was; any other changes what the job is."""

_encode = msgspec.json.Encoder().encode


def shown(event: Mapping[str, Any]) -> dict[str, Any]:
    """A flight's event as clients see it: without the flight, with the percentage."""
    kept = {name: value for name, value in event.items() if name != "flight"}
    done, total = event.get("bytes"), event.get("total")
    if isinstance(done, int | float) and isinstance(total, int | float) and total > 0:
        kept["percent"] = round(min(100.0, 100 * done / total), 1)
    return kept


def encode(name: str, data: Any, *, event_id: str | None = None) -> bytes:
    """One event; ``data`` is JSON, which holds no line breaks."""
    head = b"" if event_id is None else b"id: %s\n" % event_id.encode()
    return b"%sevent: %s\ndata: %s\n\n" % (head, name.encode(), _encode(data))


class Stream:
    """The events of one job for one client."""

    def __init__(self, services: Services, job: JobView, clock: Callable[[], float] = time.monotonic) -> None:
        self._services = services
        self._job = job
        self._clock = clock
        self._last_write = clock()
        self._gone = False

    async def events(self) -> AsyncIterator[bytes]:
        """Pieces of the body, until the job has ended or the process stops. Never raises Problem."""
        metrics.EVENT_STREAMS.inc()
        try:
            view = self._view()
            if view["state"] not in views.TERMINAL:
                yield self._sent(encode("job", view))
                async for piece in self._until_the_end():
                    yield self._sent(piece)
                view = self._view()
            if view["state"] in views.TERMINAL:
                yield encode(view["state"], view, event_id=LAST_ID)
            else:
                yield COME_BACK
        finally:
            metrics.EVENT_STREAMS.dec()

    async def _until_the_end(self) -> AsyncIterator[bytes]:
        while self._goes_on():
            async for piece in self._items() if self._job.items else self._flight():
                yield piece

    async def _flight(self) -> AsyncIterator[bytes]:
        """Follow the job's flight until the job follows another one, has become a playlist, or has ended."""
        flight_id = self._job.flight.id
        look_at = self._clock() + LOOK_EVERY
        with contextlib.closing(self._services.cache.subscribe(flight_id)) as events:
            while self._goes_on() and self._job.flight.id == flight_id and not self._job.items:
                changed = False
                try:
                    event = await events.next(SLICE)
                except StopAsyncIteration:  # the flight has had its last word; the database knows what it was
                    await self._look()
                    await self._pause(SLICE)
                    continue
                if event is not None:
                    changed = event.get("state") not in _STEPS
                    if not changed:
                        yield encode("progress", shown(event))
                if changed or self._clock() >= look_at:
                    await self._look()
                    look_at = self._clock() + LOOK_EVERY
                if self._quiet():
                    yield HEARTBEAT

    async def _items(self) -> AsyncIterator[bytes]:
        """Show a playlist whenever one of its items has changed."""
        before: list[str] = []
        while self._goes_on():
            view = self._view()
            states = [item["state"] for item in view["items"]]
            if states != before:
                before = states
                yield encode("items", view)
            elif self._quiet():
                yield HEARTBEAT
            await self._pause(LOOK_AT_ITEMS)
            await self._look()

    def _goes_on(self) -> bool:
        ended = views.state(self._job) in views.TERMINAL
        return not (ended or self._gone or self._services.draining.is_set())

    async def _look(self) -> None:
        try:
            job = await self._services.repository.job(self._job.id, self._job.principal)
        except Problem:
            return  # the database is away: what was known stands, and the next look is soon
        self._gone = job is None
        self._job = job or self._job

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._services.draining.wait(), seconds)

    def _view(self) -> dict[str, Any]:
        return views.job(self._job, self._services.hits.sign)

    def _quiet(self) -> bool:
        return self._clock() - self._last_write >= QUIET

    def _sent(self, piece: bytes) -> bytes:
        self._last_write = self._clock()
        return piece
