"""What a worker does with a flight when the world changes under it. Real database, Valkey and objects.

Only the extraction is scripted (``Script`` below), because the moments in question lie between its steps; jobs with
the real extraction are run by tests/e2e.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import time
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text

from reelplane_crds.runtime import (
    ApiSettings,
    EgressSettings,
    ExtractorSettings,
    FolderObjects,
    RuntimeDocument,
    ServerRef,
    Stores,
    WorkerSettings,
)
from reelplane_workloads.cache import Cache, Failed, Hit
from reelplane_workloads.core.errors import Code, Problem
from reelplane_workloads.download.outcome import Downloaded, InfoOnly, Stopped
from reelplane_workloads.download.protocol import Found
from reelplane_workloads.queue.dispatch import Dispatcher
from reelplane_workloads.storage.objects import open_objects
from reelplane_workloads.storage.signing import UrlSigner
from reelplane_workloads.store.database import Database
from reelplane_workloads.store.model import ExtractorCount, Flight, FlightKind, FlightState, Options, Priority
from reelplane_workloads.store.repository import Repository
from reelplane_workloads.worker.flights import FlightHandler, StopReason
from reelplane_workloads.worker.tally import ExtractorTally
from reelplane_workloads.worker.upkeep import Upkeep

RATE = ApiSettings(signing_key_file=Path("unused")).download_rate


class Script:
    """A stand-in for extraction: brings ``content``, holding at ``gate`` before the download if one is set."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.content = b"a video"
        self.gate: asyncio.Event | None = None
        self.holding = asyncio.Event()
        self.problem: Problem | None = None
        self.extractor = "generic"
        self.runs = 0
        self.discarded: list[str] = []

    async def run(self, flight: Flight, *, choose_egress: Any, on_info: Any, on_progress: Any) -> Any:
        self.runs += 1
        await choose_egress(self.extractor)
        if flight.kind is FlightKind.INFO:
            return InfoOnly({"title": "t"})
        if await on_info(Found(self.extractor, "id1", "t", flight.url, 1.0, None, {})) == "stop":
            return Stopped()
        if self.gate is not None:
            self.holding.set()
            await self.gate.wait()
        if self.problem is not None:
            raise self.problem
        path = self.folder / f"{flight.id}.{self.runs}.mp4"
        path.write_bytes(self.content)
        return Downloaded(
            path=path,
            sha256=hashlib.sha256(self.content).hexdigest(),
            size=len(self.content),
            extension="mp4",
            content_type="video/mp4",
            duration=1.0,
            width=16,
            height=16,
            has_video=True,
            has_audio=False,
            title="t",
            webpage_url=flight.url,
            received=0,
        )

    async def discard(self, flight: Flight) -> None:
        self.discarded.append(flight.id)


class Bench(SimpleNamespace):
    """One worker's parts on real stores."""

    script: Script
    repo: Repository
    db: Database
    cache: Cache
    handler: FlightHandler
    upkeep: Upkeep
    objects_root: Path

    async def accept(
        self, url_key: str, principal: str = "ann", kind: FlightKind = FlightKind.DOWNLOAD
    ) -> str:
        accepted = await self.repo.accept(
            principal=principal,
            kind=kind,
            url=f"http://example.com/{url_key}",
            url_key=url_key,
            options=Options(),
            priority=Priority.NORMAL,
        )
        assert accepted.flight_id is not None
        self.jobs[accepted.flight_id] = (accepted.job_id, principal)
        return accepted.flight_id

    async def state(self, flight_id: str) -> FlightState:
        job_id, principal = self.jobs[flight_id]
        view = await self.repo.job(job_id, principal)
        assert view is not None
        return view.flight.state

    async def sql(self, statement: str, **values: Any) -> None:
        await self.db.write(lambda c: c.execute(text(statement), values))

    def blobs(self) -> list[Path]:
        return [path for path in self.objects_root.rglob("*") if path.is_file()]


@pytest.fixture
async def bench(valkey: Any, tmp_path: Path) -> AsyncIterator[Bench]:
    ref, objects_root = ServerRef(url=valkey.url), tmp_path / "objects"
    settings = WorkerSettings(work_dir=tmp_path / "work", socket_dir=tmp_path, backoff=60)
    document = RuntimeDocument(
        platform="t",
        pipeline="t",
        workload="download",
        role="worker",
        stores=Stores(
            cache=ref,
            queue=ref,
            database=ServerRef(url=f"sqlite:///{tmp_path / 'db'}"),
            objects=FolderObjects(root=objects_root),
        ),
        worker=settings,
        egress=EgressSettings(),
        extractor=ExtractorSettings(path=tmp_path),
    )
    db = Database.open(document.stores.database)
    repo = Repository(db, document.retention, max_attempts=3, backoff=60, lease=10)
    cache, dispatcher = Cache(ref, "t"), Dispatcher(ref, "t")
    await cache.open()
    await dispatcher.open()
    objects = open_objects(document.stores.objects, UrlSigner(bytes(32)))
    script = Script(tmp_path)
    parts: dict[str, Any] = {"repository": repo, "cache": cache, "dispatcher": dispatcher, "objects": objects}
    tally = ExtractorTally("w1", "2026.10.26", time.monotonic)
    handler = FlightHandler(
        document=document, worker_id="w1", runner=script, proxies=None, tally=tally, **parts
    )  # type: ignore[arg-type]
    upkeep = Upkeep(
        settings=settings,
        worker_id="w1",
        handler=handler,
        proxies=None,
        tally=tally,
        extractor=lambda: "2026.10.26",
        **parts,
    )
    await upkeep.beat()
    yield Bench(
        script=script,
        repo=repo,
        db=db,
        cache=cache,
        handler=handler,
        upkeep=upkeep,
        objects_root=objects_root,
        jobs={},
    )
    await dispatcher.close()
    await cache.close()
    await db.close()


async def test_a_finished_flight_is_published_once_and_known_to_all_layers(bench: Bench) -> None:
    flight_id = await bench.accept("u1")
    await bench.handler.handle(flight_id)
    assert await bench.state(flight_id) is FlightState.DONE
    assert isinstance(await bench.cache.lookup("u1", "c", RATE), Hit)
    medium = await bench.repo.known("u1")
    assert medium is not None
    assert [blob.read_bytes() for blob in bench.blobs()] == [b"a video"]
    await bench.handler.handle(flight_id)
    assert bench.script.runs == 1, "a second delivery does nothing"


async def test_a_worker_that_lost_its_flight_while_it_was_slow_writes_nothing(bench: Bench) -> None:
    bench.script.gate = asyncio.Event()
    flight_id = await bench.accept("u1")
    slow = asyncio.create_task(bench.handler.handle(flight_id))
    await bench.script.holding.wait()
    # Its heartbeat stopped; another worker claims the flight, with a higher fence.
    await bench.sql("UPDATE workers SET seen_at = seen_at - 60")
    await bench.sql("UPDATE flights SET claimed_at = claimed_at - 60")
    await bench.repo.heartbeat("w2", worker_class="download", host="h", capacity=1, busy=0, draining=False)
    claim = await bench.repo.claim(flight_id, "w2")
    assert claim is not None
    assert claim.flight.attempt == 2
    bench.script.gate.set()
    await slow
    assert await bench.state(flight_id) is FlightState.RUNNING, "the second worker's run goes on"
    assert await bench.repo.known("u1") is None
    assert await bench.repo.wanted(flight_id, 2)


async def test_a_beat_stops_a_flight_that_is_not_ours_any_more(bench: Bench) -> None:
    bench.script.gate = asyncio.Event()
    flight_id = await bench.accept("u1")
    running = asyncio.create_task(bench.handler.handle(flight_id))
    await bench.script.holding.wait()
    job_id, principal = bench.jobs[flight_id]
    await bench.repo.cancel(job_id, principal)  # and the message to the worker is lost
    await bench.upkeep.beat()
    await asyncio.wait_for(running, 10)
    assert bench.handler.busy == 0
    assert bench.blobs() == []


async def test_a_beat_leaves_a_flight_alone_that_was_claimed_while_it_asked(bench: Bench) -> None:
    bench.script.gate = asyncio.Event()
    flight_id = await bench.accept("u1")
    asked = bench.repo.live_flights_of

    async def slowly(worker_id: str) -> dict[str, int]:
        answer = await asked(worker_id)
        running.append(asyncio.create_task(bench.handler.handle(flight_id)))
        await bench.script.holding.wait()
        return answer

    running: list[asyncio.Task[None]] = []
    bench.repo.live_flights_of = slowly  # type: ignore[method-assign] # delays the real answer
    await bench.upkeep.beat()
    bench.script.gate.set()
    await running[0]
    assert await bench.state(flight_id) is FlightState.DONE


async def test_draining_hands_back_without_counting_a_failure(bench: Bench) -> None:
    bench.script.gate = asyncio.Event()
    flight_id = await bench.accept("u1")
    for _ in range(5):  # more often than max_attempts
        bench.script.holding.clear()
        running = asyncio.create_task(bench.handler.handle(flight_id))
        await bench.script.holding.wait()
        await bench.handler.hand_back_all()
        await running
        assert await bench.state(flight_id) is FlightState.QUEUED
    bench.script.gate.set()
    await bench.handler.handle(flight_id)
    assert await bench.state(flight_id) is FlightState.DONE
    assert bench.script.discarded == [flight_id], "partial files are kept until the end"


async def test_two_urls_of_one_video_are_downloaded_once_and_end_together(bench: Bench) -> None:
    bench.script.gate, bench.script.extractor = asyncio.Event(), "Youtube"
    first, second = await bench.accept("u1"), await bench.accept("u2", "bob")
    leading = asyncio.create_task(bench.handler.handle(first))
    await bench.script.holding.wait()
    await bench.handler.handle(second)
    assert await bench.state(second) in (FlightState.FOLLOWING, FlightState.RUNNING)
    assert bench.handler.busy == 1, "a follower takes up no slot"
    bench.script.gate.set()
    await leading
    assert await bench.state(first) is await bench.state(second) is FlightState.DONE
    assert await bench.repo.known("u1") == await bench.repo.known("u2")
    third = await bench.accept("u3", "cid")
    runs = bench.script.runs
    await bench.handler.handle(third)
    assert await bench.state(third) is FlightState.DONE
    assert bench.script.runs == runs + 1
    assert len(bench.blobs()) == 1


async def test_ids_of_the_generic_extractor_join_nothing(bench: Bench) -> None:
    for key, content in (("u1", b"one"), ("u2", b"two")):
        bench.script.content = content
        await bench.handler.handle(await bench.accept(key))
    one, two = await bench.repo.known("u1"), await bench.repo.known("u2")
    assert one is not None
    assert two is not None
    assert one.key != two.key


async def test_a_transient_failure_is_retried_later_and_a_final_one_is_told(bench: Bench) -> None:
    bench.script.problem = Problem(Code.ORIGIN_RESET, "it broke off")
    flight_id = await bench.accept("u1")
    await bench.handler.handle(flight_id)
    assert await bench.state(flight_id) is FlightState.QUEUED
    await bench.handler.handle(flight_id)
    assert bench.script.runs == 1, "not before its back-off has passed"
    await bench.sql("UPDATE flights SET not_before = 0")
    bench.script.problem = Problem(Code.TOO_LONG, "601 s")
    await bench.handler.handle(flight_id)
    assert await bench.state(flight_id) is FlightState.FAILED
    remembered = await bench.cache.lookup("u1", "c", RATE)
    assert isinstance(remembered, Failed)
    assert remembered.code == "too_long"
    assert (await bench.cache.last(flight_id) or {})["code"] == "too_long"


async def test_a_fault_of_ours_fails_the_attempt_and_not_the_worker(bench: Bench) -> None:
    bench.script.problem = RuntimeError("a bug")  # type: ignore[assignment]
    flight_id = await bench.accept("u1")
    await bench.handler.handle(flight_id)
    assert await bench.state(flight_id) is FlightState.QUEUED
    assert bench.handler.busy == 0


async def test_without_valkey_a_running_flight_is_still_published(bench: Bench, valkey: Any) -> None:
    bench.script.gate = asyncio.Event()
    flight_id = await bench.accept("u1")
    running = asyncio.create_task(bench.handler.handle(flight_id))
    await bench.script.holding.wait()
    valkey.stop(kill=True)
    bench.script.gate.set()
    await asyncio.wait_for(running, 60)
    assert await bench.state(flight_id) is FlightState.DONE
    assert await bench.repo.known("u1") is not None
    valkey.start()


async def test_a_lost_queue_is_filled_again_from_the_database(bench: Bench, valkey: Any) -> None:
    ids = {await bench.accept(f"u{n}") for n in range(3)}
    valkey.wipe()
    depth = 0
    for _ in range(40):
        with contextlib.suppress(Problem):
            await bench.upkeep.sweep()
            depth = await bench.upkeep._dispatcher.depth()
        if depth:
            break
        await asyncio.sleep(0.25)
    assert ids
    assert depth == 3


async def test_a_sweep_without_valkey_still_frees_what_dead_workers_held(bench: Bench, valkey: Any) -> None:
    flight_id = await bench.accept("u1")
    await bench.repo.heartbeat("w2", worker_class="download", host="h", capacity=1, busy=0, draining=False)
    assert await bench.repo.claim(flight_id, "w2") is not None
    await bench.sql("UPDATE workers SET seen_at = seen_at - 60")
    await bench.sql("UPDATE flights SET claimed_at = claimed_at - 60")
    valkey.stop(kill=True)
    await bench.upkeep.sweep()
    assert await bench.state(flight_id) is FlightState.QUEUED
    valkey.start()


async def test_expired_media_lose_their_rows_first_and_then_their_bytes(bench: Bench) -> None:
    flight_id = await bench.accept("u1")
    await bench.handler.handle(flight_id)
    await bench.sql("UPDATE media SET expires_at = 0")
    await bench.upkeep.purge()
    assert await bench.repo.known("u1") is None
    assert len(bench.blobs()) == 1, "a publish of the same bytes may be under way: an hour's grace"
    await bench.sql("UPDATE objects SET touched_at = touched_at - 7200")
    await bench.upkeep.purge()
    assert bench.blobs() == []


async def test_info_is_answered_and_cached(bench: Bench) -> None:
    flight_id = await bench.accept("u1", kind=FlightKind.INFO)
    await bench.handler.handle(flight_id)
    assert await bench.cache.get_info("u1") == {"title": "t"}
    assert await bench.repo.recent_info("u1") == {"title": "t"}


async def test_what_the_extractor_did_is_told_with_its_version_and_only_its_own_faults_count(
    bench: Bench,
) -> None:
    bench.script.extractor = "SomeSite"
    await bench.handler.handle(await bench.accept("u1"))
    await bench.handler.handle(await bench.accept("u2", kind=FlightKind.INFO))
    for key, code in (("u3", Code.EXTRACTOR_ERROR), ("u4", Code.TOO_LARGE), ("u5", Code.UNSUPPORTED_SITE)):
        bench.script.problem = Problem(code, "no")
        await bench.handler.handle(await bench.accept(key))
    await bench.upkeep.beat()
    assert await bench.repo.extractors() == [ExtractorCount("2026.10.26", "SomeSite", 2, 2)]
    assert [row.extractor for row in await bench.repo.workers()] == ["2026.10.26"]


async def test_a_draining_worker_says_so_at_once(bench: Bench) -> None:
    beating = asyncio.create_task(bench.upkeep.run())
    await asyncio.sleep(1)
    bench.upkeep.drain()
    async with asyncio.timeout(2):  # the next beat would be due in 3 s
        while not [row for row in await bench.repo.workers() if row.draining]:  # noqa: ASYNC110 - asks a database
            await asyncio.sleep(0.05)
    beating.cancel()
    await asyncio.gather(beating, return_exceptions=True)


async def test_stopping_what_does_not_run_here_does_nothing(bench: Bench) -> None:
    bench.handler.stop("nobody", StopReason.CANCELLED)
    assert bench.handler.busy == 0
