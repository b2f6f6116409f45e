"""One flight from claim to end: claim, extract, join or lead its identity, download, publish, tell.

Every write to the database is conditional on the fence that the claim gave; a worker that was only slow, paused or
cut off finds itself fenced and leaves nothing behind. What is told through the cache (results, progress, ends) is
a convenience that may fail: readers fall back to the database.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from reelplane_crds.runtime import ProxyEndpoint, RuntimeDocument
from reelplane_workloads.cache import Cache
from reelplane_workloads.core import keys, metrics
from reelplane_workloads.core.errors import Code, Problem, blames_extractor
from reelplane_workloads.download.protocol import Found, PlaylistEntry, Progress
from reelplane_workloads.download.runner import Downloaded, InfoOnly, Outcome, Playlist, Runner, Stopped
from reelplane_workloads.egress.proxies import ProxyPool
from reelplane_workloads.queue.dispatch import Dispatcher
from reelplane_workloads.storage.objects import Objects, object_key
from reelplane_workloads.store.model import Entry, Flight, FlightKind, FlightState, Medium, Options
from reelplane_workloads.store.repository import Repository
from reelplane_workloads.worker.tally import ExtractorTally

log = logging.getLogger("reelplane.worker.flights")

CACHED_MEDIUM_TTL = 3600
"""Seconds a result is served from Valkey before the database is asked again, which moves its expiry on (S0.4: 1 h)."""
PROGRESS_INTERVAL = 0.25
"""Seconds between progress events of one flight: smooth to the eye, negligible to Valkey."""
PUBLISH_TRIES = 3
"""Times a finished download is put again when the object was being purged in that very moment."""


class StopReason(StrEnum):
    CANCELLED = "cancelled"
    """Its last follower left; the row says so already."""
    TAKEN = "taken"
    """It belongs to another worker, or to nobody, by now."""
    DRAINING = "draining"
    """This worker stops: the flight goes back to the queue, its partial files stay."""


@dataclass(slots=True)
class _Running:
    flight: Flight
    task: asyncio.Task[None]
    reason: StopReason | None = None
    settling: bool = False
    """The attempt is over and its end is being written and told, which takes moments and is not broken off."""


@dataclass(slots=True)
class _Attempt:
    """What is learnt on the way of one attempt."""

    flight: Flight
    started: float
    variant: str = ""
    entrance: str = "lead"
    identity: str = ""
    extractor: str = ""
    endpoint: ProxyEndpoint | None = None
    tried: set[str] = field(default_factory=set)
    last_progress: float = 0.0
    phase: str = ""


class FlightHandler:
    """Runs the flights that the queue hands to this worker."""

    def __init__(
        self,
        *,
        document: RuntimeDocument,
        worker_id: str,
        repository: Repository,
        cache: Cache,
        dispatcher: Dispatcher,
        objects: Objects,
        runner: Runner,
        proxies: ProxyPool | None,
        tally: ExtractorTally,
    ) -> None:
        self._document = document
        self._id = worker_id
        self._repository = repository
        self._cache = cache
        self._dispatcher = dispatcher
        self._objects = objects
        self._runner = runner
        self._proxies = proxies
        self._tally = tally
        self._running: dict[str, _Running] = {}
        self._idle = asyncio.Event()
        self._idle.set()
        self.changed = asyncio.Event()
        """Set whenever a flight begins or ends here, for whoever reports it."""

    @property
    def busy(self) -> int:
        """Flights that run now."""
        return len(self._running)

    def running(self) -> dict[str, int]:
        """Flight id -> fence of what runs now."""
        return {flight_id: entry.flight.attempt for flight_id, entry in self._running.items()}

    async def idle(self) -> None:
        """Return when nothing runs."""
        await self._idle.wait()

    def stop(self, flight_id: str, reason: StopReason) -> None:
        """Stop a flight that runs here; does nothing for others."""
        entry = self._running.get(flight_id)
        if entry is not None and entry.reason is None and not entry.settling:
            entry.reason = reason
            entry.task.cancel()

    async def hand_back_all(self) -> None:
        """Stop everything and give it back to the queue."""
        tasks = [entry.task for entry in self._running.values()]
        for flight_id in list(self._running):
            self.stop(flight_id, StopReason.DRAINING)
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._idle.wait()

    async def handle(self, flight_id: str) -> None:
        """Run a flight if it is due and free. Called for every delivery; repeating is harmless.

        Raises Problem(UNAVAILABLE) when the database is away: the delivery then stays in the queue.
        """
        if flight_id in self._running:
            return
        claim = await self._repository.claim(flight_id, self._id)
        if claim is None:
            return
        attempt = asyncio.create_task(self._guarded(claim.flight), name=f"flight-{flight_id}")
        self._running[flight_id] = _Running(claim.flight, attempt)
        self._idle.clear()
        self.changed.set()
        metrics.JOBS_IN_FLIGHT.inc()
        try:
            await asyncio.shield(attempt)
        except asyncio.CancelledError:
            if not attempt.done():
                self.stop(flight_id, StopReason.DRAINING)
                await asyncio.wait([attempt])
                raise
        finally:
            metrics.JOBS_IN_FLIGHT.dec()
            del self._running[flight_id]
            self.changed.set()
            if not self._running:
                self._idle.set()

    async def announce_end(self, flight: Flight) -> None:
        """Tell followers how a flight ended, and let the next request start anew (or hear of the failure)."""
        code = flight.error_code or Code.INTERNAL.value
        event: dict[str, Any] = {"state": flight.state.value}
        if flight.state is FlightState.FAILED:
            event |= {"code": code, "detail": flight.error_detail or ""}
            ttl = self._document.retention.failures
            await self._tell(self._cache.drop_flight([flight.url_key]))
            await self._tell(self._cache.put_failure(flight.url_key, code, flight.error_detail or "", ttl))
            self._cache.count("downloads_failed")
        elif flight.state is FlightState.CANCELLED:
            await self._tell(self._cache.drop_flight([flight.url_key]))
        await self._tell(self._cache.publish(flight.id, event))

    async def _guarded(self, flight: Flight) -> None:
        """Run one attempt and settle how it ended, whatever that is."""
        attempt = _Attempt(flight, time.monotonic())
        outcome = "failed"
        extra = {"flight": flight.id, "attempt": flight.attempt, "kind": flight.kind.value}
        log.info("claimed", extra=extra)
        try:
            outcome = await self._run(attempt)
        except asyncio.CancelledError:
            entry = self._running.get(flight.id)
            outcome = await self._stopped(flight, entry.reason if entry else None)
        except Problem as problem:
            await self._failed(attempt, problem)
        except Exception as error:
            log.exception("unexpected fault", extra=extra)
            await self._failed(attempt, Problem(Code.INTERNAL, f"{type(error).__name__} in the worker"))
        finally:
            seconds = time.monotonic() - attempt.started
            metrics.JOB_DURATION.labels(flight.kind.value, outcome).observe(seconds)
            metrics.EXTRACTIONS.labels(outcome).inc()
            log.info("ended", extra={**extra, "outcome": outcome, "seconds": round(seconds, 2)})

    async def _run(self, attempt: _Attempt) -> str:
        """Run the child, with other egress proxies when one fails, and publish. Returns the outcome's name."""
        while True:
            try:
                outcome = await self._runner.run(
                    attempt.flight,
                    choose_egress=lambda extractor: self._choose_egress(attempt, extractor),
                    on_info=lambda found: self._on_info(attempt, found),
                    on_progress=lambda progress: self._on_progress(attempt, progress),
                )
            except Problem as problem:
                if not await self._try_next_proxy(attempt, problem):
                    raise
            else:
                await self._report(attempt, ok=True)
                self._tally.count(attempt.extractor, done=True)
                self._running[attempt.flight.id].settling = True
                return await self._settle(attempt, outcome)

    async def _settle(self, attempt: _Attempt, outcome: Outcome) -> str:
        flight = attempt.flight
        match outcome:
            case Downloaded():
                return await self._publish(attempt, outcome)
            case InfoOnly(info=info):
                return await self._answer(flight, info)
            case Playlist():
                return await self._expand(attempt, outcome)
            case Stopped():
                return await self._joined(attempt)

    async def _answer(self, flight: Flight, info: dict[str, Any]) -> str:
        if not await self._repository.complete_info(flight.id, flight.attempt, info):
            return "fenced"
        await self._tell(self._cache.put_info(flight.url_key, info, self._document.retention.info))
        await self._tell(self._cache.publish(flight.id, {"state": "done"}))
        return "completed"

    async def _joined(self, attempt: _Attempt) -> str:
        """The identity is another flight's, or known already: nothing was downloaded here."""
        flight = attempt.flight
        if attempt.entrance == "known":
            await self._tell(self._cache.drop_flight([flight.url_key]))
            await self._tell(self._cache.publish(flight.id, {"state": "done"}))
            return "known"
        if attempt.entrance == "follow":
            await self._tell(self._cache.publish(flight.id, {"state": "following"}))
            return "followed"
        return "fenced"

    async def _publish(self, attempt: _Attempt, done: Downloaded) -> str:
        """Put the object, then the rows that name it, then tell everyone who waits."""
        flight = attempt.flight
        key = object_key(done.sha256, done.extension)
        medium = Medium(
            identity=attempt.identity,
            key=key,
            content_type=done.content_type,
            size=done.size,
            duration=done.duration,
            width=done.width,
            height=done.height,
            title=done.title,
            extractor=attempt.extractor,
            webpage_url=done.webpage_url,
        )
        for last in (False,) * (PUBLISH_TRIES - 1) + (True,):
            try:
                await self._repository.touch_object(key, done.size)
                await self._objects.publish(done.path, key, done.content_type)
                ended = await self._repository.complete(flight.id, flight.attempt, medium)
                break
            except Problem as problem:
                if last or problem.code is not Code.UNAVAILABLE:
                    raise
                await asyncio.sleep(0.5)
        await self._runner.discard(flight)
        if ended is None:
            return "fenced"
        metrics.BYTES_DOWNLOADED.inc(done.size)
        self._cache.count("downloads_done", len(ended))
        self._cache.count("extractions")
        await self._tell(self._cache.put_medium([flight.url_key], medium, CACHED_MEDIUM_TTL))
        for flight_id in ended:
            await self._tell(self._cache.publish(flight_id, {"state": "done"}))
        return "completed"

    async def _expand(self, attempt: _Attempt, playlist: Playlist) -> str:
        flight = attempt.flight
        entries = [self._entry(flight, entry) for entry in playlist.entries]
        created = await self._repository.expand_playlist(flight.id, flight.attempt, playlist.title, entries)
        if created is None:
            return "fenced"
        await self._tell(self._cache.drop_flight([flight.url_key]))
        await self._tell(self._dispatcher.dispatch(created))
        await self._tell(self._cache.publish(flight.id, {"state": "done"}))
        return "completed"

    def _entry(self, flight: Flight, entry: PlaylistEntry) -> Entry:
        """An entry by its own URL, or by its position where it has none that is usable."""
        options = Options(flight.options.format, flight.options.max_height)
        try:
            url = entry.url or ""
            normalised = keys.normalise(url)
        except Problem:
            url, normalised = flight.url, keys.normalise(flight.url)
            options = Options(
                flight.options.format, flight.options.max_height, playlist=True, item=entry.index
            )
        key = keys.url_key(FlightKind.DOWNLOAD, normalised, options, variant=self._variant(normalised))
        return Entry(url=url, url_key=key, options=options, title=entry.title)

    async def _stopped(self, flight: Flight, reason: StopReason | None) -> str:
        if reason is StopReason.CANCELLED:
            await self._runner.discard(flight)
            return "cancelled"
        if reason is StopReason.TAKEN:
            return "fenced"
        await self._repository.hand_back(flight.id, flight.attempt)
        await self._tell(self._cache.publish(flight.id, {"state": "queued"}))
        return "handed_back"

    async def _failed(self, attempt: _Attempt, problem: Problem) -> None:
        """Settle a failure: a retry with back-off when it may help, else the end, for the followers too."""
        flight = attempt.flight
        self._running[flight.id].settling = True
        metrics.JOB_FAILURES.labels(problem.code.value).inc()
        if blames_extractor(problem.code, attempt.extractor):
            self._tally.count(attempt.extractor, done=False)
        changed = await self._repository.fail(flight.id, flight.attempt, problem)
        log.warning(
            "attempt failed: %s",
            problem,
            extra={"flight": flight.id, "attempt": flight.attempt, "fenced": changed is None},
        )
        if changed is None:
            return
        again = [one for one in changed if one.state is FlightState.QUEUED]
        for one in changed:
            if one.state is FlightState.QUEUED:
                event = {"state": "queued", "retryOf": problem.code.value, "detail": problem.detail}
                await self._tell(self._cache.publish(one.id, event))
            else:
                await self.announce_end(one)
        if again:
            await self._tell(self._dispatcher.dispatch(again))
        elif changed[0].state is FlightState.FAILED:
            await self._runner.discard(flight)

    async def _on_info(self, attempt: _Attempt, found: Found) -> Literal["go", "stop"]:
        """Stage two of single flight. Returns ``go`` when this flight is the one to download."""
        flight = attempt.flight
        attempt.identity = keys.identity_key(
            found.extractor_key,
            found.video_id,
            flight.options,
            url_key=flight.url_key,
            variant=attempt.variant,
        )
        attempt.entrance = await self._repository.enter_identity(flight.id, flight.attempt, attempt.identity)
        return "go" if attempt.entrance == "lead" else "stop"

    async def _on_progress(self, attempt: _Attempt, progress: Progress) -> None:
        now = time.monotonic()
        if progress.phase == attempt.phase and now - attempt.last_progress < PROGRESS_INTERVAL:
            return
        attempt.phase, attempt.last_progress = progress.phase, now
        event = {
            "state": "running",
            "phase": progress.phase,
            "bytes": progress.bytes,
            "total": progress.total,
            "speed": progress.speed,
            "eta": progress.eta,
        }
        await self._tell(self._cache.publish(attempt.flight.id, event))

    async def _choose_egress(self, attempt: _Attempt, extractor: str) -> ProxyEndpoint | None:
        attempt.extractor = extractor
        attempt.variant = self._variant(attempt.flight.url)
        if self._proxies is not None:
            attempt.endpoint = await self._proxies.pick(extractor, attempt.flight.id, exclude=attempt.tried)
        return attempt.endpoint

    async def _try_next_proxy(self, attempt: _Attempt, problem: Problem) -> bool:
        """Whether the attempt goes on with another egress proxy: the failure may be this one's."""
        blames_proxy = problem.code in (Code.PROXY_FAILED, Code.ORIGIN_RATE_LIMITED, Code.ORIGIN_REFUSED)
        await self._report(attempt, ok=not blames_proxy)
        if attempt.endpoint is None or not blames_proxy:
            return False
        attempt.tried.add(attempt.endpoint.name)
        attempt.endpoint = None
        log.info("trying another proxy", extra={"flight": attempt.flight.id, "code": problem.code.value})
        return self._proxies is not None and await self._proxies.has_other(attempt.tried)

    async def _report(self, attempt: _Attempt, *, ok: bool) -> None:
        if self._proxies is not None and attempt.endpoint is not None:
            metrics.PROXY_RESULTS.labels(attempt.endpoint.name, "ok" if ok else "failed").inc()
            await self._proxies.report(attempt.endpoint, attempt.extractor, ok=ok)

    def _variant(self, url: str) -> str:
        pool, extractor = self._document.egress.proxies, self._document.extractor
        folder = extractor.cookies_dir if extractor else None
        jars = [path.stem for path in folder.glob("*.txt")] if folder else []
        jar = keys.jar_for(keys.site_of(keys.normalise(url)), jars) if jars else ""
        return keys.variant_of(country=pool.country if pool else None, jar=jar)

    async def _tell(self, telling: Awaitable[Any]) -> None:
        """Tell through Valkey what the database already knows; a Valkey that is away costs only convenience."""
        try:
            await telling
        except Problem as problem:
            log.warning("not told: %s", problem)
