"""Recognising a process later: its id together with its start time, since ids are used again.

A ``start mark`` is an opaque text that is equal for as long as it is the same process.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ProcessId:
    pid: int
    started: str
    """Start mark; empty when it could not be read, and then the process is never signalled."""


def start_mark(pid: int) -> str | None:
    """The start mark of a living process; None when there is none (a zombie is not living)."""
    if sys.platform == "linux":
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return None
        # proc(5): the command may hold spaces and brackets; state is field 3, starttime field 22.
        fields = stat.rpartition(")")[2].split()
        return None if fields[0] in "ZX" else fields[19]
    answer = subprocess.run(  # noqa: S603
        ["/bin/ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return answer.stdout.strip() or None


def alive(process: ProcessId) -> bool:
    return bool(process.started) and start_mark(process.pid) == process.started


def stop_leftovers(processes: Sequence[ProcessId], *, patience: float) -> list[int]:
    """End those of ``processes`` that still live, with their groups; returns their ids.

    SIGTERM first, SIGKILL after ``patience`` seconds. Each is checked by its start mark right before a signal,
    so that a stranger who was given the same id is left alone.
    """
    found = [process for process in processes if alive(process)]
    for process in found:
        _signal(process, signal.SIGTERM)
    deadline = time.monotonic() + patience
    while any(map(alive, found)) and time.monotonic() < deadline:
        time.sleep(0.02)
    for process in found:
        _signal(process, signal.SIGKILL)
    return [process.pid for process in found]


def _signal(process: ProcessId, number: signal.Signals) -> None:
    if not alive(process):
        return
    try:
        if number is signal.SIGKILL and os.getpgid(process.pid) == process.pid:
            os.killpg(process.pid, number)
        else:
            os.kill(process.pid, number)
    except ProcessLookupError:
        pass  # It ended between the check and the signal.
