"""Durations, sizes and rates mean what Go and Kubernetes make of them, and keep the text they were written in."""

from __future__ import annotations

import contextlib
import re
from fractions import Fraction
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from reelplane_crds.kinds.values import Between, Cpu, Duration, Quantity, Rate, ValueText
from reelplane_crds.rules import Invalid

NANOSECONDS = {"ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
BYTES = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}

numbers = st.tuples(st.integers(0, 9999), st.none() | st.integers(0, 999))


def written(number: tuple[int, int | None]) -> tuple[str, Fraction]:
    whole, fraction = number
    text = str(whole) if fraction is None else f"{whole}.{fraction}"
    return text, Fraction(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1h30m", 5400),
        ("1.5h", 5400),
        ("300ms", 1),
        ("0s", 0),
        ("90s", 90),
        ("1m1ms", 61),
        ("720h", 2_592_000),
    ],
)
def test_a_duration_is_worth_what_go_says_in_whole_seconds_rounded_up(text: str, seconds: int) -> None:
    assert Duration(text).seconds == seconds


@given(st.lists(st.tuples(numbers, st.sampled_from(sorted(NANOSECONDS))), min_size=1, max_size=2))
def test_a_duration_is_the_sum_of_its_parts_in_nanoseconds(
    parts: list[tuple[tuple[int, int | None], str]],
) -> None:
    text = "".join(written(number)[0] + unit for number, unit in parts)
    duration = Duration(text)
    assert duration.magnitude == sum(int(written(number)[1] * NANOSECONDS[unit]) for number, unit in parts)
    assert duration == text


@given(numbers, st.sampled_from(sorted(BYTES)))
def test_a_size_is_worth_what_kubernetes_says_in_whole_bytes_rounded_up(
    number: tuple[int, int | None], unit: str
) -> None:
    text, value = written(number)
    size = Quantity(text + unit)
    assert size.bytes - 1 < value * BYTES[unit] <= size.bytes
    assert size == text + unit


@pytest.mark.parametrize(
    ("text", "thousandths"),
    [("250m", 250), ("2", 2000), ("0.5", 500), ("1.25", 1250), ("0.001", 1), ("0", 0)],
)
def test_processors_are_worth_what_kubernetes_says_in_thousandths(text: str, thousandths: int) -> None:
    assert Cpu(text).magnitude == thousandths


@given(st.integers(1, 999_999), st.sampled_from([("s", 1), ("min", 60), ("h", 3600)]))
def test_a_rate_is_a_count_in_seconds(count: int, unit: tuple[str, int]) -> None:
    rate = Rate(f"{count}/{unit[0]}")
    assert (rate.count, rate.per) == (count, unit[1])


@pytest.mark.parametrize(
    ("kind", "text", "right"),
    [
        (Duration, "30d", "720h"),
        (Duration, "2 weeks", "336h"),
        (Duration, "10 min", "10m"),
        (Duration, "90 seconds", "90s"),
        (Duration, "60", "60s"),
        (Quantity, "500MB", "500Mi"),
        (Quantity, "1.5 gb", "1.5Gi"),
        (Quantity, "500m", "500Mi"),
        (Rate, "10 per minute", "10/min"),
        (Rate, "3/m", "3/min"),
        (Rate, "2/second", "2/s"),
    ],
)
def test_a_near_miss_is_refused_with_what_would_be_right(
    kind: type[ValueText], text: str, right: str
) -> None:
    with pytest.raises(Invalid) as refused:
        kind(text)
    assert right in re.findall(r"[\w./]+", refused.value.fix)
    kind(right)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Duration, ""),
        (Duration, "-1h"),
        (Duration, "1h\n"),
        (Duration, "1us"),
        (Duration, "9" * 23 + "h"),
        (Quantity, ""),
        (Quantity, "-1Gi"),
        (Quantity, "1e3"),
        (Quantity, "9999999999P"),
        (Cpu, "0.5m"),
        (Cpu, "1e3"),
        (Cpu, "2 cores"),
        (Rate, "0/min"),
        (Rate, "1.5/s"),
        (Rate, "10/day"),
    ],
)
def test_what_has_no_value_here_is_refused(kind: type[ValueText], text: str) -> None:
    with pytest.raises(Invalid):
        kind(text)


@given(st.text(max_size=40))
def test_any_other_text_is_refused_as_invalid_and_never_crashes(text: str) -> None:
    for kind in (Cpu, Duration, Quantity, Rate):
        with contextlib.suppress(Invalid):
            assert kind(text) == text


def test_bounds_are_inclusive_and_name_the_nearest() -> None:
    bounded = TypeAdapter(Annotated[Duration, Between("1m", "1h")])
    assert [bounded.validate_python(text).seconds for text in ("60s", "1h")] == [60, 3600]
    for text, nearest in (("59999ms", "1m"), ("1h1ms", "1h")):
        with pytest.raises(ValidationError, match=f"the nearest is {nearest}"):
            bounded.validate_python(text)
