"""A counting origin, the real guard and a runner on it, with children that run the real yt-dlp."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from loadtests.origin import Origin, make_clip
from reelplane_crds.runtime import (
    EgressSettings,
    ExtractorSettings,
    FolderObjects,
    OriginAllow,
    ProxyEndpoint,
    RuntimeDocument,
    ServerRef,
    SourceLimits,
    Stores,
    WorkerSettings,
)
from reelplane_workloads.core.errors import Code, Problem
from reelplane_workloads.download.protocol import Found, Progress
from reelplane_workloads.download.runner import Outcome, Runner
from reelplane_workloads.egress.guard import Guard
from reelplane_workloads.store.model import Flight, FlightKind, FlightState, Options, Priority

EXTRACTOR = Path(sys.prefix) / "extractor"


@pytest.fixture
def origin() -> Iterator[Origin]:
    with Origin() as server:
        yield server


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``clip.mp4`` (4 s, H.264 and AAC) and ``other.mp4`` (2 s, another tone)."""
    folder = tmp_path_factory.mktemp("clips")
    make_clip(folder / "clip.mp4")
    make_clip(folder / "other.mp4", seconds=2, tone=880)
    return folder


def document(folder: Path, **changes: Any) -> RuntimeDocument:
    """A worker's document: loopback origins allowed, small figures. ``changes``: settings by part."""
    parts: dict[str, dict[str, Any]] = {"worker": {}, "extractor": {}, "sources": {}, "egress": {}, **changes}
    nowhere = ServerRef(url="unix:///nowhere")
    return RuntimeDocument(
        platform="test",
        pipeline="test",
        workload="worker",
        role="worker",
        stores=Stores(
            cache=nowhere, queue=nowhere, database=nowhere, objects=FolderObjects(root=folder / "objects")
        ),
        worker=WorkerSettings(
            **{"work_dir": folder / "work", "socket_dir": folder, "job_timeout": 60, **parts["worker"]}
        ),
        sources=SourceLimits(**parts["sources"]),
        egress=EgressSettings(**{"allow": (OriginAllow(cidr="127.0.0.1/32"),), **parts["egress"]}),
        extractor=ExtractorSettings(
            **{"path": EXTRACTOR, "retries": 1, "fragment_retries": 1, **parts["extractor"]}
        ),
    )


def flight(url: str, *, id: str = "f1", kind: FlightKind = FlightKind.DOWNLOAD, **options: Any) -> Flight:
    return Flight(
        id=id,
        kind=kind,
        url_key=id,
        url=url,
        options=Options(**options),
        priority=Priority.NORMAL,
        state=FlightState.RUNNING,
        attempt=1,
    )


@dataclass
class Watcher:
    """The three callbacks of a run, and what they were told."""

    upstream: ProxyEndpoint | None = None
    answer: Literal["go", "stop"] = "go"
    extractors: list[str] = field(default_factory=list)
    found: list[Found] = field(default_factory=list)
    progress: list[Progress] = field(default_factory=list)
    on_progress: Callable[[Progress], Awaitable[None]] | None = None

    async def choose(self, extractor: str) -> ProxyEndpoint | None:
        self.extractors.append(extractor)
        return self.upstream

    async def info(self, found: Found) -> Literal["go", "stop"]:
        self.found.append(found)
        return self.answer

    async def progressed(self, progress: Progress) -> None:
        self.progress.append(progress)
        if self.on_progress is not None:
            await self.on_progress(progress)


class Bench:
    """A runner with its guard. ``run`` runs one flight of a URL and keeps what it told in ``seen``."""

    def __init__(self, runner: Runner, guard: Guard, settings: RuntimeDocument) -> None:
        self.runner, self.guard, self.settings = runner, guard, settings
        self.seen: list[Watcher] = []

    @property
    def work(self) -> Path:
        assert self.settings.worker is not None
        return self.settings.worker.work_dir

    async def run(
        self,
        url: str,
        *,
        answer: Literal["go", "stop"] = "go",
        upstream: ProxyEndpoint | None = None,
        on_progress: Callable[[Progress], Awaitable[None]] | None = None,
        id: str = "f1",
        kind: FlightKind = FlightKind.DOWNLOAD,
        **options: Any,
    ) -> Outcome:
        self.seen.append(watcher := Watcher(answer=answer, upstream=upstream, on_progress=on_progress))
        return await self.runner.run(
            flight(url, id=id, kind=kind, **options),
            choose_egress=watcher.choose,
            on_info=watcher.info,
            on_progress=watcher.progressed,
        )

    async def discard(self, id: str) -> None:
        await self.runner.discard(flight("https://localhost/", id=id))

    async def code(self, url: str, **how: Any) -> Code:
        """The code of the Problem that a flight of ``url`` ends with."""
        with pytest.raises(Problem) as raised:
            await self.run(url, **how)
        return raised.value.code


MakeBench = Callable[..., Awaitable[Bench]]


@pytest.fixture
async def make_bench(short_tmp: Path) -> AsyncIterator[MakeBench]:
    """Makes runners with settings of the test's own; all are closed at the end."""
    made: list[Bench] = []

    async def make(*, warm: bool = False, **changes: Any) -> Bench:
        settings = document(short_tmp / str(len(made)), **changes)
        guard = Guard(settings.egress)
        await guard.start(short_tmp / f"guard{len(made)}.sock")
        made.append(Bench(await Runner(settings, guard, warm=warm).start(), guard, settings))
        return made[-1]

    yield make
    for bench in made:
        await bench.runner.close()
        await bench.guard.close()


@pytest.fixture
async def bench(make_bench: MakeBench) -> Bench:
    return await make_bench()
