"""Which bytes of an object a request asks for: RFC 9110 section 14, single ranges only.

A request for several ranges is answered with the whole object, which the RFC allows: merging and sorting a
stranger's list of ranges is work that grows with the square of its length (CVE-2025-62727), and no player
needs it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from reelplane_workloads.core.errors import Code, Problem

_SINGLE = re.compile(r"bytes=[ \t]*([0-9]{0,19})-([0-9]{0,19})[ \t]*", re.IGNORECASE | re.ASCII)
"""19 digits hold every size that a file system knows; a longer number is not worth parsing."""


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Half-open: ``start`` is the first byte, ``end`` the one after the last."""

    start: int
    end: int

    @property
    def length(self) -> int:
        return self.end - self.start

    def content_range(self, size: int) -> str:
        """The Content-Range of the 206 answer for an object of ``size`` bytes."""
        return f"bytes {self.start}-{self.end - 1}/{size}"


class RangeNotSatisfiable(Problem):
    """A 416. ``content_range`` is the header that tells the client the size (RFC 9110 section 15.5.17)."""

    def __init__(self, header: str, size: int) -> None:
        super().__init__(
            Code.RANGE_NOT_SATISFIABLE,
            f"{header!r} lies outside the object's {size} bytes",
            field="Range",
        )
        self.content_range = f"bytes */{size}"


def parse_range(header: str | None, size: int) -> ByteRange | None:
    """The range that a Range header asks of an object of ``size`` bytes; None: send the whole (200).

    None stands for no header, another unit, several ranges, and what is malformed: the RFC lets a server ignore
    each. Raises RangeNotSatisfiable when the range is well formed and no byte of it exists.
    """
    match = _SINGLE.fullmatch(header) if header else None
    if header is None or match is None:
        return None
    first, last = match.groups()
    if not first:
        if not last:
            return None
        if int(last) == 0 or size == 0:
            raise RangeNotSatisfiable(header, size)
        return ByteRange(max(0, size - int(last)), size)
    start = int(first)
    if last and int(last) < start:
        return None
    if start >= size:
        raise RangeNotSatisfiable(header, size)
    return ByteRange(start, min(int(last) + 1, size) if last else size)


def requested_range(
    range_header: str | None, if_range: str | None, *, etag: str, size: int
) -> ByteRange | None:
    """``parse_range`` under If-Range: the part only while the client's copy is of this very object, else the whole.

    Only a strong entity tag can match: objects carry no Last-Modified, since a content-addressed object has none.
    """
    if if_range is not None and if_range.strip() != etag:
        return None
    return parse_range(range_header, size)
