"""Runs inside a new child: ties its life to the supervisor's, then becomes the workload by ``exec``.

    python -I -S launch.py PARENT_PID NICE PROGRAM [ARGUMENT...]

A script of its own rather than a ``preexec_fn``, which may deadlock in a supervisor that has threads. It uses
the standard library only (``-S``: no site packages), so it costs some 15 ms and no platform code.

On Linux the kernel is asked to send SIGKILL when the supervisor dies, however it dies (prctl(2),
PR_SET_PDEATHSIG; it survives exec). Jobs are made to survive exactly that. Elsewhere the record in the state
folder lets the next ``up`` find what was left behind.
"""

from __future__ import annotations

import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(argv: list[str]) -> None:
    parent, nice, *command = argv
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 - only where it is used: this runs once per process start

        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
            sys.exit(f"launch: prctl: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != int(parent):
        sys.exit("launch: the supervisor is gone")
    if int(nice):
        os.nice(int(nice))
    try:
        os.execvp(command[0], command)  # noqa: S606 - argv as data, no shell
    except OSError as error:
        sys.exit(f"launch: {command[0]}: {error.strerror}")


if __name__ == "__main__":
    main(sys.argv[1:])
