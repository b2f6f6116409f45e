"""One process from start to end: spawned, probed until ready, watched, started again with back-off, stopped.

``Child.run`` is its whole life as one coroutine; it returns when the process was told to stop and is gone.
The child leads a session of its own: the terminal's Ctrl-C reaches only the supervisor, which then asks the
processes in order, and whatever a child leaves in its process group is ended with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from reelplane_cli.local import launch
from reelplane_cli.local.backoff import Backoff
from reelplane_cli.local.identity import start_mark
from reelplane_cli.local.logs import Console, LineSplitter, LogFile
from reelplane_cli.local.record import ProcessRecord, ProcessState
from reelplane_cli.local.sockets import get, listen, ping, url_of
from reelplane_plan.render.processes import ProcessSpec
from reelplane_plan.types import PingProbe

_READY_POLL = (0.03, 0.5)
"""Seconds between two questions while it starts: first and longest; each wait is 1.3 times the last."""
_ALIVE_PERIOD = 5.0
_ALIVE_TIMEOUT = 5.0
_ALIVE_FAILURES = 6
"""Half a minute without an answer is a hang, also on a machine whose processors are all busy."""
_START_TIMEOUT = 120.0
_TAIL_LINES = 20


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all children of a supervisor share."""

    console: Console
    logs: Path
    listening: socket.socket
    documents: Mapping[str, Path]
    """Group name -> its runtime document."""
    log_style: str
    changed: Callable[[], None]
    """Called after every change that the record shows."""
    backoff: Backoff = field(default_factory=Backoff)


class Child:
    def __init__(self, spec: ProcessSpec, slot: int, around: Surroundings) -> None:
        self.spec = spec
        self.slot = slot
        self.name = spec.instance(slot)
        self.restarts = 0
        self.exits_since_ready = 0
        self.last_exit: str | None = None
        self.tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self.ready = asyncio.Event()
        self.state: ProcessState = "starting"
        self._around = around
        self._own = None if spec.role == "store" else listen("127.0.0.1", 0)
        self._process: subprocess.Popen[bytes] | None = None
        self._mark = ""
        self._since = 0.0
        self._stop = asyncio.Event()
        self._log = LogFile(around.logs / f"{self.name}.log")

    @property
    def address(self) -> str | None:
        return url_of(self._own) if self._own else None

    @property
    def stopping(self) -> bool:
        return self._stop.is_set()

    def record(self) -> ProcessRecord:
        return ProcessRecord(
            name=self.name,
            group=self.spec.name,
            role=self.spec.role,
            pid=self._process.pid if self._process else 0,
            started=self._mark if self._process else "",
            address=self.address,
            state=self.state,
            restarts=self.restarts,
            since=self._since,
            fingerprint=self.spec.fingerprint,
            last_exit=self.last_exit,
        )

    async def run(self) -> None:
        """Keep it running until ``stop``."""
        failures = 0
        try:
            while not self.stopping:
                began = time.monotonic()
                code = await self._once()
                if self.stopping:
                    break
                self.exits_since_ready += 1
                failures = self._around.backoff.failures(failures, ran_for=time.monotonic() - began)
                delay = self._around.backoff.delay(failures, random.random())  # noqa: S311 - jitter
                self.last_exit = describe(code)
                self._say(f"{self.last_exit}; starting again in {delay:.1f} s")
                self._become("backoff")
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stop.wait(), delay)
                self.restarts += 1
        finally:
            self._log.close()
            if self._own:
                self._own.close()

    def stop(self) -> None:
        """Ask it to end: SIGTERM to the process itself, which knows how to wind up what it started."""
        if self.stopping:
            return
        self._stop.set()
        self._become("draining")
        if self._process:
            self._process.send_signal(signal.SIGTERM)

    def hurry(self) -> None:
        """Ask again: a workload that is told twice to stop does not wait for what it runs."""
        if self._process:
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it and its process group now."""
        self._stop.set()
        if self._process:
            _kill_group(self._process.pid)

    async def _once(self) -> int:
        """Start it, watch it, and return its exit code once it has ended."""
        self._become("starting")
        reading, writing = os.pipe()
        try:
            process = self._spawn(writing)
        except OSError as error:  # No room for another process: as if it had ended at once.
            os.close(reading)
            self._line(f"cannot be started: {error.strerror}")
            return 1
        self._process, self._mark, self._since = process, start_mark(process.pid) or "", time.time()
        self._around.changed()
        output = asyncio.create_task(self._read(reading))
        watch = asyncio.create_task(self._watch())
        try:
            code = await _ended(process)
        finally:
            if process.poll() is None:  # We are being cancelled: nothing may be left behind.
                _kill_group(process.pid)
                process.wait()
            watch.cancel()
            self.ready.clear()
            self._process = None
        # A grandchild that outlived the group's end holds the pipe; its lines are no longer ours to wait for.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(output, 1.0)
        return code

    def _spawn(self, output: int) -> subprocess.Popen[bytes]:
        fds = [self._around.listening.fileno(), *([self._own.fileno()] if self._own else [])]
        filled = {
            "{instance}": self.name,
            "{document}": str(self._around.documents.get(self.spec.name, "")),
            "{listen-fd}": str(fds[0]),
            "{own-fd}": str(fds[-1]),
            "{log-style}": self._around.log_style,
        }
        argv = [filled.get(word, word) for word in self.spec.argv]
        given = [
            fd for word, fd in (("{listen-fd}", fds[0]), ("{own-fd}", fds[-1])) if word in self.spec.argv
        ]
        wrapper = [sys.executable, "-I", "-S", launch.__file__, str(os.getpid()), str(self.spec.nice)]
        try:
            return subprocess.Popen(  # noqa: S603 - argv from the plan
                [*wrapper, *argv],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=given,
                start_new_session=True,
            )
        finally:
            os.close(output)

    async def _read(self, pipe: int) -> None:
        """Every line the process writes, to the terminal and to its file, until the pipe's last writer is gone."""
        reader = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(pipe, "rb", 0)
        )
        splitter = LineSplitter()
        try:
            while data := await reader.read(64 * 2**10):
                for line in splitter.feed(data):
                    self._line(line)
            for line in splitter.flush():
                self._line(line)
        finally:
            transport.close()

    async def _watch(self) -> None:
        """Wait until it is ready, then ask now and then whether it lives; kill it when it does neither."""
        began = time.monotonic()
        pause = _READY_POLL[0]
        while not await self._asked(ready=True, timeout=2.0):
            if time.monotonic() - began > _START_TIMEOUT:
                self._say(f"not ready after {_START_TIMEOUT:.0f} s; killed")
                return self.kill_hung()
            await asyncio.sleep(pause)
            pause = min(pause * 1.3, _READY_POLL[1])
        self.exits_since_ready = 0
        self.ready.set()
        self._become("ready")
        missed = 0
        while missed < _ALIVE_FAILURES:
            await asyncio.sleep(_ALIVE_PERIOD)
            missed = 0 if await self._asked(ready=False, timeout=_ALIVE_TIMEOUT) else missed + 1
            self._become("unready" if missed else "ready")
        self._say(f"did not answer {missed} times; killed")
        return self.kill_hung()

    def kill_hung(self) -> None:
        """Kill without meaning to stop: it will be started again."""
        if self._process:
            _kill_group(self._process.pid)

    async def _asked(self, *, ready: bool, timeout: float) -> bool:
        probe = self.spec.probe
        if isinstance(probe, PingProbe):
            return await ping(probe.socket, timeout=timeout)
        try:
            path = probe.ready if ready else probe.alive
            status, _ = await get(f"{self.address}{path}", timeout=timeout)
        except (OSError, ValueError):
            return False
        return 200 <= status < 300

    def _become(self, state: ProcessState) -> None:
        if self.stopping:
            state = "draining"
        if state != self.state:
            self.state = state
            self._around.changed()

    def _line(self, text: str) -> None:
        self.tail.append(text)
        self._log.line(text)
        self._around.console.line(self.name, text)

    def _say(self, text: str) -> None:
        """The supervisor's word on this process: to the terminal and to the process's own file."""
        self._log.line(f"supervisor: {text}")
        self._around.console.line(self.name, text)


def describe(code: int) -> str:
    """An exit code in words."""
    if code >= 0:
        return f"exited with {code}"
    with contextlib.suppress(ValueError):
        return f"killed by {signal.Signals(-code).name}"
    return f"killed by signal {-code}"


async def _ended(process: subprocess.Popen[bytes]) -> int:
    """Wait for the end, end what is left of its process group, then collect it.

    In that order: until it is collected its id cannot be given to another process, so neither can its group's.
    """
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    if hasattr(os, "pidfd_open"):
        descriptor = os.pidfd_open(process.pid)
        loop.add_reader(descriptor, ended.set)
        try:
            await ended.wait()
        finally:
            loop.remove_reader(descriptor)
            os.close(descriptor)
        _kill_group(process.pid)
    else:  # Not Linux: poll, as there are few processes and nothing waits for this.
        while process.poll() is None:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return process.wait()


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
