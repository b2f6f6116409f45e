"""``reelplane status`` and ``reelplane down``: about platforms that run from a state folder.

The supervisor's record tells the processes, the platform itself (GET /v1/status) the queue, the workers and
the cache.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reelplane_cli.errors import Failure
from reelplane_cli.exits import FAILED, NOT_RUNNING, WRONG_INPUT
from reelplane_cli.local.identity import alive
from reelplane_cli.local.record import Record
from reelplane_cli.local.sockets import get_json
from reelplane_cli.text import span, table

_TIMEOUT = 5.0


def running(state: Path, platform: str | None) -> list[tuple[Path, Record]]:
    """Platforms that run from ``state``. Raises Failure when the one that is meant, or any, does not."""
    folders = (
        [state / platform] if platform else sorted(each.parent for each in state.glob("*/supervisor.json"))
    )
    found = [(folder, record) for folder in folders if (record := Record.read(folder)) and alive(record.id)]
    if not found:
        what = f"platform {platform!r} does not run" if platform else "no platform runs"
        raise Failure(
            f"{what} from {state.absolute()}", "start one with `reelplane up -f FILE`", code=NOT_RUNNING
        )
    return found


def ask(record: Record) -> dict[str, Any] | None:
    """GET /v1/status, from an API process of its own address first, so that a flood of clients does not hide it."""
    addresses = [process.address for process in record.processes if process.role == "api" and process.address]
    for address in (*addresses, record.url):
        if answer := asyncio.run(get_json(f"{address}/v1/status", timeout=_TIMEOUT)):
            return answer
    return None


def as_dict(folder: Path, record: Record, live: Mapping[str, Any] | None) -> dict[str, Any]:
    """What ``-o json`` prints: the record, and under ``live`` what the platform says (null: nobody answered)."""
    return {"folder": str(folder.absolute()), **record.as_dict(), "live": live}


def screen(folder: Path, record: Record, live: Mapping[str, Any] | None, *, now: float) -> str:
    """One screen for a person."""
    lines = [
        f"{record.platform}  {record.state}  {record.url}",
        f"pipeline {record.pipeline}, supervisor {record.pid}, up {span(now - record.since)}, state in {folder}",
        "",
    ]
    rows = [
        [
            process.name,
            process.state,
            str(process.pid or "-"),
            str(process.restarts),
            span(now - process.since) if process.pid else "-",
            process.address or "-",
            process.last_exit or "",
        ]
        for process in record.processes
    ]
    lines += table(["PROCESS", "STATE", "PID", "RESTARTS", "UP", "ADDRESS", "LAST EXIT"], rows)
    lines.append("")
    lines += _live(live) if live else ["queue    the API does not answer right now"]
    return "\n".join(lines)


def _live(live: Mapping[str, Any]) -> list[str]:
    queue, workers, cache = live.get("queue") or {}, live.get("workers") or [], live.get("cache") or {}
    busy = sum(int(worker.get("busy", 0)) for worker in workers)
    capacity = sum(int(worker.get("capacity", 0)) for worker in workers)
    hits = "  ".join(f"{layer} {count}" for layer, count in (cache.get("hits") or {}).items())
    rate = cache.get("hitRate")
    return [
        f"queue    {queue.get('waiting', 0)} waiting, {queue.get('running', 0)} running, "
        f"{queue.get('delayed', 0)} backing off",
        f"workers  {len(workers)} alive, {busy} of {capacity} places busy",
        f"hits     {f'{100 * float(rate):.1f} %' if rate is not None else '-'}  {hits}".rstrip(),
    ]


def down(state: Path, platform: str | None, *, hurry: bool, timeout: float) -> Record:
    """Ask the supervisor to drain, and wait until it is gone. Raises Failure when it is not within ``timeout`` s."""
    found = running(state, platform)
    if len(found) > 1:
        names = ", ".join(record.platform for _, record in found)
        raise Failure(f"several platforms run: {names}", "name one with --platform", code=WRONG_INPUT)
    _, record = found[0]
    for _ in range(2 if hurry else 1):
        if alive(record.id):
            os.kill(record.pid, signal.SIGTERM)
            time.sleep(0.1)
    deadline = time.monotonic() + timeout
    while alive(record.id):
        if time.monotonic() > deadline:
            fix = "`reelplane down --now` gives running jobs back at once"
            raise Failure(f"{record.platform} still drains after {timeout:.0f} s", fix, code=FAILED)
        time.sleep(0.05)
    return record
