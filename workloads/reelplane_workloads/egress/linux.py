"""The Linux calls that the sandbox needs and Python 3.11 does not have, through the C library.

Numbers and structures are the kernel's UAPI (``include/uapi/linux``): sched.h, prctl.h, capability.h, if.h.
Every function raises OSError with the kernel's reason. Only the standard library is imported.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import platform
import signal
import socket
import struct
from pathlib import Path

CLONE_NEWUSER = 0x1000_0000
CLONE_NEWNET = 0x4000_0000

PR_SET_PDEATHSIG = 1
PR_CAPBSET_DROP = 24
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_CLEAR_ALL = 4

_CAP_SETPCAP = 8
_CAP_SYS_ADMIN = 21
_CAPABILITY_VERSION_3 = 0x2008_0522
_SIOCGIFFLAGS = 0x8913
_SIOCSIFFLAGS = 0x8914
_IFF_UP = 0x1

_libc = ctypes.CDLL(None, use_errno=True)


def machine() -> str:
    """``x86_64`` or ``aarch64`` where system call numbers are known here; something else elsewhere."""
    return {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine(), platform.machine())


def syscall(number: int, *arguments: object) -> int:
    result: int = _libc.syscall(ctypes.c_long(number), *arguments)
    return _checked(result, f"system call {number}")


def prctl(option: int, *arguments: object) -> int:
    padded = [ctypes.c_ulong(a) if isinstance(a, int) else a for a in (*arguments, 0, 0, 0, 0)[:4]]
    result: int = _libc.prctl(option, *padded)
    return _checked(result, f"prctl {option}")


def isolate_network() -> bool:
    """Move the process into a new network namespace; True when that took a new user namespace too.

    With CAP_SYS_ADMIN no user namespace is needed. Without it, one is made in which the process keeps its own
    user and group ids, so that files stay its own. The process must be single-threaded (unshare(2)).
    """
    if _effective_capabilities() >> _CAP_SYS_ADMIN & 1:
        _unshare(CLONE_NEWNET)
        return False
    uid, gid = os.geteuid(), os.getegid()
    _unshare(CLONE_NEWUSER | CLONE_NEWNET)
    # user_namespaces(7): without setgroups denied, an unprivileged process may not write gid_map.
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    return True


def loopback_up() -> None:
    """A new network namespace has one interface, lo, and it is down (netdevice(7))."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sH14x", b"lo", 0)
        _, flags = struct.unpack("16sH14x", fcntl.ioctl(control, _SIOCGIFFLAGS, request))
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | _IFF_UP))


def die_with_parent(parent: int) -> None:
    """SIGKILL when the thread that started this process ends. Raises ProcessLookupError when ``parent`` is gone.

    Cleared by every change of credentials (prctl(2)), so it comes after those.
    """
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise ProcessLookupError("the parent ended before the sandbox was entered")


def drop_privileges() -> None:
    """Give up every capability for good, also for what is executed from here on (capabilities(7))."""
    last = int(Path("/proc/sys/kernel/cap_last_cap").read_text())
    # The bounding set can be lowered with CAP_SETPCAP only; where it is missing, no_new_privs alone has to do.
    if _effective_capabilities() >> _CAP_SETPCAP & 1:
        for capability in range(last + 1):
            prctl(PR_CAPBSET_DROP, capability)
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    header = struct.pack("Ii", _CAPABILITY_VERSION_3, 0)
    _checked(_libc.capset(header, bytes(24)), "capset")
    prctl(PR_SET_NO_NEW_PRIVS, 1)


def _effective_capabilities() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0


def _unshare(flags: int) -> None:
    _checked(_libc.unshare(flags), "unshare")


def _checked(result: int, call: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")
    return result
