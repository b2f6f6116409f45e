"""First process of a test node: it holds the namespaces, and all that runs in them ends with it.

    unshare --net --mount --uts --ipc --pid --fork --kill-child python -I -S namespace_init.py FOLDER LOCKS

Being process 1 of a process namespace, its end is the end of every process there (pid_namespaces(7)), however far
a container shim has forked away; with the last of them the kernel takes back mounts, network interfaces, rules
and addresses of the namespaces. So a killed test leaves nothing to clean up but folders and empty cgroups.

What containerd and kubelet keep in fixed places of a machine (/run, /var/lib, /var/log) lies in FOLDER. The node's
number, which its addresses are made of, is the first one whose lock in LOCKS is free; the lock is held as long as
the namespaces live.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO

HIGHEST = 127
"""Numbers go from 0 to this one."""
STATE = "machine.json"
OWN = ("/run", "/var/lib", "/var/log")
"""What lies in these places of the machine around is not seen inside."""


def claim(locks: Path) -> tuple[int, IO[str]]:
    """The lowest number that no other node on this machine has, with the lock that says so."""
    locks.mkdir(parents=True, exist_ok=True)
    for number in range(HIGHEST + 1):
        lock = (locks / f"{number}.lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            continue
        return number, lock
    raise SystemExit(f"all {HIGHEST + 1} numbers of {locks} are taken")


def mount(folder: Path) -> None:
    """Places of this machine's own over those of the machine around it, which sees none of these mounts."""
    run("mount", "--make-rprivate", "/")
    run("mount", "-t", "proc", "proc", "/proc")
    # A sysfs shows the network devices of the namespace that it was mounted in. The cgroups in it are moved to the
    # new one, since a second mount of them would be found first by those who look for their own.
    cgroups = str(made(folder / "cgroup"))
    run("mount", "--rbind", "/sys/fs/cgroup", cgroups)
    run("umount", "--recursive", "--lazy", "/sys")
    run("mount", "-t", "sysfs", "sysfs", "/sys")
    run("mount", "--move", cgroups, "/sys/fs/cgroup")
    for name, place in (("lib", "/var/lib"), ("log", "/var/log")):
        run("mount", "--bind", str(made(folder / name)), place)
    run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
    # Volumes that kubelet mounts for a container must show up in it: that is what shared is for.
    run("mount", "--make-rshared", "/")


def run(*argv: str) -> None:
    subprocess.run(argv, check=True)


def made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def main(folder: Path, locks: Path) -> None:
    number, _lock = claim(locks)
    # The /proc around still shows the process ids around: that is how others can enter.
    pid = int(os.readlink("/proc/self"))
    mount(folder)
    run("hostname", f"node-{number}")
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    new = folder / (STATE + ".new")
    new.write_text(json.dumps({"pid": pid, "number": number}))
    new.replace(folder / STATE)
    reap()


def reap() -> None:
    """Orphans are process 1's to reap, for ever."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    while True:
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        signal.sigwait({signal.SIGCHLD})


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
