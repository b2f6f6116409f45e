"""Landlock: the process gives up files, signals and ports that extraction has no business with (landlock(7)).

Needs no privilege. Kernels differ in what they can restrict (the ABI number); what a kernel does not know is
left out, and the caller is told what was reached. Constants are ``include/uapi/linux/landlock.h``.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import stat
import struct
from collections.abc import Iterable

from . import linux

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
"""The same on every architecture: system calls from 424 on share one table."""
_VERSION_FLAG = 1
_RULE_PATH, _RULE_PORT = 1, 2

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_TRUNCATE, _IOCTL_DEV = 1 << 14, 1 << 15
_ON_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
"""The rights that may be given on a file; the others are about what is in a folder."""
_CONNECT_TCP = 1 << 1
_SCOPE_ABSTRACT_SOCKETS, _SCOPE_SIGNALS = 1 << 0, 1 << 1

MINIMUM = 3
"""Linux 6.2. Before it truncating could not be restricted, and before ABI 2 no file could change its folder."""
WITH_PORTS = 4
WITH_IOCTL = 5
WITH_SCOPES = 6


def abi() -> int:
    """The kernel's Landlock ABI; 0 where it has none, or none that is switched on or let through."""
    try:
        return linux.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint(_VERSION_FLAG))
    except OSError:
        return 0


def restrict(*, read: Iterable[str], write: Iterable[str], devices: Iterable[str], port: int | None) -> None:
    """From now on this thread and what it starts reads only below ``read``, and writes only below ``write``.

    What is below ``write`` may be read but not executed. ``devices`` are single files to read and write. With
    ``port`` (ABI 4) TCP connects to that port number only. With ABI 6 signals and abstract sockets reach only
    processes inside. Paths that do not exist are passed over. Needs no_new_privs; raises OSError.
    """
    version = abi()
    folder_rights = (1 << (16 if version >= WITH_IOCTL else 15)) - 1
    everything = struct.pack(
        "QQQ",
        folder_rights,
        _CONNECT_TCP if port is not None and version >= WITH_PORTS else 0,
        _SCOPE_ABSTRACT_SOCKETS | _SCOPE_SIGNALS if version >= WITH_SCOPES else 0,
    )
    size = 24 if version >= WITH_SCOPES else 16 if version >= WITH_PORTS else 8
    ruleset = linux.syscall(_CREATE_RULESET, everything[:size], ctypes.c_size_t(size), ctypes.c_uint(0))
    try:
        for path in read:
            _allow(ruleset, path, _EXECUTE | _READ_FILE | _READ_DIR)
        for path in write:
            _allow(ruleset, path, folder_rights & ~_EXECUTE)
        for path in devices:
            _allow(ruleset, path, (_READ_FILE | _WRITE_FILE | _TRUNCATE | _IOCTL_DEV) & folder_rights)
        if port is not None and version >= WITH_PORTS:
            rule = struct.pack("QQ", _CONNECT_TCP, port)
            linux.syscall(_ADD_RULE, ctypes.c_int(ruleset), ctypes.c_int(_RULE_PORT), rule, ctypes.c_uint(0))
        linux.syscall(_RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint(0))
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    with contextlib.suppress(FileNotFoundError, PermissionError):
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            if not stat.S_ISDIR(os.fstat(handle).st_mode):
                rights &= _ON_FILES
            rule = struct.pack("=Qi", rights, handle)
            linux.syscall(_ADD_RULE, ctypes.c_int(ruleset), ctypes.c_int(_RULE_PATH), rule, ctypes.c_uint(0))
        finally:
            os.close(handle)
