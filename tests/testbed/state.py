"""The one cluster that ``python -m tests.testbed up`` runs for a person: where it is, whether it runs, what it left.

Everything is in one folder beside the built programs. Who runs it holds a lock there, which the kernel takes back
however that process ends; ``cluster.json`` says what it runs, and the warden's record what is left to end should
both have been killed. Processes are known by id and start time, so a stranger with the same id is left alone.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.testbed import toolchain, warden

_ENDED_WITHIN = 120.0
"""Seconds for an orderly end: the patience of all processes of a node, one after the other."""


def default_folder() -> Path:
    return toolchain.cache().parent / "testbed"


@dataclass(frozen=True, slots=True)
class Running:
    """What ``up`` says about itself."""

    profile: str
    ready: bool
    pid: int
    started: str
    kubeconfigs: tuple[str, ...] = ()

    @property
    def is_alive(self) -> bool:
        return warden.is_alive({"pid": self.pid, "started": self.started})


class AlreadyRunning(Exception):
    """Another ``up`` holds the folder."""


class State:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.run = folder / "run"
        """The folder of the cluster itself: kept when it ends, for its logs, and emptied by the next ``up``."""
        self._file = folder / "cluster.json"

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Be the one who runs the cluster of this folder; what a killed predecessor left is ended first.

        Raises AlreadyRunning.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise AlreadyRunning from None
            self.sweep()
            try:
                yield
            finally:
                self._file.unlink(missing_ok=True)

    def write(self, profile: str, *, ready: bool, kubeconfigs: tuple[Path, ...] = ()) -> None:
        pid = os.getpid()
        mark = warden.start_mark(pid) or ""
        running = Running(profile, ready, pid, mark, tuple(map(str, kubeconfigs)))
        new = self._file.with_suffix(".new")
        new.write_text(json.dumps(asdict(running)))
        new.replace(self._file)

    def read(self) -> Running | None:
        """Who runs the cluster now; None when nobody does."""
        try:
            found = json.loads(self._file.read_text())
        except FileNotFoundError:
            return None
        running = Running(**found | {"kubeconfigs": tuple(found["kubeconfigs"])})
        return running if running.is_alive else None

    def stop(self) -> bool:
        """End the cluster in order, then whatever is left. Returns whether there was anything to end."""
        running = self.read()
        if running is not None:
            os.kill(running.pid, signal.SIGTERM)
            _eventually(lambda: not running.is_alive)
        return self.sweep() or running is not None

    def sweep(self) -> bool:
        """End what the records of a former run name and still lives, then unmount. Whether there was a record."""
        records = self._records()
        for path in records:
            _sweep(path)
        return bool(records)

    def processes(self) -> dict[str, tuple[int, bool]]:
        """Of each process of the cluster: its id, and whether it runs."""
        found = {}
        for path in self._records():
            for name, entry in (_read(path) or {"processes": {}})["processes"].items():
                found[name] = (entry["pid"], warden.is_alive(entry))
        return found

    def _records(self) -> list[Path]:
        """One per bed: a node has one of its own, in a folder below the control plane's, and ends before it."""
        return [*self.run.glob(f"*/{warden.RECORD}"), *self.run.glob(warden.RECORD)]


def _sweep(path: Path) -> None:
    record = _read(path)
    if record is None:
        return
    its_warden = record["warden"]
    # A warden whose holder is gone is ending everything already, and then removes its record.
    _eventually(lambda: not warden.is_alive(its_warden))
    record = _read(path)
    if record is None:
        return
    entries = record["processes"].values()
    for entry in reversed(entries):
        if warden.is_alive(entry):
            warden.kill_group(entry["pid"])
    _eventually(lambda: not any(map(warden.is_alive, entries)))
    warden.run_last(record)
    path.unlink()


def _read(path: Path) -> dict[str, Any] | None:
    """A warden's record; None when it has ended, and its record with it."""
    with contextlib.suppress(FileNotFoundError):
        record: dict[str, Any] = json.loads(path.read_text())
        return record
    return None


def _eventually(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _ENDED_WITHIN
    while not done() and time.monotonic() < deadline:
        time.sleep(0.05)
