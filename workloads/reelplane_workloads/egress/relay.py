"""Two connections joined back to back, with a bounded head in front and backpressure behind.

A ``Channel`` is one side. Before it is joined it collects bytes for ``read_head``; after that each chunk goes
straight to the peer's transport, and a peer that cannot send pauses the reading. The event loop reads up to
256 KiB at a time, so that Python runs a few thousand times per gigabyte: 0.65 to 0.8 CPU seconds per GiB either
way, with asyncio's loop and with uvloop alike (2 cores, 2026-11), which is 1.5 % of a core at 20 MB/s.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import cast

HIGH_WATER = 1 << 20
"""Bytes that may wait for a slow receiver before its sender is paused; per connection, so it bounds memory."""


LINGER = 2.0
"""Seconds a dismissed connection is still read from."""
LINGER_NOT = struct.pack("ii", 1, 0)
"""SO_LINGER on, for no seconds: closing sends RST (socket(7))."""


class HeadTooLargeError(Exception):
    """The head did not end within its limit."""


class Channel(asyncio.Protocol):
    """One side of a relayed connection.

    ``passed`` is told the size of each chunk that is handed to the peer; when it answers False the pair is
    aborted. ``ended`` is called once, with the exception that broke the connection or None.
    """

    def __init__(
        self, head_limit: int = 0, ended: Callable[[Channel, Exception | None], None] | None = None
    ) -> None:
        self.transport: asyncio.Transport
        self.peer: Channel | None = None
        self.passed: Callable[[int], bool] = lambda size: True
        self.ended = ended
        self.lost = False
        self.last_seen = 0.0
        """Loop time of the last byte in this direction."""
        self.allowance: int | None = None
        """Bytes that may still pass to the peer; what comes after them is dropped. None: all."""
        self._head_limit = head_limit
        self._buffer = bytearray()
        self._eof = False
        self._dismissed = False
        self._changed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.set_write_buffer_limits(high=HIGH_WATER)
        self.last_seen = asyncio.get_running_loop().time()

    def data_received(self, data: bytes) -> None:
        self.last_seen = asyncio.get_running_loop().time()
        if self.peer is not None:
            self._pass(data, self.peer)
            return
        if self._dismissed:
            return
        self._buffer += data
        if len(self._buffer) >= self._head_limit:
            self.transport.pause_reading()
        self._changed.set()

    def eof_received(self) -> bool:
        self._eof = True
        self._changed.set()
        if self.peer is not None:
            self.peer.finish()
        return not self._dismissed

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        self._changed.set()
        if self.peer is not None:
            if exc is None:
                self.peer.transport.close()
            else:
                self.peer.reset()
        if self.ended is not None:
            self.ended(self, exc)

    def pause_writing(self) -> None:
        if self.peer is not None:
            self.peer.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.peer is not None:
            self.peer.transport.resume_reading()

    def finish(self) -> None:
        """Say that no more bytes will be sent; close when the other direction has ended too."""
        if self.lost or self.transport.is_closing():
            return
        if self._eof:
            self.transport.close()
        elif self.transport.can_write_eof():
            self.transport.write_eof()

    async def read_head(self) -> bytes:
        """The bytes up to and with the first empty line; what follows stays for the next read or the peer.

        Raises HeadTooLargeError when there is none within the limit, ConnectionError at the end of input.
        """
        while True:
            end = self._buffer.find(b"\r\n\r\n", 0, self._head_limit)
            if end >= 0:
                head = bytes(self._buffer[: end + 4])
                del self._buffer[: end + 4]
                return head
            if len(self._buffer) >= self._head_limit:
                raise HeadTooLargeError
            if self.lost or self._eof:
                raise ConnectionResetError("closed before the head was complete")
            self._changed.clear()
            await self._changed.wait()

    def join(self, peer: Channel) -> None:
        """From now on what this side receives goes to ``peer``. Call on both sides for both directions."""
        self.peer = peer
        self._buffer, waiting = bytearray(), bytes(self._buffer)
        if waiting:
            self._pass(waiting, peer)
        if self.lost:
            peer.transport.close()
        elif self._eof:
            peer.finish()
        elif not self.transport.is_closing():
            self.transport.resume_reading()

    def dismiss(self, response: bytes) -> None:
        """Send a last answer and close.

        What still comes in is read and dropped for a moment: closing a socket with unread bytes resets it, and
        a reset can overtake the answer (RFC 9112 section 9.6).
        """
        self._dismissed = True
        if not self.lost:
            self.transport.write(response)
            self.transport.write_eof()
            self.transport.resume_reading()
            asyncio.get_running_loop().call_later(LINGER, self.transport.close)

    def abort(self) -> None:
        """Drop the connection and what waits to be sent on it."""
        if not self.lost:
            self.transport.abort()

    def reset(self) -> None:
        """Drop it so that the other end sees a reset (RST): an orderly end would make a cut-off body look whole."""
        if not self.lost:
            self.transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT
            )
            self.transport.abort()

    def _pass(self, data: bytes, peer: Channel) -> None:
        if self.allowance is not None:
            data = data[: self.allowance]
            self.allowance -= len(data)
        if not data or peer.lost:
            return
        if self.passed(len(data)):
            peer.transport.write(data)
        else:
            self.abort()
            peer.abort()
