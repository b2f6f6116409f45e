"""What a test left behind, as plain values: locust's counters in, one ``Record`` out, which is judged and drawn.

Response times are locust's: whole milliseconds, two significant digits above 100 ms.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # Importing locust makes the whole process cooperative (gevent); who only reads records is spared that.
    from locust.env import Environment
    from locust.stats import RequestStats, StatsEntry

JOB = "JOB"
"""Request type under which a whole job is recorded, from asking to its end: no answer's time, but a person's wait."""


@dataclass(frozen=True, slots=True)
class Second:
    """One second of the test. ``at``: seconds since its start; percentiles are None when nothing was answered."""

    at: float
    users: int
    requests: int
    failures: int
    p50_ms: float | None
    p99_ms: float | None


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of request over the whole test."""

    method: str
    name: str
    requests: int
    failures: int
    p50_ms: float
    p99_ms: float
    max_ms: float


@dataclass(frozen=True, slots=True)
class Record:
    scenario: str
    says: str
    host: str
    started: str
    """ISO 8601, UTC."""
    seconds: tuple[Second, ...]
    rows: tuple[Row, ...]
    failures: tuple[tuple[str, int], ...]
    """What failed and how often, most frequent first."""
    measured: Mapping[str, float | None]


def percentile(times: Mapping[int, int], part: float) -> float | None:
    """The nearest-rank percentile (0 < part <= 1) of a histogram {milliseconds: count}; None when it is empty."""
    total = sum(times.values())
    rank = max(1, -(-total * part // 1))
    for value in sorted(times):
        rank -= times[value]
        if rank <= 0 < total:
            return float(value)
    return None


def sample(environment: Environment, seconds: list[Second], sleep: Callable[[float], None]) -> None:
    """Append a ``Second`` about every second; runs in a greenlet until it is killed. ``sleep`` is gevent's."""
    began = then = time.monotonic()
    times: Counter[int] = Counter()
    requests = failures = 0
    while True:
        sleep(1.0)
        now = time.monotonic()
        entries = _answers(environment.stats)
        new_times, new_requests = _histogram(entries), sum(entry.num_requests for entry in entries)
        new_failures = sum(entry.num_failures for entry in entries)
        # Another user's burst may have delayed this greenlet: the rate is per second, however long it slept.
        scale = 1 / (now - then)
        latest = new_times - times
        seconds.append(
            Second(
                at=round(now - began, 1),
                users=environment.runner.user_count if environment.runner else 0,
                requests=round((new_requests - requests) * scale),
                failures=round((new_failures - failures) * scale),
                p50_ms=percentile(latest, 0.5),
                p99_ms=percentile(latest, 0.99),
            )
        )
        then, times, requests, failures = now, new_times, new_requests, new_failures


def rows(stats: RequestStats) -> tuple[Row, ...]:
    """All kinds of requests, jobs last."""
    entries = sorted(stats.entries.values(), key=lambda entry: (entry.method == JOB, entry.name))
    return tuple(
        Row(
            method=entry.method,
            name=entry.name,
            requests=entry.num_requests,
            failures=entry.num_failures,
            p50_ms=percentile(entry.response_times, 0.5) or 0.0,
            p99_ms=percentile(entry.response_times, 0.99) or 0.0,
            max_ms=round(entry.max_response_time, 1),
        )
        for entry in entries
    )


def failures(stats: RequestStats) -> tuple[tuple[str, int], ...]:
    """What failed, in words, and how often."""
    found = [
        (f"{error.method} {error.name}: {error.error}", error.occurrences) for error in stats.errors.values()
    ]
    return tuple(sorted(found, key=lambda item: -item[1]))


def measures(stats: RequestStats, *, seconds: float, extractions: int | None) -> dict[str, float | None]:
    """Every measure of ``objectives.MEASURES``, over the whole test of ``seconds`` seconds."""
    answers = _answers(stats)
    jobs = [entry for entry in stats.entries.values() if entry.method == JOB]
    requests = sum(entry.num_requests for entry in answers)
    asked = requests + sum(entry.num_requests for entry in jobs)
    failed = sum(entry.num_failures for entry in [*answers, *jobs])
    times = _histogram(answers)
    job_p95 = percentile(_histogram(jobs), 0.95)
    return {
        # Nothing asked is nothing shown: a test that reached nobody must not pass.
        "error_rate": failed / asked if asked else 1.0,
        "p50_ms": percentile(times, 0.5),
        "p99_ms": percentile(times, 0.99),
        "rps": round(requests / seconds, 1) if seconds > 0 else None,
        "jobs": float(sum(entry.num_requests - entry.num_failures for entry in jobs)),
        "job_p95_s": None if job_p95 is None else job_p95 / 1000,
        "extractions": None if extractions is None else float(extractions),
    }


def _answers(stats: RequestStats) -> list[StatsEntry]:
    return [entry for entry in stats.entries.values() if entry.method != JOB]


def _histogram(entries: Sequence[StatsEntry]) -> Counter[int]:
    times: Counter[int] = Counter()
    for entry in entries:
        times.update(entry.response_times)
    return times
