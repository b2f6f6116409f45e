"""What the extraction child does first: cut itself off from everything but the guard, and report how far it got.

    unshare the network ─► lo up ─► hand the guard a listener ─► rlimits ─► drop capabilities ─►
    no_new_privs, die with the parent ─► Landlock (files, signals) ─► seccomp (sockets, namespaces)

Three levels can come out of it. ``namespace``: no route exists but the guard. ``landlock``: no namespace could
be made (a container's seccomp profile, most often), but the kernel holds TCP to the guard's port number and no
other kind of socket can be made. ``proxy-only``: the child is asked to use the proxy; a program that does not
care could connect elsewhere. docs/egress.md says which platform gives which.

Call ``enter`` before any thread is started and before anything large is imported: a user namespace can only be
made by a single thread, and Landlock and seccomp bind the thread that asks and what it starts. Only the
standard library is used here.
"""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from reelplane_workloads.core.errors import Code, Problem

from . import handover, landlock, linux, seccomp

Level = Literal["namespace", "landlock", "proxy-only"]

OPEN_FILES = 1024
"""Fragments, sockets, a merge: some dozens. More is a leak or an attack."""
PROCESSES = 256
"""Threads and processes inside the child's own user namespace; deno alone starts about twenty threads."""

SYSTEM = (
    "/bin", "/lib", "/lib32", "/lib64", "/sbin", "/usr", "/nix/store", "/proc", "/sys/devices/system/cpu",
    "/sys/fs/cgroup", "/etc/alternatives", "/etc/ca-certificates", "/etc/crypto-policies", "/etc/group",
    "/etc/gai.conf", "/etc/hosts", "/etc/ld.so.cache", "/etc/localtime", "/etc/mime.types", "/etc/nsswitch.conf",
    "/etc/passwd", "/etc/pki", "/etc/ssl", "/var/lib/ca-certificates", "/dev/random", "/dev/urandom",
)  # fmt: skip
"""What any program may read. Of /etc only what has no secrets in it: mounts of secrets are found there too."""
DEVICES = ("/dev/null", "/dev/zero", "/dev/full")


@dataclass(frozen=True, slots=True)
class SandboxSpec:
    """What the child must be told. Plain values, so that it crosses a pipe as JSON. Made by ``Guard.sandbox``."""

    guard_socket: str
    tcp_port: int
    """The guard's listener on the host's loopback, for levels below ``namespace``."""
    token: str = field(repr=False)
    work_dir: str
    """The one folder the child may write to (where Landlock holds)."""
    isolation: str = "auto"
    readable: tuple[str, ...] = ()
    """Files and folders it may read beside the system's and the interpreter's own."""
    max_file_size: int = 0
    """Bytes any one file may reach (RLIMIT_FSIZE); 0: no limit."""
    memory_limit: int = 0
    """Bytes of writable private memory per process (RLIMIT_DATA); 0: no limit.

    Not RLIMIT_AS: V8 reserves far more addresses than it ever uses.
    """


@dataclass(frozen=True, slots=True)
class Isolation:
    level: Level
    proxy_url: str = field(repr=False)
    """Where the guard is, with the job's token: a secret."""
    detail: str
    """One sentence for the log: what holds, and what could not be had and why."""
    environ: dict[str, str] = field(default_factory=dict, repr=False)
    """For programs that the child starts: the conventional variables that name the proxy."""


def enter(spec: SandboxSpec) -> Isolation:
    """Isolate the calling process as far as the operating system allows.

    Raises Problem(ISOLATION_UNAVAILABLE) when ``spec.isolation`` is ``required`` and the level is not
    ``namespace``; OSError when the guard does not take the listener, or the parent is gone.
    """
    parent = os.getppid()
    port: int | None = None
    own_users = False
    notes: list[str] = []
    if sys.platform != "linux":
        notes.append(f"{sys.platform} has no network namespaces")
    elif spec.isolation == "off":
        notes.append("switched off")
    elif (obstacle := _obstacle()) is not None:
        notes.append(f"no network namespace: {obstacle}")
    else:
        own_users = linux.isolate_network()
        linux.loopback_up()
        port = _open_door(spec)
    if spec.isolation == "required" and port is None:
        raise Problem(Code.ISOLATION_UNAVAILABLE, "; ".join(notes))

    limit_resources(spec, own_users=own_users)
    level: Level = "proxy-only" if port is None else "namespace"
    if sys.platform == "linux":
        if spec.isolation != "off":
            linux.drop_privileges()
            held = _restrict(spec, None if level == "namespace" else spec.tcp_port, notes)
            if held and level == "proxy-only":
                level = "landlock"
        linux.die_with_parent(parent)
    return _isolation(level, spec.token, port or spec.tcp_port, notes)


def limit_resources(spec: SandboxSpec, *, own_users: bool) -> None:
    """Lower the limits that a runaway or hostile page would run into; they hold for grandchildren too."""
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_NOFILE, OPEN_FILES)
    if spec.max_file_size:
        _lower(resource.RLIMIT_FSIZE, spec.max_file_size)
    if spec.memory_limit:
        _lower(resource.RLIMIT_DATA, spec.memory_limit)
    # Elsewhere this counts all processes of the user, the platform's own among them. Per user namespace since 5.14.
    if own_users and _kernel() >= (5, 14):
        _lower(resource.RLIMIT_NPROC, PROCESSES)


def _obstacle() -> str | None:
    """Why a network namespace cannot be had; None when it can.

    Tried out in a process of its own: some systems (AppArmor on Ubuntu) let a user namespace be made and then
    refuse everything in it, and there is no way back out of a namespace whose loopback stays down.
    """
    trial = os.fork()
    if trial == 0:
        try:
            linux.isolate_network()
            linux.loopback_up()
        except OSError as error:
            os._exit(min(error.errno or 255, 255))
        except BaseException:
            os._exit(255)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(trial, 0)[1])
    return None if code == 0 else os.strerror(code) if 0 < code < 255 else "it could not be tried"


def _open_door(spec: SandboxSpec) -> int:
    """Listen on the namespace's own loopback and let the guard accept there. Returns the port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        handover.offer(spec.guard_socket, spec.token, listener)
        port: int = listener.getsockname()[1]
        return port


def _restrict(spec: SandboxSpec, port: int | None, notes: list[str]) -> bool:
    """Landlock and seccomp. True when they hold TCP to ``port`` and every other way out is closed."""
    version = landlock.abi()
    if version >= landlock.MINIMUM:
        readable = (*SYSTEM, *_interpreter(spec), *spec.readable)
        landlock.restrict(read=readable, write=(spec.work_dir,), devices=DEVICES, port=port)
    else:
        notes.append(
            "files are not restricted: no Landlock"
            if version == 0
            else "files are not restricted: old Landlock"
        )
    try:
        if not seccomp.supported():
            raise OSError(0, f"unknown machine {linux.machine()}")
        seccomp.restrict(tcp_only=port is not None)
    except OSError as error:
        notes.append(f"system calls are not restricted: {error.strerror}")
        return False
    return version >= landlock.WITH_PORTS


def _interpreter(spec: SandboxSpec) -> Iterator[str]:
    """Where Python and its modules are. A folder on sys.path that holds the job's or the guard's own is left out:
    that is a working directory put there by ``python -m``, and the platform's secrets may lie beside."""
    yield from {sys.prefix, sys.base_prefix, os.path.dirname(os.path.realpath(sys.executable))}
    for entry in sys.path:
        path = os.path.realpath(entry)
        inside = any(
            os.path.realpath(own).startswith(path.rstrip("/") + "/")
            for own in (spec.work_dir, spec.guard_socket)
        )
        if os.path.isabs(entry) and not inside:
            yield path


def _isolation(level: Level, token: str, port: int, notes: list[str]) -> Isolation:
    meaning = {
        "namespace": "no route but the guard",
        "landlock": f"TCP to port {port} only, no other sockets",
        "proxy-only": "the proxy is used by agreement, not by force",
    }[level]
    url = f"http://job:{token}@127.0.0.1:{port}"
    names = ("http_proxy", "https_proxy", "all_proxy")
    environ = {spelling: url for name in names for spelling in (name, name.upper())} | {
        "no_proxy": "",
        "NO_PROXY": "",
    }
    return Isolation(level, url, "; ".join((f"{level}: {meaning}", *notes)), environ)


def _lower(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    wanted = value if hard == resource.RLIM_INFINITY else min(value, hard)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(kind, (wanted, wanted))


def _kernel() -> tuple[int, ...]:
    return tuple(int(part) for part in os.uname().release.split("-")[0].split(".")[:2] if part.isdigit())
