"""The queue's path without work in it: accept, commit, dispatch, claim, publish; against the bare engine."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import uvloop

from loadtests.bench import servers
from loadtests.bench.result import Result
from loadtests.client import Connection
from loadtests.local import LocalPlatform, PlatformError
from loadtests.queue_engines import measure

JOBS = 2000
URGENT = 20
"""Info requests (high priority) sent when half of the jobs wait: they must not wait for the rest."""
CONNECTIONS = 32
WITHIN = 120.0


def queue() -> Result:
    """2,000 no-op jobs through accept, commit, dispatch, run and publish: none lost, priority kept."""
    with servers.workspace() as folder:
        platform = LocalPlatform(
            [Path(__file__).with_name("queue.yaml")], folder / "s", log=folder / "up.log"
        )
        with platform, _noop_worker(platform, folder):
            seconds, rank, done = uvloop.run(_run(platform))
    baseline = measure("streaq", JOBS).run
    value = done / seconds
    note = f"{done} of {JOBS} done; {URGENT} urgent ones answered before {100 - rank:.0f} % of what waited before them"
    met = value >= 0.5 * baseline and done == JOBS and rank <= 50
    return Result(value, "jobs/s", baseline, ">= 0.5 x bare engine, none lost, priority kept", met, note)


async def _run(platform: LocalPlatform) -> tuple[float, float, int]:
    """Seconds for all jobs, per cent of the waiting jobs done when the last urgent one was, jobs done."""
    base = platform.addresses()[0]
    began = time.monotonic()
    numbers = iter(range(JOBS))
    await asyncio.gather(*(_submit(base, numbers) for _ in range(CONNECTIONS)))
    waiting = platform.status()["queue"]["waiting"]
    await asyncio.gather(*(_urgent(base, number) for number in range(URGENT)))
    left = platform.status()["queue"]["waiting"]
    rank = 100 * (waiting - left) / max(waiting, 1)
    done = 0
    while time.monotonic() - began < WITHIN:
        status = platform.status()
        done = status["downloads"]["done"]
        if done >= JOBS and status["queue"]["waiting"] + status["queue"]["running"] == 0:
            break
        await asyncio.sleep(0.1)
    return time.monotonic() - began, rank, done


async def _submit(base: str, numbers: Iterator[int]) -> None:
    connection = Connection(base)
    for number in numbers:
        body = {"url": f"http://127.0.0.1:9/{number}.mp4"}
        answer = await connection.request("POST", "/v1/downloads", body, _client(number))
        if answer.status != 202:
            raise PlatformError(f"job {number} was answered {answer.status}: {answer.body.decode()}")
    await connection.close()


async def _urgent(base: str, number: int) -> None:
    connection = Connection(base)
    path = f"/v1/info?url=http%3A%2F%2F127.0.0.1%3A9%2Finfo-{number}.mp4"
    answer = await connection.request("GET", path, None, _client(JOBS + number))
    if answer.status != 200:
        raise PlatformError(f"info {number} was answered {answer.status}: {answer.body.decode()}")
    await connection.close()


def _client(number: int) -> dict[str, str]:
    """An address of its own for each job, since one client may start three a minute."""
    return {"X-Forwarded-For": f"198.18.{number // 250}.{number % 250 + 1}"}


@contextlib.contextmanager
def _noop_worker(platform: LocalPlatform, folder: Path) -> Iterator[None]:
    media = folder / "noop.mp4"
    media.write_bytes(b"noop")
    document = servers.document(platform, "worker", folder)
    command = [
        sys.executable,
        "-m",
        "loadtests.bench.noop_worker",
        str(document),
        str(media),
        str(servers.free_port()),
    ]
    with (folder / "worker.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)
