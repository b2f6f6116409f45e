"""Promises of the verdict: a test passes only by what it showed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.objectives import MEASURES, judge
from loadtests.page import passed


def outcome(objectives: dict[str, float], measured: dict[str, float | None]) -> bool:
    return passed(judge(objectives, measured))


def test_each_measure_is_held_against_its_bound_in_its_own_direction() -> None:
    assert outcome({"p99_ms": 500}, {"p99_ms": 500})
    assert not outcome({"p99_ms": 500}, {"p99_ms": 501})
    assert outcome({"rps": 100}, {"rps": 100})
    assert not outcome({"rps": 100}, {"rps": 99})
    assert outcome({"extractions": 1}, {"extractions": 1})
    assert not outcome({"extractions": 1}, {"extractions": 2})
    assert not outcome({"extractions": 1}, {"extractions": 0})
    assert not outcome({"error_rate": 0}, {"error_rate": 1e-9})


def test_one_broken_objective_fails_the_test() -> None:
    assert not outcome({"p99_ms": 500, "error_rate": 0}, {"p99_ms": 1, "error_rate": 0.5})


def test_what_was_not_measured_neither_fails_nor_passes() -> None:
    assert outcome({"p99_ms": 500, "extractions": 1}, {"p99_ms": 1, "extractions": None})
    assert not outcome({"extractions": 1}, {"extractions": None})
    assert not outcome({}, {})
    (verdict,) = judge({"extractions": 1}, {})
    assert verdict.passed is None
    assert "not measured" in verdict.line()


def test_an_objective_that_is_no_measure_is_refused_by_name() -> None:
    with pytest.raises(KeyError, match="p98_ms"):
        judge({"p98_ms": 5}, {})


@given(st.sampled_from(sorted(MEASURES)), st.floats(0, 1e6), st.floats(0, 1e6))
def test_a_line_says_the_verdict_the_value_and_the_bound(name: str, bound: float, value: float) -> None:
    (verdict,) = judge({name: bound}, {name: value})
    line = verdict.line()
    assert line.startswith("PASS" if verdict.passed else "FAIL")
    assert name in line
    assert MEASURES[name].kind in line
