"""Runs flights in children: the worker's side of a job, from a URL to a finished file and its hash.

    async with Runner(document, guard) as runner:
        outcome = await runner.run(flight, choose_egress=…, on_info=…, on_progress=…)

One child is kept warm, because importing the extractor takes longer than extracting from most sites.
Whatever ends a job (success, Problem, time limit, cancellation) ends its whole process group first.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from reelplane_crds.runtime import ProxyEndpoint, RuntimeDocument
from reelplane_workloads.core import metrics
from reelplane_workloads.core.errors import Code, Problem
from reelplane_workloads.download import cookies, workdir
from reelplane_workloads.download.nursery import Nursery
from reelplane_workloads.download.outcome import (
    Downloaded,
    InfoOnly,
    Outcome,
    Playlist,
    Stopped,
    better_reason,
    downloaded,
    hashed,
    reported,
)
from reelplane_workloads.download.process import Child, ChildDied, adopt_orphans
from reelplane_workloads.download.protocol import (
    Chosen,
    Done,
    Entered,
    Failed,
    Found,
    Job,
    Limits,
    Proceed,
    Progress,
    Start,
    Tuning,
)
from reelplane_workloads.egress.grants import Grant
from reelplane_workloads.egress.guard import Guard
from reelplane_workloads.media.ffmpeg import ffmpeg_path
from reelplane_workloads.store.model import Flight

_CRASHES = frozenset(
    -number for number in (signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGFPE, signal.SIGILL)
)

__all__ = ["Downloaded", "InfoOnly", "Outcome", "Playlist", "Runner", "Stopped"]

log = logging.getLogger(__name__)

BUDGET = 3
"""Times ``max_size`` that may cross the guard for one attempt: retries and pages included, endless ones not."""
FILE_SLACK = 64 * 2**20
"""Bytes by which the kernel's limit on a file lies above the pipeline's: the latter is reported in words, the
former is the backstop, and a copy of the streams may be a little longer than what was fetched."""

ChooseEgress = Callable[[str], Awaitable[ProxyEndpoint | None]]
"""Given the extractor's name: the upstream proxy of this job, or None for none. May raise Problem."""
OnInfo = Callable[[Found], Awaitable[Literal["go", "stop"]]]
"""Before the first byte is fetched. "stop": the video is known, or somebody else fetches it."""
OnProgress = Callable[[Progress], Awaitable[None]]


@dataclass(slots=True)
class _Attempt:
    """One run: who is told, and what happened so far."""

    flight: Flight
    choose_egress: ChooseEgress
    on_info: OnInfo
    on_progress: OnProgress
    grant: Grant | None = None
    child: Child | None = None
    found: Found | None = None
    phase: str = ""

    async def end_child(self) -> None:
        """Kill and reap what runs for it. The killing is done, whatever happens to the waiting."""
        if self.child is not None:
            self.child.kill()
            await self.child.end()


class Runner:
    """``python``: the interpreter of the children. ``warm``: whether one waits ready."""

    def __init__(
        self, document: RuntimeDocument, guard: Guard, *, python: str = sys.executable, warm: bool = True
    ) -> None:
        """Raises ValueError when the document is not a worker's."""
        if document.worker is None or document.extractor is None:
            raise ValueError("the runtime document has no worker and extractor parts")
        self._worker, self._extractor = document.worker, document.extractor
        self._limits = Limits(**document.sources.model_dump())
        self._tuning = Tuning(**self._extractor.model_dump(include=set(Tuning.__struct_fields__)))
        self._guard = guard
        self._root = self._worker.work_dir
        self._children = Nursery(
            python,
            self._extractor.path,
            impersonate=self._extractor.impersonate,
            cwd=self._root,
            keep_warm=warm,
        )

    @property
    def version(self) -> str:
        """yt-dlp's version; empty until a child has said it."""
        return self._children.version

    async def start(self) -> Self:
        """Prepare the work folder and start the warm child. Raises OSError."""
        self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
        adopt_orphans()
        self._children.warm_up()
        return self

    async def close(self) -> None:
        """End the child that waits. Jobs that run are ended by cancelling them."""
        await self._children.close()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def run(
        self, flight: Flight, *, choose_egress: ChooseEgress, on_info: OnInfo, on_progress: OnProgress
    ) -> Outcome:
        """Run one attempt of ``flight``.

        Raises Problem. After a transient one, and when cancelled, the work folder stays for the next attempt; call
        ``discard`` when there will be none. Otherwise nothing is left behind but what Downloaded names.
        """
        attempt = _Attempt(flight, choose_egress, on_info, on_progress)
        limit = asyncio.timeout(None)
        try:
            async with asyncio.timeout(self._worker.job_timeout) as limit:
                outcome = await self._extract(attempt)
                await attempt.end_child()
                if isinstance(outcome, Downloaded):
                    return await asyncio.to_thread(hashed, outcome)
        except TimeoutError:
            if not limit.expired():
                raise  # a callback's own
            problem = Problem(Code.JOB_TIMEOUT, f"it was not done after {self._worker.job_timeout} s")
        except ChildDied as died:
            problem = _blame(died, attempt)
        except Problem as raised:
            problem = raised
        else:
            await self.discard(flight)
            return outcome
        finally:
            # Revoked first: what a child sends while it is being killed must not leave.
            if attempt.grant is not None:
                self._guard.revoke(attempt.grant)
            await attempt.end_child()
        if attempt.grant is not None:
            problem = better_reason(problem, attempt.grant)
        log.info(
            "extraction failed",
            extra={
                "flight": flight.id,
                "code": problem.code.value,
                "said": attempt.child.tail[-600:] if attempt.child else "",
            },
        )
        if not problem.transient:
            await self.discard(flight)
        raise problem

    async def discard(self, flight: Flight) -> None:
        """Remove the work folders of a flight: it was published, or will not be tried again."""
        await asyncio.to_thread(workdir.discard_flight, self._root, flight.id)

    async def _extract(self, attempt: _Attempt) -> Outcome:
        """Have a child do it; another one, when the first died before it began: that one may have died waiting."""
        attempt.child = await self._children.take()
        try:
            return await self._talk(attempt.child, attempt)
        except ChildDied:
            if attempt.grant is not None:
                raise
        await attempt.end_child()
        attempt.child = await self._children.take()
        return await self._talk(attempt.child, attempt)

    async def _talk(self, child: Child, attempt: _Attempt) -> Outcome:
        """The conversation with a ready child, up to its last word."""
        flight = attempt.flight
        await child.send(await asyncio.to_thread(self._start_message, flight))
        folder = self._root / flight.id
        while (message := await child.receive()) is not None:
            match message:
                case Chosen():
                    folder = Path(message.folder)
                    upstream = await attempt.choose_egress(message.extractor)
                    attempt.grant = self._guard.grant(upstream, budget=BUDGET * self._limits.max_size)
                    await child.send(Proceed(sandbox=self._sandbox(attempt.grant, folder)))
                case Entered(isolation=level):
                    metrics.ISOLATION.labels(level).inc()
                    log.info(
                        "sandboxed", extra={"flight": flight.id, "isolation": level, "detail": message.detail}
                    )
                case Found(entries=entries):
                    attempt.found = message
                    if flight.kind == "info":
                        return InfoOnly(message.summary)
                    if entries is not None:
                        return Playlist(message.title, tuple(entries), message.entry_count or len(entries))
                    if await attempt.on_info(message) == "stop":
                        return Stopped()
                    await child.send(Proceed())
                case Progress(phase=phase):
                    attempt.phase = phase
                    await attempt.on_progress(message)
                case Failed():
                    raise reported(message)
                case Done() if attempt.found is not None and attempt.grant is not None:
                    return downloaded(message, folder, attempt.found, attempt.grant.bytes_down)
                case _:
                    raise ChildDied(None, f"unexpected {type(message).__name__}")
        raise ChildDied(0, "it ended without a result")

    def _start_message(self, flight: Flight) -> Start:
        options = flight.options
        return Start(
            url=flight.url,
            job=Job(
                kind=flight.kind.value,
                format=options.format,
                max_height=options.max_height,
                playlist=options.playlist,
                item=options.item,
            ),
            limits=self._limits,
            tuning=self._tuning,
            folder=str(self._root / flight.id),
            ffmpeg=ffmpeg_path(),
            cookies=cookies.text_for(flight.url, self._extractor.cookies_dir),
        )

    def _sandbox(self, grant: Grant, folder: Path) -> dict[str, object]:
        spec = self._guard.sandbox(
            grant,
            work_dir=folder,
            readable=[self._extractor.path, Path(ffmpeg_path())],
            max_file_size=self._limits.max_size + FILE_SLACK,
            memory_limit=self._worker.memory_limit,
        )
        return asdict(spec)


def _blame(died: ChildDied, attempt: _Attempt) -> Problem:
    """What a child's death means: a file that crashes a demuxer is a bad file, all else may go well next time."""
    extra = {"flight": attempt.flight.id, "status": died.status, "said": died.tail[-600:]}
    log.warning("an extraction child died", extra=extra)
    if attempt.phase == "processing" and died.status in _CRASHES:
        return Problem(Code.CORRUPT_MEDIA, "reading the file crashed the reader")
    how = f"signal {-died.status}" if died.status is not None and died.status < 0 else "a fault of its own"
    return Problem(Code.EXTRACTOR_ERROR, f"the extraction was ended by {how}")
