"""A child as the worker holds it: started in a process group of its own, killed with all of it, and reaped.

Killing is a plain function call that cannot be cancelled, so that a job that is cancelled, times out or is
caught in a shutdown leaves no process behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections import deque
from pathlib import Path
from typing import Self

import msgspec

from reelplane_workloads.core.logs import redact
from reelplane_workloads.download.protocol import (
    MAX_LINE,
    FromChild,
    ToChild,
    decode_from_child,
    encode,
)

TAIL_LINES = 30
"""Lines of a child's stderr that are kept for the log."""
REAP_TIMEOUT = 5.0
"""Seconds to wait for killed processes to vanish; only one stuck in the kernel (a dead disk) takes longer."""

_PR_SET_CHILD_SUBREAPER = 36


class ChildDied(Exception):
    """The pipe ended, or carried what is no message. ``status``: exit code, negative for a signal, None unknown."""

    def __init__(self, status: int | None, tail: str) -> None:
        super().__init__(f"status {status}: {tail}")
        self.status = status
        self.tail = tail


def adopt_orphans() -> None:
    """Make this process the parent of its descendants' orphans, so that ``Child.end`` can reap them (prctl(2)).

    Without it they go to process 1, which in a container may be this process without knowing of them, or reap none.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


class Child:
    """One extraction child. Made by ``start``; ``end`` must be called."""

    def __init__(self, process: asyncio.subprocess.Process, lifeline: int) -> None:
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise ValueError("the process was started without pipes")
        self._process = process
        self._lifeline = lifeline
        self._stdin, self._stdout, self._stderr = process.stdin, process.stdout, process.stderr
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._draining = asyncio.create_task(self._drain())

    @classmethod
    async def start(cls, python: str, extractor: Path, *, impersonate: bool, cwd: Path) -> Self:
        """Start a child that imports yt-dlp from ``extractor`` and waits. Raises OSError."""
        reading, writing = os.pipe()
        try:
            # -I: no environment variables of Python's, no user site, no current directory on the path.
            process = await asyncio.create_subprocess_exec(
                python,
                "-I",
                "-m",
                "reelplane_workloads.download.child",
                "--extractor",
                str(extractor),
                "--lifeline",
                str(reading),
                *([] if impersonate else ["--no-impersonation"]),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                limit=MAX_LINE,
                pass_fds=(reading,),
                start_new_session=True,
                cwd=cwd,
                env={"PATH": os.devnull, "LC_ALL": "C.UTF-8", "HOME": os.devnull},
            )
        except BaseException:
            os.close(writing)
            raise
        finally:
            os.close(reading)
        return cls(process, writing)

    @property
    def pid(self) -> int:
        """Of the child, and of its process group."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.returncode is None and not self._stdout.at_eof()

    @property
    def tail(self) -> str:
        """The last lines it wrote to stderr, without credentials."""
        return "\n".join(self._tail)

    async def send(self, message: ToChild) -> None:
        """A child that is gone is noticed by the next ``receive``."""
        with contextlib.suppress(ConnectionError):
            self._stdin.write(encode(message))
            await self._stdin.drain()

    async def receive(self) -> FromChild | None:
        """The next message; None when the child ended in good order. Raises ChildDied."""
        try:
            line = await self._stdout.readline()
            if line:
                return decode_from_child(line)
        except (ValueError, msgspec.DecodeError) as error:
            raise ChildDied(None, f"unreadable message: {redact(str(error))[:200]}") from None
        status = await self._process.wait()
        if status:
            await asyncio.wait([self._draining], timeout=1)
            raise ChildDied(status, self.tail)
        return None

    def kill(self) -> None:
        """Kill the process group: the child, its FFmpeg and deno, and the watcher, which keeps the group's id ours."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1

    async def end(self) -> None:
        """Kill and reap. The killing is done, whatever happens to the waiting."""
        self.kill()
        self._stdin.close()
        await self._process.wait()
        await asyncio.wait([self._draining], timeout=1)
        self._draining.cancel()
        await self._reap_group()

    async def _reap_group(self) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + REAP_TIMEOUT
        while loop.time() < deadline:
            try:
                if os.waitpid(-self._process.pid, os.WNOHANG)[0] == 0:  # noqa: ASYNC222 - WNOHANG
                    await asyncio.sleep(0.005)
            except ChildProcessError:
                return

    async def _drain(self) -> None:
        with contextlib.suppress(ValueError, ConnectionError):
            while line := await self._stderr.readline():
                self._tail.append(redact(line[:400].decode("utf-8", "replace").rstrip()))
