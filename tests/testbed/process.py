"""The holder's side of a test cluster's processes: start, probe until ready, kill, start again, stop all.

A ``Bed`` has one warden (``warden.py``), which owns the processes; this side only asks. Each process has its log
in ``FOLDER/logs``, and what fails to start raises ``ProcessError`` with the end of its log.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.testbed import warden

_TAIL_LINES = 25


class ProcessError(Exception):
    """A process of the test bed did not start or did not get ready; carries the end of its log."""


@dataclass(frozen=True, slots=True)
class _Spec:
    argv: tuple[str, ...]
    env: Mapping[str, str]
    patience: float
    is_ready: Callable[[], bool] | None
    within: float


class Bed:
    """Processes that end with this program, or with ``stop``. May be used from any thread.

    ``folder`` is made when missing and kept at the end: logs are what a person wants after a failure.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.logs = folder / "logs"
        self.logs.mkdir(parents=True, exist_ok=True)
        self._specs: dict[str, _Spec] = {}
        self._lock = threading.Lock()
        with (self.logs / "warden.log").open("ab") as log:
            self._warden = subprocess.Popen(
                [sys.executable, "-I", "-S", warden.__file__, str(folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )

    def start(
        self,
        name: str,
        argv: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        patience: float = 0.0,
        is_ready: Callable[[], bool] | None = None,
        within: float = 180.0,
    ) -> None:
        """Start a process, without waiting for it: ``wait_ready`` does.

        ``env`` is added to PATH and HOME, which is all that is passed on. When the bed ends, the process is sent
        SIGTERM and has ``patience`` seconds; with 0 it is killed at once. Raises ProcessError.
        """
        base = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
        self._specs[name] = _Spec(tuple(map(str, argv)), base | dict(env or {}), patience, is_ready, within)
        self._launch(name)

    def wait_ready(self, *names: str) -> None:
        """Wait until each of ``names`` answers its ``is_ready``. Raises ProcessError, also when it ended meanwhile."""
        for name in names:
            spec = self._specs[name]
            deadline = time.monotonic() + spec.within
            pause = 0.02
            while spec.is_ready is not None and not spec.is_ready():
                if (code := self.exit_code(name)) is not None:
                    raise ProcessError(f"{name} ended with {code} before it was ready:\n{self.tail(name)}")
                if time.monotonic() > deadline:
                    raise ProcessError(f"{name} was not ready within {spec.within:g} s:\n{self.tail(name)}")
                time.sleep(pause)
                pause = min(pause * 1.2, 0.2)

    def exit_code(self, name: str) -> int | None:
        """None while it runs; negative: it was ended by that signal."""
        code: int | None = self._ask(do="poll", name=self._known(name))["code"]
        return code

    def check(self) -> None:
        """Raises ProcessError when a process that was started has ended."""
        for name in self._specs:
            if (code := self.exit_code(name)) is not None:
                raise ProcessError(f"{name} ended with {code}:\n{self.tail(name)}")

    def kill(self, name: str) -> None:
        """SIGKILL, and wait until it is gone. Does nothing when it does not run."""
        self._ask(do="stop", name=self._known(name), patience=0)

    def terminate(self, name: str, patience: float = 30.0) -> int | None:
        """SIGTERM, SIGKILL after so many seconds; returns the exit code."""
        code: int | None = self._ask(do="stop", name=self._known(name), patience=patience)["code"]
        return code

    def restart(self, name: str) -> None:
        """Start it again as it was started, killing it first when it runs, and wait until it is ready."""
        self.kill(name)
        self._launch(name)
        self.wait_ready(name)

    def unmount_at_end(self, folder: Path) -> None:
        """Unmount whatever is mounted at or below ``folder`` when all processes are gone."""
        self._ask(do="unmount", folder=str(folder))

    def run_at_end(self, *argv: str | Path) -> None:
        """Run a command (to delete a bridge, say) when all processes are gone; the last registered runs first."""
        self._ask(do="at_end", argv=[str(word) for word in argv])

    def tail(self, name: str) -> str:
        """The last lines of a process's log."""
        log = self.logs / f"{name}.log"
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        return "\n".join(lines[-_TAIL_LINES:]) + f"\n({log})"

    def stop(self) -> None:
        """End all processes, in the reverse order of their start. Returns when they are gone. Idempotent."""
        with self._lock:
            if self._warden.stdin and not self._warden.stdin.closed:
                self._warden.stdin.close()
        self._warden.wait()
        if self._warden.stdout:
            self._warden.stdout.close()

    def _known(self, name: str) -> str:
        if name not in self._specs:
            raise ProcessError(f"no process {name!r} was started here; there are {', '.join(self._specs)}")
        return name

    def _launch(self, name: str) -> None:
        spec = self._specs[name]
        self._ask(
            do="start",
            name=name,
            argv=spec.argv,
            env=dict(spec.env),
            cwd=str(self.folder),
            log=str(self.logs / f"{name}.log"),
            patience=spec.patience,
        )

    def _ask(self, **command: Any) -> dict[str, Any]:
        with self._lock:
            assert self._warden.stdin is not None
            assert self._warden.stdout is not None
            try:
                self._warden.stdin.write(json.dumps(command) + "\n")
                self._warden.stdin.flush()
                line = self._warden.stdout.readline()
            except (OSError, ValueError):  # The pipe is broken, or closed by ``stop``.
                line = ""
        if not line:
            raise ProcessError(f"the test bed in {self.folder} has ended; see {self.logs / 'warden.log'}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise ProcessError(f"{command['do']} {command.get('name', '')}: {answer['error']}")
        return answer
