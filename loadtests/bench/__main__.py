"""``python -m loadtests.bench [--only NAME …] [--list]``: see the package. Exits 1 when a target is missed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from loadtests.bench.download import download_overhead, ready, stream_memory
from loadtests.bench.hot import hot_memory, hot_valkey
from loadtests.bench.infra import record_global
from loadtests.bench.operator import change_latency, converge_1000, idle_writes, operator_memory
from loadtests.bench.queue import queue
from loadtests.bench.result import OUTPUT, Result, save
from loadtests.bench.scale import scale_10000
from loadtests.bench.testbed import testbed
from loadtests.bench.viral import viral
from loadtests.bench.wrk import MissingTool
from loadtests.local import exit_on_sigterm

MEASURES: dict[str, Callable[[], Result]] = {
    "hot_valkey": hot_valkey,
    "hot_memory": hot_memory,
    "viral": viral,
    "download_overhead": download_overhead,
    "stream_memory": stream_memory,
    "ready": ready,
    "queue": queue,
    "testbed": testbed,
    "converge_1000": converge_1000,
    "operator_memory": operator_memory,
    "change_latency": change_latency,
    "idle_writes": idle_writes,
    "record_global": record_global,
    "scale_10000": scale_10000,
}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.bench", description="Figures beside baselines."
    )
    parser.add_argument(
        "--only", action="append", choices=list(MEASURES), help="this measure; may be repeated"
    )
    parser.add_argument("--list", action="store_true", help="name the measures and what they are")
    arguments = parser.parse_args()
    if arguments.list:
        for name, measure in MEASURES.items():
            print(f"{name:18} {(measure.__doc__ or '').splitlines()[0]}")
        return 0
    exit_on_sigterm()
    missed = 0
    for name in arguments.only or MEASURES:
        try:
            result = MEASURES[name]()
        except MissingTool as missing:
            print(f"skip {name:18} {missing}", flush=True)
            continue
        save(name, result)
        missed += not result.met
        print(result.line(name), flush=True)
    print(f"written to {OUTPUT}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
