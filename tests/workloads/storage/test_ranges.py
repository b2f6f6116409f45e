"""Promises about Range: exactly the bytes asked for, never an error for what the RFC lets a server ignore."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelplane_workloads.core.errors import Code
from reelplane_workloads.storage.ranges import ByteRange, RangeNotSatisfiable, parse_range, requested_range

sizes = st.integers(min_value=0, max_value=2**50)
positions = st.integers(min_value=0, max_value=2**51)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-499", (0, 500)),
        ("bytes=500-999", (500, 1000)),
        ("bytes=-500", (9500, 10000)),
        ("bytes=9500-", (9500, 10000)),
        ("bytes=0-0", (0, 1)),
        ("bytes=-1", (9999, 10000)),
        ("bytes=0-99999", (0, 10000)),
        ("bytes=-99999", (0, 10000)),
        ("BYTES=1-2", (1, 3)),
        ("bytes= 1-2 ", (1, 3)),
    ],
)
def test_examples_of_the_rfc_are_understood(header: str, expected: tuple[int, int]) -> None:
    assert parse_range(header, 10000) == ByteRange(*expected)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=2-1",
        "bytes=a-b",
        "bytes=0x1-2",
        "bytes=+1-2",
        "bytes=1 - 2",
        "items=0-1",
        "bytes=\u0660-\u0661",
        "bytes=1-2\n",
        "bytes=" + "9" * 5000 + "-",
    ],
)
def test_what_is_no_single_byte_range_gets_the_whole(header: str | None) -> None:
    assert parse_range(header, 10000) is None


def test_several_ranges_get_the_whole_however_many() -> None:
    assert parse_range("bytes=0-0,-1", 10000) is None
    assert parse_range("bytes=" + ",".join(f"{n}-{n}" for n in range(100_000)), 10**6) is None


@pytest.mark.parametrize(
    ("header", "size"), [("bytes=10000-", 10000), ("bytes=-0", 10000), ("bytes=-5", 0), ("bytes=0-", 0)]
)
def test_a_range_without_a_byte_is_refused_with_the_size(header: str, size: int) -> None:
    with pytest.raises(RangeNotSatisfiable) as caught:
        parse_range(header, size)
    assert caught.value.code is Code.RANGE_NOT_SATISFIABLE
    assert caught.value.content_range == f"bytes */{size}"


@given(first=positions, last=positions, size=sizes)
def test_the_bytes_sent_are_those_asked_for_that_exist(first: int, last: int, size: int) -> None:
    wanted = range(first, last + 1)
    try:
        got = parse_range(f"bytes={first}-{last}", size)
    except RangeNotSatisfiable:
        assert wanted
        assert first >= size
        return
    if got is None:
        assert not wanted
        return
    assert (got.start, got.end) == (first, min(last + 1, size))
    assert 0 < got.length <= size
    assert got.content_range(size) == f"bytes {first}-{got.end - 1}/{size}"


@given(length=positions, size=sizes)
def test_a_suffix_is_the_end_of_the_object(length: int, size: int) -> None:
    try:
        got = parse_range(f"bytes=-{length}", size)
    except RangeNotSatisfiable:
        assert length == 0 or size == 0
        return
    assert got is not None
    assert got.end == size
    assert got.length == min(length, size)


@given(header=st.text(max_size=40) | st.text(alphabet="bytes=0123456789-, ", max_size=40), size=sizes)
def test_no_header_breaks_the_parser(header: str, size: int) -> None:
    try:
        got = parse_range(header, size)
    except RangeNotSatisfiable:
        return
    assert got is None or 0 <= got.start < got.end <= size


def test_a_part_is_sent_only_of_the_object_that_the_client_has() -> None:
    assert requested_range("bytes=0-1", '"same"', etag='"same"', size=10) == ByteRange(0, 2)
    assert requested_range("bytes=0-1", None, etag='"same"', size=10) == ByteRange(0, 2)
    for other in ['"other"', 'W/"same"', "Sat, 21 Nov 2026 10:00:00 GMT", ""]:
        assert requested_range("bytes=0-1", other, etag='"same"', size=10) is None


def test_a_range_beyond_another_object_is_no_error() -> None:
    assert requested_range("bytes=100-", '"other"', etag='"same"', size=10) is None
