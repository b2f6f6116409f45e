"""A child must not outlive its worker, and neither may what the child has started.

The worker holds the writing end of a pipe and never writes. A watcher, forked from the child before it does
anything else, waits at the reading end: when the worker is gone, however it went, the pipe ends and the watcher
kills the whole process group. A thread in the child would not do: it needs the interpreter lock, which one
long regular expression can hold for minutes, and it dies with the child while FFmpeg or deno live on.
"""

from __future__ import annotations

import os
import signal


def hold(reading_end: int) -> None:
    """Fork the watcher. Call it single-threaded, in a process that leads its own process group."""
    if os.fork() != 0:
        os.close(reading_end)
        return
    # The watcher keeps nothing open that others wait on: the worker reads the end of the child's output.
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.closerange(3, reading_end)
    os.closerange(reading_end + 1, 4096)
    try:
        os.read(reading_end, 1)
    finally:
        os.killpg(0, signal.SIGKILL)
        os._exit(1)  # never back into the child's code, should the signal be late
