"""Owns the processes of a test cluster, so that nothing of it outlives the program that asked for it.

    python -I -S warden.py FOLDER       (started by ``process.Bed``; the standard library only)

The holder (a pytest run, ``make cluster``) talks to the warden in JSON lines over its standard input and output.
The pipe is the lifeline: when it ends, however the holder went, the warden ends every process in the reverse
order of their start, then unmounts and runs the last commands it was given. What double-forked away from its
parent (container shims) is found, too: on Linux the warden adopts orphans (PR_SET_CHILD_SUBREAPER). Should the
warden itself be killed, the kernel kills what it started (PR_SET_PDEATHSIG), and ``down`` reads from
``FOLDER/processes.json`` what is left to do.

A helper of its own rather than PR_SET_PDEATHSIG in the holder: that signal is bound to the *thread* that forked,
and it can neither end things in order nor unmount.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_KILLED_WITHIN = 20.0
"""Seconds until a process that was sent SIGKILL must be gone; more means that it hangs in the kernel."""

RECORD = "processes.json"


def start_mark(pid: int) -> str | None:
    """An opaque text, equal for as long as ``pid`` is the same process. None when there is none or a zombie."""
    if sys.platform != "linux":
        answer = subprocess.run(
            ["/bin/ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, check=False
        )
        return answer.stdout.decode().strip() or None
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # proc(5): the command may hold spaces and brackets; state is field 3, starttime field 22.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields[19]


def is_alive(process: dict[str, Any]) -> bool:
    """Whether a record's process (``pid``, ``started``) still runs; a stranger who got its id does not count."""
    return bool(process["started"]) and start_mark(process["pid"]) == process["started"]


def kill_group(pid: int, number: int = signal.SIGKILL) -> None:
    """Signal the process, and its group where it leads one."""
    with contextlib.suppress(ProcessLookupError):
        if os.getpgid(pid) == pid:
            os.killpg(pid, number)
        else:
            os.kill(pid, number)


def unmount_under(folder: str) -> None:
    """Detach every mount at or below ``folder``, the deepest first (Linux; elsewhere the test bed mounts nothing)."""
    if sys.platform != "linux":
        return
    # proc(5): field 2 is the mount point, with space, tab, newline and backslash as octal escapes.
    points = [
        line.split()[1].encode().decode("unicode_escape")
        for line in Path("/proc/mounts").read_text().splitlines()
    ]
    root = folder.rstrip("/")
    for point in sorted((p for p in points if p == root or p.startswith(root + "/")), key=len, reverse=True):
        subprocess.run(["umount", "--lazy", point], check=False, capture_output=True)


def run_last(record: dict[str, Any]) -> None:
    """What remains when all processes are gone: unmount, then the commands, the last registered first."""
    for folder in record["unmount"]:
        unmount_under(folder)
    for argv in reversed(record["at_end"]):
        with contextlib.suppress(subprocess.TimeoutExpired, OSError):
            subprocess.run(argv, check=False, capture_output=True, timeout=60)


class Warden:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._codes: dict[int, int] = {}
        """Exit codes of all that was reaped; negative: by that signal."""
        self._libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
        if self._libc:
            self._libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self._record: dict[str, Any] = {
            "holder": {"pid": os.getppid(), "started": start_mark(os.getppid())},
            "warden": {"pid": os.getpid(), "started": start_mark(os.getpid())},
            "processes": {},
            "unmount": [],
            "at_end": [],
        }
        self._write()

    def serve(self) -> None:
        """Answer commands until the holder is gone or SIGTERM comes; then end everything."""
        try:
            for line in sys.stdin:
                command = json.loads(line)
                try:
                    answer = getattr(self, "do_" + command.pop("do"))(**command)
                except OSError as error:
                    answer = {
                        "error": f"{error.strerror}: {error.filename}" if error.filename else str(error)
                    }
                print(json.dumps(answer or {}), flush=True)
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            self._end()

    def do_start(
        self, *, name: str, argv: list[str], env: dict[str, str], cwd: str, log: str, patience: float
    ) -> dict[str, Any]:
        pid = self._spawn(argv, env, cwd, log)
        entry = {"pid": pid, "started": start_mark(pid) or "", "patience": patience, "argv": argv}
        self._record["processes"].pop(name, None)  # Its place in the order is that of its last start.
        self._record["processes"][name] = entry
        self._write()
        return entry

    def do_poll(self, name: str) -> dict[str, Any]:
        pid = self._record["processes"][name]["pid"]
        self._reap()
        return {"code": self._codes.get(pid)}

    def do_stop(self, name: str, patience: float | None) -> dict[str, Any]:
        self._stop(name, patience)
        return {"code": self._codes.get(self._record["processes"][name]["pid"])}

    def do_unmount(self, folder: str) -> None:
        self._record["unmount"].append(folder)
        self._write()

    def do_at_end(self, argv: list[str]) -> None:
        self._record["at_end"].append(argv)
        self._write()

    def _spawn(self, argv: list[str], env: dict[str, str], cwd: str, log: str) -> int:
        """fork and exec by hand: this process is small and has one thread, so a prctl in between is safe."""
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        parent = os.getpid()
        pid = os.fork()
        if pid:
            os.close(output)
            return pid
        try:
            os.setsid()  # The terminal's Ctrl-C is the holder's to handle.
            for number in (
                signal.SIGTERM,
                signal.SIGINT,
                signal.SIGPIPE,
            ):  # What is ignored stays so over exec.
                signal.signal(number, signal.SIG_DFL)
            if self._libc:
                self._libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            if os.getppid() == parent:
                null = os.open(os.devnull, os.O_RDONLY)
                os.dup2(null, 0)
                os.dup2(output, 1)
                os.dup2(output, 2)
                os.chdir(cwd)
                os.execvpe(argv[0], argv, env)
        except OSError as error:
            os.write(output, f"{argv[0]}: {error.strerror}\n".encode())
        finally:
            os._exit(127)

    def _stop(self, name: str, patience: float | None = None) -> None:
        entry = self._record["processes"][name]
        pid = entry["pid"]
        patience = entry["patience"] if patience is None else patience
        self._reap()
        if pid in self._codes:
            return
        if patience:
            # Only the process itself is asked: it knows how to wind up what it started.
            os.kill(pid, signal.SIGTERM)
            self._gone(pid, patience)
        if pid not in self._codes:
            kill_group(pid)
            self._gone(pid, _KILLED_WITHIN)

    def _gone(self, pid: int, within: float) -> None:
        deadline = time.monotonic() + within
        while pid not in self._codes and time.monotonic() < deadline:
            self._reap()
            time.sleep(0.01)

    def _reap(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                self._codes[pid] = os.waitstatus_to_exitcode(status)

    def _end(self) -> None:
        for name in reversed(list(self._record["processes"])):
            self._stop(name)
        # Adopted orphans: each generation that is killed may leave us its children.
        for _ in range(100):
            self._reap()
            orphans = self._children()
            if not orphans:
                break
            for pid in orphans:
                kill_group(pid)
            time.sleep(0.02)
        run_last(self._record)
        (self._folder / RECORD).unlink(missing_ok=True)

    def _children(self) -> list[int]:
        try:
            return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]
        except OSError:  # Not Linux, where nothing is adopted.
            return []

    def _write(self) -> None:
        new = self._folder / (RECORD + ".new")
        new.write_text(json.dumps(self._record, indent=1))
        new.replace(self._folder / RECORD)


def main(folder: Path) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    Warden(folder).serve()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
