"""A hundred thousand requests for one unknown URL, the worker that runs it killed once: one extraction, no errors."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import psutil
import uvloop

from loadtests.bench import servers
from loadtests.bench.result import Result
from loadtests.client import Connection
from loadtests.local import LocalPlatform, eventually
from loadtests.origin import Origin, Resource, make_clip

REQUESTS = 100_000
CONNECTIONS = 200
SIZE = 6 * 2**20
RATE = 2**20
"""Bytes a second of the origin: the flight takes 6 s when nobody is killed."""
KILL_AFTER = 3.0
IDLE_WINDOW = 5.0
"""Seconds over which the workers' CPU is measured while hits are still being served."""


@dataclass
class Seen:
    """What the clients got."""

    statuses: dict[int, int] = field(default_factory=dict)
    errors: int = 0
    hit: asyncio.Event = field(default_factory=asyncio.Event)
    hit_at: float = 0.0


def viral() -> Result:
    """100,000 requests for one unknown URL over 200 connections and two API processes, the worker killed once."""
    with servers.workspace() as folder:
        clip = make_clip(folder / "viral.mp4", seconds=4, pad_to=SIZE)
        with (
            Origin() as origin,
            LocalPlatform([servers.PLATFORM], folder / "s", log=folder / "up.log") as platform,
        ):
            url = origin.add("/viral.mp4", Resource(file=clip, rate=RATE))
            return uvloop.run(_run(platform, url))


async def _run(platform: LocalPlatform, url: str) -> Result:
    seen, began = Seen(), time.monotonic()
    left = iter(range(REQUESTS))
    clients = [asyncio.create_task(_client(base, url, left, seen)) for base in _bases(platform)]
    await asyncio.sleep(KILL_AFTER)
    killed = await asyncio.to_thread(_kill_busy_worker, platform)
    await seen.hit.wait()
    hit_after = seen.hit_at - began
    cpu = await asyncio.to_thread(_worker_cpu, platform)
    await asyncio.gather(*clients)
    seconds = time.monotonic() - began
    await asyncio.sleep(2.5)  # the platform's counters are written once a second
    extractions = (await asyncio.to_thread(platform.status))["downloads"]["extractions"]
    failed = seen.errors + sum(count for status, count in seen.statuses.items() if status not in (200, 202))
    note = (
        f"{REQUESTS / seconds:,.0f} req/s over {seconds:.0f} s; {seen.statuses.get(202, 0):,} followers with a job"
        f" each, {seen.statuses.get(200, 0):,} hits; {failed} client errors; worker {killed} killed at"
        f" {KILL_AFTER:g} s, first hit at {hit_after:.1f} s;"
        f" workers' CPU afterwards {cpu:.1f} % of a core (heartbeat and sweep)"
    )
    met = extractions == 1 and failed == 0 and cpu < 2
    return Result(extractions, "extractions", 1, "1 extraction, 0 errors, workers idle after", met, note)


def _bases(platform: LocalPlatform) -> list[str]:
    addresses = platform.addresses()
    return [addresses[n % len(addresses)] for n in range(CONNECTIONS)]


async def _client(base: str, url: str, left: Iterator[int], seen: Seen) -> None:
    """One connection, each request from a client that the platform has never seen."""
    connection = Connection(base)
    for _ in left:
        try:
            answer = await connection.request("POST", "/v1/downloads", {"url": url})
        except (OSError, asyncio.IncompleteReadError):
            seen.errors += 1
            continue
        seen.statuses[answer.status] = seen.statuses.get(answer.status, 0) + 1
        if answer.status == 200 and not seen.hit.is_set():
            seen.hit_at = time.monotonic()
            seen.hit.set()
    await connection.close()


def _kill_busy_worker(platform: LocalPlatform) -> str:
    worker = eventually(platform.busy_worker, within=20, what="a worker says that it is busy")
    platform.kill_process(worker["pid"])
    return str(worker["name"])


def _worker_cpu(platform: LocalPlatform) -> float:
    """Per cent of one core that all workers and their children use over the window."""

    def total() -> float:
        seconds = 0.0
        for process in platform.processes("worker"):
            family = psutil.Process(process["pid"])
            for one in (family, *family.children(recursive=True)):
                times = one.cpu_times()
                seconds += times.user + times.system
        return seconds

    time.sleep(3)  # the replaced worker's warm child may still be starting
    before = total()
    time.sleep(IDLE_WINDOW)
    return 100 * (total() - before) / IDLE_WINDOW
