"""Promises of the page: one file that says what happened, whatever a stranger's server answered."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.chart import Line, chart, ticks
from loadtests.objectives import judge
from loadtests.page import page
from loadtests.record import Record, Row, Second

SECONDS = tuple(
    Second(n, 10 * n, 100 + n, int(n == 5), None if n == 7 else 3.0, None if n == 7 else 40.0)
    for n in range(20)
)
ROWS = (
    Row("POST", "ask <b>", 1234567, 1, 3, 40, 55),
    Row("JOB", "from asking to done", 4, 0, 900, 1400, 1400),
)


def test_the_page_stands_alone_and_says_each_verdict() -> None:
    measured = {"error_rate": 0.001, "p99_ms": 40.0, "extractions": None}
    failures = (("<script>alert(1)</script> & more", 1),)
    record = Record(
        "viral", "Everybody & all", "http://h", "2026-11-21T10:00:00+00:00", SECONDS, ROWS, failures, measured
    )
    html = page(record, judge({"error_rate": 0, "p99_ms": 500, "extractions": 1}, measured))
    assert "<script" not in html
    assert "&lt;script&gt;alert(1)" in html
    assert not re.search(r"(src|href)=", html)
    assert re.search(r'class="fail"><td><b>fail</b></td><td>error_rate</td>', html)
    assert re.search(r'class="pass"><td><b>pass</b></td><td>p99_ms</td>', html)
    assert re.search(r'class="not"><td><b>not measured</b></td><td>extractions</td>', html)
    assert '<span class="badge fail">fail</span>' in html
    assert "1,234,567" in html
    assert html.count("<svg") == 3
    for svg in re.findall(r"<svg.*?</svg>", html, re.DOTALL):
        ET.fromstring(svg)


@given(st.floats(1e-6, 1e9))
def test_ticks_are_round_and_reach_the_top(top: float) -> None:
    got = ticks(top)
    assert got[0] == 0
    assert top <= got[-1] * (1 + 1e-9)
    assert 2 <= len(got) <= 6


points = st.lists(st.none() | st.floats(0, 1e6), max_size=30)


@given(points, points)
def test_a_chart_draws_what_there_is_within_its_frame(
    first: list[float | None], second: list[float | None]
) -> None:
    lines = [Line(name, "one", tuple(enumerate(values))) for name, values in (("a", first), ("b", second))]
    svg = ET.fromstring(chart(lines, unit="ms", describe='"all" & <more>'))
    drawn = [
        float(value)
        for line in svg.iter("polyline")
        for point in line.get("points", "").split()
        for value in point.split(",")
    ]
    assert len(drawn) == 2 * sum(value is not None for value in [*first, *second])
    assert all(0 <= value <= 760 for value in drawn)
    assert all(0 <= value <= 220 for value in drawn[1::2])


@pytest.mark.parametrize("lines", [[], [Line("a", "one", ())]])
def test_nothing_recorded_is_an_empty_chart(lines: list[Line]) -> None:
    ET.fromstring(chart(lines, unit="", describe="nothing"))
