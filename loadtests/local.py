"""A local platform as its users start it, for the demo, the benchmarks, the load tests and the end-to-end tests.

``with LocalPlatform(files, state) as platform`` runs ``reelplane up``, waits until it is ready and drains it at the
end. What runs is read from the record that the supervisor keeps (``supervisor.json``).
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

READY_WITHIN = 60.0
DRAIN_WITHIN = 60.0
T = TypeVar("T")


class PlatformError(RuntimeError):
    """The platform did not do what it should; the message carries the end of its log."""


def eventually(check: Callable[[], T | None], *, within: float, what: str, every: float = 0.05) -> T:
    """The first truthy value of ``check`` within so many seconds; raises PlatformError naming ``what``."""
    deadline = time.monotonic() + within
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > deadline:
            raise PlatformError(f"not within {within:g} s: {what}")
        time.sleep(every)


def exit_on_sigterm() -> None:
    """Let SIGTERM unwind the program as Ctrl-C does, so that a platform it started is drained and not left behind."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))


class LocalPlatform:
    """One ``reelplane up``. ``state`` is kept by the caller, so that a second start finds what the first left."""

    def __init__(
        self, files: Sequence[Path], state: Path, *, log: Path | None = None, arguments: Sequence[str] = ()
    ) -> None:
        self._command = [
            sys.executable,
            "-m",
            "reelplane_cli.main",
            "up",
            "--state",
            str(state),
            "--no-colour",
        ]
        self._command += [part for file in files for part in ("-f", str(file))]
        self._command += arguments if "--port" in arguments else ["--port", "0", *arguments]
        self._state = state
        self._log = log or state / "up.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> LocalPlatform:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start it and wait until it is ready. Raises PlatformError with what it said when it is not."""
        self._state.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
            )
        try:
            eventually(self._is_ready, within=READY_WITHIN, what="the platform is ready", every=0.02)
        except PlatformError:
            self.stop()
            raise

    def _is_ready(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise PlatformError(f"reelplane up ended\n{self.log_tail()}")
        record = self._find_record()
        return record is not None and record["pid"] == self._process.pid and record["state"] == "ready"

    def stop(self) -> int | None:
        """Ctrl-C: drain and wait. Returns the exit code; None when it was not running."""
        process, self._process = self._process, None
        if process is None:
            return None
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            return process.wait(timeout=DRAIN_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise PlatformError(f"did not drain within {DRAIN_WITHIN:g} s\n{self.log_tail()}") from None

    def kill(self) -> None:
        """SIGKILL the supervisor: the worst way to lose a platform."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    @property
    def record(self) -> dict[str, Any]:
        """The supervisor's record, read anew. Raises PlatformError when there is none."""
        record = self._find_record()
        if record is None:
            raise PlatformError(f"no supervisor.json below {self._state}")
        return record

    @property
    def folder(self) -> Path:
        """The platform's own folder in the state folder."""
        return self._state / str(self.record["platform"])

    @property
    def url(self) -> str:
        """Where clients go."""
        return str(self.record["url"])

    def processes(self, group: str) -> list[dict[str, Any]]:
        """The live processes of a group (``api``, ``worker``), as recorded."""
        return [each for each in self.record["processes"] if each["group"] == group and each["pid"]]

    def addresses(self, group: str = "api") -> list[str]:
        """Each process's own address."""
        return [str(each["address"]) for each in self.processes(group)]

    def kill_process(self, pid: int) -> None:
        """SIGKILL one recorded process. Raises PlatformError for a pid that is not the platform's."""
        if pid not in [each["pid"] for each in self.record["processes"]]:
            raise PlatformError(f"{pid} is not a process of this platform")
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    def busy_worker(self) -> dict[str, Any] | None:
        """The record of a worker process that says it runs a job; None while none does."""
        busy = [str(worker["id"]) for worker in self.status()["workers"] if worker["busy"]]
        for process in self.processes("worker"):
            if any(worker.startswith(f"{process['name']}-{process['pid']}-") for worker in busy):
                return process
        return None

    def status(self) -> dict[str, Any]:
        """GET /v1/status."""
        with urllib.request.urlopen(f"{self.url}/v1/status", timeout=10) as answer:
            value: dict[str, Any] = json.load(answer)
        return value

    def log_tail(self, lines: int = 40) -> str:
        """The end of what the supervisor and its processes said."""
        with contextlib.suppress(OSError):
            return "\n".join(self._log.read_text(errors="replace").splitlines()[-lines:])
        return ""

    def _find_record(self) -> dict[str, Any] | None:
        for path in self._state.glob("*/supervisor.json"):
            with contextlib.suppress(OSError, ValueError):
                record: dict[str, Any] = json.loads(path.read_text())
                return record
        return None
