"""Promises of the figures: they are those of what happened, and a test in which nothing happened shows nothing."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from locust.stats import RequestStats

from loadtests.record import JOB, failures, measures, percentile, rows
from loadtests.users import spellings
from reelplane_workloads.core.keys import normalise


@given(st.lists(st.integers(0, 60_000), min_size=1), st.floats(0.01, 1))
def test_a_percentile_is_the_time_that_so_many_stayed_within(times: list[int], part: float) -> None:
    got = percentile(Counter(times), part)
    assert got is not None
    assert got == sorted(times)[math.ceil(len(times) * part) - 1]


def test_no_times_have_no_percentile() -> None:
    assert percentile({}, 0.99) is None


@pytest.fixture
def stats() -> RequestStats:
    stats = RequestStats()
    for time in range(1, 100):
        stats.log_request("POST", "ask", time, 10)
    stats.log_request("GET", "play", 5000, 10)
    stats.log_error("GET", "play", "reset")
    for time in (1000, 3000):
        stats.log_request(JOB, "from asking to done", time, 0)
    stats.log_error(JOB, "from asking to done", "failed: origin_not_found")
    return stats


def test_jobs_count_as_failures_but_not_as_answers(stats: RequestStats) -> None:
    got = measures(stats, seconds=10, extractions=3)
    assert got["error_rate"] == pytest.approx(2 / 102)
    assert got["p50_ms"] == 50
    assert got["p99_ms"] == 99
    assert got["rps"] == 10
    assert got["jobs"] == 1
    assert got["job_p95_s"] == 3
    assert got["extractions"] == 3


def test_a_test_in_which_nothing_was_asked_is_all_error() -> None:
    got = measures(RequestStats(), seconds=10, extractions=None)
    assert got["error_rate"] == 1
    assert got["p99_ms"] is None
    assert got["extractions"] is None


def test_rows_and_failures_name_what_happened(stats: RequestStats) -> None:
    assert [(row.method, row.requests, row.failures) for row in rows(stats)] == [
        ("POST", 99, 0),
        ("GET", 1, 1),
        (JOB, 2, 1),
    ]
    assert failures(stats) == (
        ("GET play: reset", 1),
        (f"{JOB} from asking to done: failed: origin_not_found", 1),
    )


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000/viral.mp4", "https://example.com/watch?v=1"])
def test_all_spellings_are_one_url_to_the_platform(url: str) -> None:
    assert len(set(spellings(url))) == len(spellings(url)) >= 3
    assert {normalise(spelling) for spelling in spellings(url)} == {normalise(url)}
