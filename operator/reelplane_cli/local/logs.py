"""Where the lines of the processes go: the terminal, with a coloured and aligned name before each, and a file.

The terminal is written by a thread of its own through a bounded queue. A terminal that is held (Ctrl-S, a
pager) therefore never holds the supervisor; what does not fit is counted and said, and stands in the file.
"""

from __future__ import annotations

import contextlib
import os
import queue
import re
import threading
from pathlib import Path
from typing import TextIO

_COLOURS = ("36", "35", "34", "32", "33", "96", "95", "94")
_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
_QUEUED_LINES = 5_000


class Console:
    """Lines for the person at the terminal. ``say`` is the supervisor's own voice."""

    def __init__(self, stream: TextIO, *, colour: bool, width: int = 10) -> None:
        self.colour = colour
        self._stream = stream
        self._width = width
        self._lines: queue.Queue[str | None] = queue.Queue(_QUEUED_LINES)
        self._dropped = 0
        self._thread = threading.Thread(target=self._write, name="console", daemon=True)
        self._thread.start()

    def line(self, name: str, text: str) -> None:
        prefix = f"{name:<{self._width}} │ "
        if self.colour:
            prefix = f"\x1b[{_COLOURS[sum(name.encode()) % len(_COLOURS)]}m{prefix}\x1b[0m"
        self._put(prefix + text)

    def say(self, text: str) -> None:
        self._put(f"\x1b[1m{text}\x1b[0m" if self.colour else text)

    def close(self) -> None:
        """Write what is queued; a terminal that takes nothing for 2 s is left behind."""
        try:
            self._lines.put(None, timeout=2)
        except queue.Full:
            return
        self._thread.join(timeout=2)

    def _put(self, text: str) -> None:
        try:
            if self._dropped:
                self._lines.put_nowait(f"({self._dropped} lines not shown; they are in the log files)")
                self._dropped = 0
            self._lines.put_nowait(text)
        except queue.Full:
            self._dropped += 1

    def _write(self) -> None:
        while (text := self._lines.get()) is not None:
            try:
                self._stream.write(text + "\n")
                if self._lines.empty():
                    self._stream.flush()
            except (OSError, ValueError):
                return  # The terminal is gone; the files remain.


class LogFile:
    """An append-only file that starts anew at ``limit`` bytes and keeps ``keep`` older ones (``.1`` newest).

    A line that cannot be written (a full disk) is given up: the processes go on, and the terminal has it.
    """

    def __init__(self, path: Path, *, limit: int = 10 * 2**20, keep: int = 3) -> None:
        self._path = path
        self._limit = limit
        self._keep = keep
        self._file = self._open()
        self._size = os.fstat(self._file).st_size

    def line(self, text: str) -> None:
        with contextlib.suppress(OSError):
            self._size += os.write(self._file, _ESCAPES.sub("", text).encode() + b"\n")
            if self._size >= self._limit:
                self._turn()

    def close(self) -> None:
        os.close(self._file)

    def _turn(self) -> None:
        for index in range(self._keep - 1, 0, -1):
            older = self._numbered(index)
            if older.exists():
                older.replace(self._numbered(index + 1))
        self._path.replace(self._numbered(1))
        fresh = self._open()
        os.close(self._file)
        self._file, self._size = fresh, 0

    def _numbered(self, index: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{index}")

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)


class LineSplitter:
    """Bytes as they arrive from a pipe, as lines; a line beyond ``limit`` bytes is broken there."""

    def __init__(self, limit: int = 64 * 2**10) -> None:
        self._limit = limit
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > self._limit:
            lines.append(self._rest)
            self._rest = b""
        return [line.decode(errors="replace").rstrip("\r") for line in lines]

    def flush(self) -> list[str]:
        rest, self._rest = self._rest, b""
        return [rest.decode(errors="replace")] if rest else []
