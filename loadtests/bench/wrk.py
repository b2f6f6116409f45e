"""Drives one server with wrk, the server and wrk each on a core of their own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from loadtests.bench.result import median

CONNECTIONS = 32
SECONDS = 4
ROUNDS = 5


class MissingTool(RuntimeError):
    """A tool that the measure needs is not installed; the message says how to get it."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request, sent over and over."""

    url: str
    method: str = "GET"
    body: str = ""
    headers: Mapping[str, str] | None = None


def server_cpu() -> list[str]:
    """Command prefix that pins a server to the first core, where the machine has two and taskset."""
    return ["taskset", "-c", "0"] if _can_pin() else []


def rate(request: Request, *, seconds: int = SECONDS) -> float:
    """Requests a second that were answered with 2xx or 3xx. Raises RuntimeError when any was not."""
    wrk = shutil.which("wrk")
    if wrk is None:
        raise MissingTool("wrk is not installed (Debian: apt-get install wrk)")
    lines = [f"wrk.method = {json.dumps(request.method)}", f"wrk.body = {json.dumps(request.body)}"]
    lines += [
        f"wrk.headers[{json.dumps(name)}] = {json.dumps(value)}"
        for name, value in (request.headers or {}).items()
    ]
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "request.lua"
        script.write_text("\n".join(lines))
        command = [*(["taskset", "-c", "1"] if _can_pin() else [])]
        command += [wrk, "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(script), request.url]
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=seconds + 30)
    if failed := re.search(r"Non-2xx or 3xx responses: (\d+)", done.stdout):
        raise RuntimeError(f"{failed[1]} answers of {request.url} were not 2xx or 3xx")
    found = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    if found is None:
        raise RuntimeError(f"wrk said nothing usable: {done.stdout[-300:]}{done.stderr[-300:]}")
    return float(found[1])


def in_turns(ours: Request, baseline: Request, *, rounds: int = ROUNDS) -> tuple[float, float]:
    """Median rates of both, measured in turns after a short warm-up of each."""
    for request in (ours, baseline):
        rate(request, seconds=1)
    pairs = [(rate(ours), rate(baseline)) for _ in range(rounds)]
    return median([a for a, _ in pairs]), median([b for _, b in pairs])


def _can_pin() -> bool:
    return shutil.which("taskset") is not None and (os.cpu_count() or 1) > 1
