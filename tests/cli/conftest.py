"""Platforms of stand-in processes under the real supervisor, each started and stopped by its own handle."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

T = TypeVar("T")
STAND_IN = Path(__file__).parent / "stand_in"

RESOURCES = """
apiVersion: reelplane.io/v1alpha1
kind: VideoPlatform
metadata: {{name: {name}}}
spec: {{}}
---
apiVersion: reelplane.io/v1alpha1
kind: VideoPipeline
metadata: {{name: shorts}}
spec: {{platform: {name}}}
"""


class Platform:
    """One supervised platform in a folder of its own. ``specs`` are ProcessSpec fields, ``"valkey"`` the real one."""

    def __init__(self, root: Path, name: str) -> None:
        self.name = name
        self.state = root / "state"
        self.folder = self.state / name
        self.file = root / f"{name}.yaml"
        self.file.write_text(RESOURCES.format(name=name))
        self.backlog_file = root / f"{name}-backlog.json"
        self.output = root / f"{name}.out"
        self._specs_file = root / f"{name}-specs.json"
        self._journal = root / f"{name}.journal"
        self.process: subprocess.Popen[bytes] | None = None

    def workload(self, role: str, *flags: str, **fields: Any) -> dict[str, Any]:
        argv = [
            sys.executable,
            str(STAND_IN / "workload.py"),
            str(self._journal),
            "{instance}",
            "--own-fd",
            "{own-fd}",
        ]
        if role == "api":
            argv += ["--listen-fd", "{listen-fd}"]
        return {"name": role, "role": role, "argv": [*argv, *flags], **fields}

    def start(self, specs: list[Any], *, port: int = 0) -> subprocess.Popen[bytes]:
        self._specs_file.write_text(json.dumps(specs))
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    STAND_IN / "supervise.py",
                    self.file,
                    self.state,
                    self._specs_file,
                    str(port),
                ]
                + ([self.backlog_file] if self.backlog_file.exists() else []),
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        return self.process

    def report(self, waiting: int, busy: dict[str, int]) -> None:
        """What the platform will say about its backlog."""
        workers = [
            {"id": name, "busy": jobs, "capacity": 2, "draining": False} for name, jobs in busy.items()
        ]
        queue = {"waiting": waiting, "running": sum(busy.values()), "delayed": 0}
        fresh = self.backlog_file.with_suffix(".new")
        fresh.write_text(json.dumps({"queue": queue, "workers": workers}))
        fresh.replace(self.backlog_file)

    def record(self) -> dict[str, Any]:
        try:
            value: dict[str, Any] = json.loads((self.folder / "supervisor.json").read_text())
            return value
        except OSError:
            return {"state": "", "processes": []}

    def processes(self) -> dict[str, dict[str, Any]]:
        return {process["name"]: process for process in self.record()["processes"]}

    def states(self) -> dict[str, str]:
        return {name: process["state"] for name, process in self.processes().items()}

    def ready(self, *names: str) -> dict[str, dict[str, Any]]:
        """Wait until exactly these processes run and are ready."""
        wanted = dict.fromkeys(names, "ready")
        eventually(lambda: self.states() == wanted, what=f"{wanted}, is {self.states()}\n{self.said()}")
        return self.processes()

    def journal(self, event: str) -> list[dict[str, Any]]:
        if not self._journal.exists():
            return []
        entries = [json.loads(line) for line in self._journal.read_text().splitlines()]
        return [entry for entry in entries if entry["event"] == event]

    def events(self) -> list[str]:
        return [json.loads(line)["event"] for line in self._journal.read_text().splitlines()]

    def said(self) -> str:
        return self.output.read_text() if self.output.exists() else ""

    def stop(self, number: int = signal.SIGTERM, *, within: float = 60.0) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(within)

    def clear(self) -> None:
        pids = [process["pid"] for process in self.record()["processes"] if process["pid"]]
        if self.process is not None:
            if self.process.poll() is None:
                self.process.kill()
            self.process.wait()
        for pid in pids:
            if alive(pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def alive(pid: int) -> bool:
    """Whether a process runs; a zombie, whose parent has not looked yet, does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def eventually(ask: Callable[[], T], *, what: str, within: float = 60.0) -> T:
    """The first truthy answer of ``ask``."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if answer := ask():
            return answer
        time.sleep(0.05)
    raise AssertionError(f"not within {within} s: {what}")


@pytest.fixture
def platforms() -> Iterator[Callable[[str], Platform]]:
    root = Path(tempfile.mkdtemp(prefix="rpc"))
    made: list[Platform] = []

    def make(name: str = "reels") -> Platform:
        made.append(Platform(root, name))
        return made[-1]

    yield make
    for platform in made:
        platform.clear()
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def wait_until() -> Callable[..., Any]:
    return eventually


@pytest.fixture
def is_alive() -> Callable[[int], bool]:
    return alive
