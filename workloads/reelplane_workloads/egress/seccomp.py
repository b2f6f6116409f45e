"""A seccomp filter for the extraction child: what namespaces and Landlock leave open, closed by system call.

A network namespace does not cover Unix sockets with a path: without this the child could talk to any server
of its own user's, the platform's queue among them. Landlock restricts TCP connects only. So sockets are TCP
(or a socketpair), and calls that reach into other processes, make namespaces, or do I/O behind the
filter's back (io_uring) fail with EPERM. It is a short deny-list on purpose: an allow-list would have to follow
every release of the interpreter and of V8.

Built as classic BPF over ``struct seccomp_data`` (seccomp(2), ``include/uapi/linux/{seccomp,filter,audit}.h``).
"""

from __future__ import annotations

import ctypes
import errno
import struct

from . import linux

_PR_SET_SECCOMP = 22
_MODE_FILTER = 2
_ALLOW, _KILL_PROCESS, _ERRNO = 0x7FFF_0000, 0x8000_0000, 0x0005_0000

_LOAD, _AND, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x06
"""BPF_LD|W|ABS, BPF_ALU|AND|K, BPF_JMP|JEQ|K, BPF_JMP|JGE|K, BPF_RET|K."""
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16

_AUDIT_ARCH = {"x86_64": 0xC000_003E, "aarch64": 0xC000_00B7}
_X32 = 0x4000_0000

_AF_INET, _AF_INET6, _SOCK_STREAM, _SOCK_TYPE_MASK, _TCP = 2, 10, 1, 0xF, 6
_MSG_FASTOPEN = 0x2000_0000
_NEW_NAMESPACE = 0x7E02_0000
"""CLONE_NEWNS | NEWCGROUP | NEWUTS | NEWIPC | NEWUSER | NEWPID | NEWNET."""

_CALLS = {
    "x86_64": {"socket": 41, "clone": 56, "sendto": 44, "sendmsg": 46, "sendmmsg": 307},
    "aarch64": {"socket": 198, "clone": 220, "sendto": 206, "sendmsg": 211, "sendmmsg": 269},
}
_CLONE3 = 435
_DENIED = {
    # ptrace, process_vm_readv, process_vm_writev, unshare, setns, mount, umount2, pivot_root, add_key,
    # request_key, keyctl, perf_event_open, bpf, userfaultfd, kexec_load, init_module, finit_module,
    # open_by_handle_at
    "x86_64": (101, 310, 311, 272, 308, 165, 166, 155, 248, 249, 250, 298, 321, 323, 246, 175, 313, 304),
    "aarch64": (117, 270, 271, 97, 268, 40, 39, 41, 217, 218, 219, 241, 280, 282, 104, 105, 273, 265),
}
# io_uring_setup, io_uring_enter, io_uring_register, open_tree, move_mount, fsopen, pidfd_getfd, mount_setattr
_DENIED_EVERYWHERE = (425, 426, 427, 428, 429, 430, 438, 442)

Instruction = tuple[int, int, int, int]
"""Code, steps to skip when true, steps to skip when false, operand."""


def supported() -> bool:
    """Whether system call numbers of this architecture are known here."""
    return linux.machine() in _AUDIT_ARCH


def restrict(*, tcp_only: bool) -> None:
    """Install the filter for this thread and what it starts. Needs no_new_privs; raises OSError.

    ``tcp_only`` also refuses datagrams, other stream protocols (MPTCP) and TCP Fast Open, which get past
    Landlock's check of connect(2); inside a network namespace they lead nowhere.
    """
    filters = program(linux.machine(), tcp_only=tcp_only)
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in filters)
    buffer = ctypes.create_string_buffer(code, len(code))
    header = struct.pack("HxxxxxxP", len(filters), ctypes.addressof(buffer))
    linux.prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.c_char_p(header))


def program(machine: str, *, tcp_only: bool) -> list[Instruction]:
    """The filter as BPF instructions. A pure function of the architecture."""
    calls = _CALLS[machine]
    denied = _ERRNO | errno.EPERM
    steps: list[Instruction] = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, _AUDIT_ARCH[machine]),
        (_RETURN, 0, 0, _KILL_PROCESS),
        (_LOAD, 0, 0, _NUMBER),
    ]
    if machine == "x86_64":
        steps += [(_AT_LEAST, 0, 1, _X32), (_RETURN, 0, 0, denied)]
    for number in (*_DENIED[machine], *_DENIED_EVERYWHERE):
        steps += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, denied)]
    # clone3 keeps its flags in memory, out of a filter's sight: the C library falls back to clone on ENOSYS.
    steps += [(_EQUAL, 0, 1, _CLONE3), (_RETURN, 0, 0, _ERRNO | errno.ENOSYS)]
    steps += _when(calls["clone"], [*_masked(0, _NEW_NAMESPACE), (_EQUAL, 1, 0, 0), (_RETURN, 0, 0, denied)])
    steps += _when(calls["socket"], _socket_rule(tcp_only))
    if tcp_only:
        for call, position in (("sendto", 3), ("sendmsg", 2), ("sendmmsg", 3)):
            fast_open = [*_masked(position, _MSG_FASTOPEN), (_EQUAL, 1, 0, 0), (_RETURN, 0, 0, denied)]
            steps += _when(calls[call], fast_open)
    return [*steps, (_RETURN, 0, 0, _ALLOW)]


def _socket_rule(tcp_only: bool) -> list[Instruction]:
    refused = (_RETURN, 0, 0, _ERRNO | errno.EACCES)
    family = [_argument(0), (_EQUAL, 2, 0, _AF_INET), (_EQUAL, 1, 0, _AF_INET6), refused]
    if not tcp_only:
        return family
    kind = [*_masked(1, _SOCK_TYPE_MASK), (_EQUAL, 1, 0, _SOCK_STREAM), refused]
    protocol = [_argument(2), (_EQUAL, 2, 0, 0), (_EQUAL, 1, 0, _TCP), refused]
    return [*family, *kind, *protocol]


def _when(number: int, rule: list[Instruction]) -> list[Instruction]:
    """``rule`` for one system call; falls out of it allowed, since no later rule is for the same call."""
    body = [*rule, (_RETURN, 0, 0, _ALLOW)]
    return [(_EQUAL, 0, len(body), number), *body]


def _argument(position: int) -> Instruction:
    """Load the low half of an argument: both architectures are little-endian."""
    return (_LOAD, 0, 0, _ARGUMENTS + 8 * position)


def _masked(position: int, mask: int) -> list[Instruction]:
    return [_argument(position), (_AND, 0, 0, mask)]
