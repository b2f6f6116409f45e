"""Joining small writes never holds anything back for longer than a turn of the event loop, and loses nothing."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from reelplane_workloads.api.protocol import SMALL, JoiningTransport


class Written:
    """What reached the transport, in order."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        assert not self.closed
        self.pieces.append(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


def joining() -> tuple[JoiningTransport, Written]:
    written = Written()
    return JoiningTransport(cast(Any, written), asyncio.get_running_loop()), written


async def test_head_and_body_leave_as_one() -> None:
    transport, written = joining()
    transport.write(b"head ")
    transport.write(b"body")
    await asyncio.sleep(0)
    assert written.pieces == [b"head body"]


async def test_a_head_without_a_body_leaves_in_the_same_turn() -> None:
    transport, written = joining()
    transport.write(b"head")
    await asyncio.sleep(0)
    assert written.pieces == [b"head"]
    transport.write(b"event")
    await asyncio.sleep(0)
    assert written.pieces == [b"head", b"event"]


async def test_large_pieces_are_not_copied_and_stay_in_order() -> None:
    transport, written = joining()
    large = b"x" * (SMALL + 1)
    transport.write(b"head")
    transport.write(large)
    transport.write(large)
    assert written.pieces == [b"head", large, large]
    assert written.pieces[1] is large


async def test_closing_sends_what_was_held() -> None:
    transport, written = joining()
    transport.write(b"head")
    transport.close()
    assert written.pieces == [b"head"]
    assert transport.is_closing()
