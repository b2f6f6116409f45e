"""The extraction child: one process, one job. Started by ``process``; speaks ``protocol`` on stdin and stdout.

    lifeline ─► import yt-dlp ─► Ready … Start ─► lock the folder, Chosen … Proceed ─► sandbox, Entered ─►
    extract, Found … Proceed ─► fetch, Progress* ─► sniff, probe, copy streams ─► Done, or Failed at any point

All that may take long without knowing the job is done before Ready, so that a child can wait warm. No byte is
sent to the network before Entered. Whatever prints to stdout prints to stderr here: stdout is the pipe.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO, TypeVar

from reelplane_workloads.core.errors import Code, Problem
from reelplane_workloads.download import cookies, faults, fetch, info, lifeline, options, text, workdir
from reelplane_workloads.download.protocol import (
    Chosen,
    Done,
    Entered,
    Failed,
    FromChild,
    Proceed,
    Progress,
    Ready,
    Start,
    decode_to_child,
    encode,
)
from reelplane_workloads.egress import sandbox
from reelplane_workloads.media import ffmpeg, finish

T = TypeVar("T", Start, Proceed)

LOG_LINE = 300
"""Characters of one line of yt-dlp's that are kept."""
LOG_LINES = 200
"""Lines of a job that are kept: more is a loop, and the first ones tell why."""


class Pipe:
    """Both directions of the pipe. Sending is safe from several threads: progress comes from the fragments' own."""

    def __init__(self, reading: BinaryIO, writing: BinaryIO) -> None:
        self._reading, self._writing = reading, writing
        self._lock = threading.Lock()

    def send(self, message: FromChild) -> None:
        with self._lock:
            self._writing.write(encode(message))
            self._writing.flush()

    def receive(self, kind: type[T]) -> T:
        line = self._reading.readline()
        if not line:
            # The worker closed the pipe: the job was stopped.
            raise SystemExit(0)
        message = decode_to_child(line)
        if not isinstance(message, kind):
            raise TypeError(f"expected {kind.__name__}, got {type(message).__name__}")
        return message


class Log:
    """yt-dlp's logger: to stderr, which the worker keeps the end of, without secrets and within bounds."""

    def __init__(self, secrets: tuple[str, ...]) -> None:
        self._secrets = secrets
        self._lines = 0

    def debug(self, message: str) -> None:
        if not message.startswith("[debug]"):
            self._write(message)

    def warning(self, message: str) -> None:
        self._write("warning: " + message)

    def error(self, message: str) -> None:
        self._write("error: " + message)

    def _write(self, message: str) -> None:
        self._lines += 1
        if self._lines <= LOG_LINES:
            line = text.plain(message, LOG_LINE)
            print(text.detail(line, self._secrets), file=sys.stderr, flush=True)  # noqa: T201


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "--extractor", type=Path, required=True, help="folder that holds yt_dlp and its helpers"
    )
    parser.add_argument("--lifeline", type=int, required=True, help="reading end of the worker's pipe")
    parser.add_argument("--no-impersonation", action="store_true", help="do not let yt-dlp use curl_cffi")
    arguments = parser.parse_args()
    lifeline.hold(arguments.lifeline)
    pipe = _take_pipe()
    yt_dlp = _import_extractor(arguments.extractor, impersonation=not arguments.no_impersonation)
    pipe.send(Ready(version=str(yt_dlp.version.__version__)))
    start = pipe.receive(Start)
    secrets = cookies.values(start.cookies)
    try:
        _run(pipe, start, arguments.extractor, secrets)
    except Exception as error:  # whatever went wrong is what the worker must hear
        problem = faults.problem_of(error, secrets)
        if problem.code is Code.EXTRACTOR_ERROR:
            print(text.detail(repr(error), secrets), file=sys.stderr, flush=True)  # noqa: T201
        pipe.send(Failed(code=problem.code.value, detail=text.detail(problem.detail, secrets)))
    return 0


def _take_pipe() -> Pipe:
    """Keep stdin and stdout for the protocol; to all else stdin is empty and stdout is stderr."""
    reading, writing = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    return Pipe(reading, writing)


def _import_extractor(folder: Path, *, impersonation: bool) -> ModuleType:
    """yt-dlp from ``folder`` and from nowhere else, without plugins, with its patterns compiled."""
    os.environ["YTDLP_NO_PLUGINS"] = "1"
    sys.path.insert(0, str(folder))
    if not impersonation:
        sys.modules["curl_cffi"] = None  # type: ignore[assignment] # makes `import curl_cffi` fail, as documented
    import yt_dlp  # noqa: PLC0415 - only now is it on the path

    if not Path(yt_dlp.__file__).resolve().is_relative_to(folder.resolve()):
        raise ImportError(f"yt_dlp came from {yt_dlp.__file__}, not from {folder}")
    import av  # noqa: F401, PLC0415 - loaded while there is time

    fetch.choose_extractor("https://localhost/")
    module: ModuleType = yt_dlp
    return module


def _run(pipe: Pipe, start: Start, extractor_folder: Path, secrets: tuple[str, ...]) -> None:
    folder, held = workdir.claim(Path(start.folder))
    pipe.send(Chosen(extractor=fetch.choose_extractor(start.url), folder=str(folder)))
    spec = pipe.receive(Proceed).sandbox
    if spec is None:
        raise Problem(Code.ISOLATION_UNAVAILABLE, "the worker did not say how to enter the sandbox")
    isolation = sandbox.enter(sandbox.SandboxSpec(**spec))
    os.environ.update(isolation.environ, HOME=str(folder), TMPDIR=str(folder))
    pipe.send(Entered(isolation=isolation.level, detail=isolation.detail))
    pipe.send(Progress(phase="extracting"))
    meter = fetch.Meter(start.limits, pipe.send)
    fixed: dict[str, Any] = {
        "folder": folder,
        "proxy": isolation.proxy_url,
        "deno": extractor_folder / "bin" / "deno",
        "cookies": start.cookies,
        "logger": Log(secrets),
        "on_progress": meter.hook,
    }
    session, raw = _extract(start, fixed)
    found = info.found(raw, start.job)
    if start.job.kind == "info" or found.entries is not None:
        pipe.send(found)
        return
    info.admit(raw, start.limits)
    pipe.send(found)
    pipe.receive(Proceed)
    fetched = session.fetch(raw, folder, meter)
    session.close()
    pipe.send(Progress(phase="processing", bytes=meter.received))
    _finish(pipe, start, folder, fetched, held)


def _extract(start: Start, fixed: dict[str, Any]) -> tuple[fetch.Extractor, dict[str, Any]]:
    """Extract, and once more in a browser's guise when the site's answer was a challenge to robots."""
    for impersonate in (False, True):
        session = fetch.Extractor(
            options.build(start.job, start.limits, start.tuning, **fixed, impersonate=impersonate)
        )
        try:
            return session, info.select_item(session.extract(start.url), start.job)
        except Exception as error:
            session.close()
            if impersonate or not start.tuning.impersonate or "anti-bot challenge" not in str(error):
                raise
    raise AssertionError("the second round returns or raises")


def _finish(pipe: Pipe, start: Start, folder: Path, fetched: list[fetch.Fetched], held: int) -> None:
    # Probing runs in this process; a demuxer that never ends is ended by the worker's job timeout, a copy by its own.
    result = finish.finish(
        [finish.Source(each.path, assembled=each.assembled) for each in fetched],
        want=start.job.format,
        folder=folder,
        copy=lambda argv: ffmpeg.run(argv, timeout=finish.COPY_TIMEOUT, keep_fds=(held,)),
        ffmpeg_binary=start.ffmpeg,
    )
    info.check_duration(result.probe.duration, start.limits)
    pipe.send(
        Done(
            file=result.path.name,
            extension=result.format.extension,
            content_type=result.format.content_type,
            duration=result.probe.duration,
            width=result.probe.width,
            height=result.probe.height,
            has_video=result.probe.video is not None,
            has_audio=result.probe.audio is not None,
        )
    )


if __name__ == "__main__":
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C is for the worker, which decides what becomes of its children
    sys.exit(main())
