"""From inside the sandbox there is no way out but the guard, for the child and for what it starts."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

import reelplane_workloads
from reelplane_workloads.egress import landlock

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is made of Linux parts")

PACKAGE = Path(reelplane_workloads.__file__).parent
EXTRACTOR = Path(sys.prefix) / "extractor"
PRELUDE = """
import json, os, socket, subprocess, sys, urllib.error, urllib.request
from reelplane_workloads.egress.sandbox import SandboxSpec, enter
spec = SandboxSpec(**json.loads(sys.argv[1]))
say = lambda **found: print(json.dumps(found), flush=True)
def attempt(work):
    try:
        return work() or "done"
    except Exception as error:
        return type(error).__name__
def direct(port, timeout=3):
    socket.create_connection(("127.0.0.1", port), timeout).close()
DIRECT = "import socket,sys; socket.create_connection(('127.0.0.1', int(sys.argv[1])), 3)"
"""


@dataclass
class Child:
    code: int
    said: dict
    errors: str


Run = Callable[..., "asyncio.Future[Child]"]


@dataclass(frozen=True)
class Account:
    """Who runs the child: an interpreter it can read, and how to become that user."""

    name: str
    python: str
    become: tuple[str, ...] = ()
    path: str = ""


def ordinary_account(folder: Path) -> Account:
    """This user when it is an ordinary one; else nobody, with an interpreter and a copy of the code it can read."""
    if os.geteuid() != 0:
        return Account("ordinary", sys.executable, path=str(PACKAGE.parent))
    python = next((p for p in ("/usr/bin/python3", "/usr/local/bin/python3") if Path(p).exists()), None)
    runuser = shutil.which("runuser")
    if python is None or runuser is None:
        pytest.skip("no interpreter that user nobody can read, or no runuser")
    copy = folder / "code" / "reelplane_workloads"
    for part in ("egress", "core"):
        shutil.copytree(PACKAGE / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PACKAGE / "__init__.py", copy)
    return Account("ordinary", python, (runuser, "-u", "nobody", "--"), str(copy.parent))


@pytest.fixture(params=["root", "ordinary"])
def account(request: pytest.FixtureRequest, short_tmp: Path) -> Account:
    if request.param == "ordinary":
        return ordinary_account(short_tmp)
    if os.geteuid() != 0:
        pytest.skip("not root")
    return Account("root", sys.executable, path=str(PACKAGE.parent))


@pytest.fixture
async def run(account: Account, short_tmp: Path, egress) -> AsyncIterator[Run]:
    """Runs a script as the account's child of a guard: ``await run(script, *arguments, allow=[…], **spec)``."""
    work = short_tmp / "work"
    os.chmod(short_tmp, 0o755)
    os.mkdir(work)
    async with AsyncExitStack() as stack:

        async def start(
            script: str, *arguments: object, out=None, prefix: tuple[str, ...] = (), **changes
        ) -> Child:
            spec = out.guard.sandbox(out.grant, work_dir=work)
            if account.become:
                shutil.chown(work, "nobody")
                shutil.chown(out.guard.unix_path, "nobody")
            text = json.dumps(dataclasses.asdict(dataclasses.replace(spec, **changes)))
            argv = [*prefix, *account.become, account.python, "-c", PRELUDE + textwrap.dedent(script), text]
            process = await asyncio.create_subprocess_exec(
                *argv,
                *map(str, arguments),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                cwd=work,
                env={
                    "PATH": os.environ["PATH"],
                    "PYTHONPATH": account.path,
                    "HOME": str(work),
                    "DENO_DIR": f"{work}/d",
                },
            )
            stack.callback(lambda: process.returncode is None and process.kill())
            output, errors = await asyncio.wait_for(process.communicate(), 60)
            said: dict = {}
            for line in output.decode().splitlines():
                said |= json.loads(line)
            return Child(process.returncode or 0, said, errors.decode())

        yield start


async def test_the_only_way_out_is_the_guard_for_the_child_and_its_children(origin, egress, run) -> None:
    allowed, other = await origin(), await origin()
    out = await egress(allow=[allowed.port])
    child = await run(
        """
        isolation = enter(spec)
        os.environ.update(isolation.environ)
        fetch = lambda port: urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=20).read().decode()
        say(level=isolation.level, detail=isolation.detail)
        say(guard=attempt(lambda: fetch(sys.argv[2])), refused=attempt(lambda: fetch(sys.argv[3])))
        say(direct=attempt(lambda: direct(int(sys.argv[2]))))
        code = [sys.executable, "-c", DIRECT, sys.argv[2]]
        say(grandchild=subprocess.run(code, stderr=subprocess.DEVNULL).returncode)
        urlopen = "import sys, urllib.request; sys.stdout.write(urllib.request.urlopen(sys.argv[1]).read().decode())"
        through = [sys.executable, "-c", urlopen, f"http://127.0.0.1:{sys.argv[2]}/"]
        say(grandchild_by_guard=subprocess.run(through, capture_output=True, text=True).stdout)
        """,
        allowed.port,
        other.port,
        out=out,
    )
    assert child.said == {
        "level": "namespace",
        "detail": "namespace: no route but the guard",
        "guard": "hello",
        "refused": "HTTPError",
        "direct": "ConnectionRefusedError",
        "grandchild": 1,
        "grandchild_by_guard": "hello",
    }, child.errors
    assert other.heads == []
    assert out.grant.connections == 2


async def test_inside_there_are_no_privileges_and_no_way_to_get_any(egress, run) -> None:
    child = await run(
        """
        import ctypes
        enter(spec)
        status = dict(line.split(":\\t") for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
        say(capabilities=int(status["CapEff"], 16) | int(status["CapPrm"], 16) | int(status["CapAmb"], 16))
        say(no_new_privs=status["NoNewPrivs"].strip(), seccomp=status["Seccomp"].strip())
        libc = ctypes.CDLL(None)
        say(unshare=libc.unshare(0x10000000), ptrace=libc.ptrace(16, os.getppid(), 0, 0), setns=libc.setns(0, 0))
        say(io_uring=libc.syscall(425, 1, 0))
        say(unix=attempt(lambda: socket.socket(socket.AF_UNIX)))
        say(netlink=attempt(lambda: socket.socket(socket.AF_NETLINK)))
        say(pair=attempt(lambda: [end.close() for end in socket.socketpair()] and None))
        say(owner=os.geteuid() == os.stat(spec.work_dir).st_uid)
        """,
        out=await egress(),
    )
    assert child.said == {
        "capabilities": 0, "no_new_privs": "1", "seccomp": "2", "unshare": -1, "ptrace": -1, "setns": -1,
        "io_uring": -1, "unix": "PermissionError", "netlink": "PermissionError", "pair": "done", "owner": True,
    }, child.errors  # fmt: skip


@pytest.mark.skipif(
    landlock.abi() < landlock.MINIMUM, reason="this kernel has no Landlock (Linux 6.2 or newer)"
)
async def test_inside_only_the_work_folder_is_written_and_secrets_are_not_read(
    egress, run, short_tmp
) -> None:
    secret, shown = short_tmp / "secret", short_tmp / "shown"
    for path in (secret, shown):
        path.write_text("text")
        path.chmod(0o666)
    child = await run(
        """
        enter(spec)
        read, write = (lambda path: open(path).read()), (lambda path: open(path, "w").write("x") and None)
        say(secret=attempt(lambda: read(sys.argv[2])), shown=attempt(lambda: read(sys.argv[3])))
        say(overwrite=attempt(lambda: write(sys.argv[3])), outside=attempt(lambda: write("/var/tmp/rp-escaped")))
        os.makedirs("a/b")
        say(inside=attempt(lambda: write("a/f")), moved=attempt(lambda: os.rename("a/f", "a/b/f")))
        os.chmod("a/b/f", 0o755)
        open("a/b/f", "w").write("#!/bin/sh\\n")
        say(executed=attempt(lambda: subprocess.run(["a/b/f"])), null=attempt(lambda: write("/dev/null")))
        import ssl, encodings.idna, http.cookiejar
        say(environ=attempt(lambda: read(f"/proc/{os.getppid()}/environ")))
        """,
        secret,
        shown,
        out=await egress(),
        readable=(str(shown),),
    )
    assert child.said == {
        "secret": "PermissionError", "shown": "text", "overwrite": "PermissionError", "outside": "PermissionError",
        "inside": "done", "moved": "done", "executed": "PermissionError", "null": "done", "environ": "PermissionError",
    }, child.errors  # fmt: skip
    assert shown.read_text() == "text"


@pytest.mark.skipif(landlock.abi() < landlock.WITH_SCOPES, reason="signals are scoped from Linux 6.12 on")
async def test_the_child_cannot_signal_its_worker_but_its_own_children(egress, run) -> None:
    child = await run(
        """
        parent = os.getppid()
        enter(spec)
        own = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        say(worker=attempt(lambda: os.kill(parent, 0)), own=attempt(own.kill), ended=own.wait())
        """,
        out=await egress(),
    )
    assert child.said == {"worker": "PermissionError", "own": "done", "ended": -9}, child.errors


async def test_limits_hold_files_memory_and_core_dumps(egress, run) -> None:
    child = await run(
        """
        import resource
        enter(spec)
        def write():
            with open("big", "wb") as file:
                for _ in range(64):
                    file.write(bytes(65536))
        say(file=attempt(write), memory=attempt(lambda: bytearray(512 * 2**20) and None))
        say(core=resource.getrlimit(resource.RLIMIT_CORE)[1])
        """,
        out=await egress(),
        max_file_size=2**20,
        memory_limit=256 * 2**20,
    )
    assert child.said == {"file": "OSError", "memory": "MemoryError", "core": 0}, child.errors


async def test_a_child_whose_token_is_not_granted_gets_no_door(egress, run) -> None:
    child = await run("say(entered=attempt(lambda: enter(spec).level))", out=await egress(), token="wrong")
    assert child.said == {"entered": "ConnectionRefusedError"}, child.errors


async def test_revoking_the_grant_closes_the_door_inside(origin, egress, run) -> None:
    site = await origin()
    out = await egress(allow=[site.port])
    running = asyncio.ensure_future(
        run(
            """
            import time
            port = int(enter(spec).proxy_url.rpartition(":")[2])
            direct(port)
            open("entered", "w").close()
            while attempt(lambda: direct(port)) == "done":
                time.sleep(0.05)
            say(closed=True)
            """,
            out=out,
        )
    )
    entered = out.guard.unix_path.parent / "work" / "entered"
    for _ in range(400):
        if entered.exists() or running.done():
            break
        await asyncio.sleep(0.05)
    out.guard.revoke(out.grant)
    child = await running
    assert child.said == {"closed": True}, child.errors


@pytest.mark.parametrize("isolation", ["auto", "required"])
async def test_where_no_namespace_can_be_had_landlock_holds_the_port_or_the_job_is_refused(
    isolation, origin, egress, run, account
) -> None:
    """As in a container whose seccomp profile refuses unshare(2): here a filter of the test's own does."""
    site = await origin()
    out = await egress(allow=[site.port])
    child = await run(
        """
        from reelplane_workloads.egress import linux, seccomp
        from reelplane_workloads.core.errors import Problem
        number = {"x86_64": 272, "aarch64": 97}[linux.machine()]
        seccomp.program = lambda machine, tcp_only, whole=seccomp.program: (
            [(0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, 0x50001), (0x06, 0, 0, 0x7FFF0000)]
            if not unshare_filtered else whole(machine, tcp_only=tcp_only))
        unshare_filtered = False
        linux.prctl(linux.PR_SET_NO_NEW_PRIVS, 1)
        seccomp.restrict(tcp_only=False)
        unshare_filtered = True
        try:
            isolation = enter(spec)
        except Problem as problem:
            say(problem=problem.code)
            raise SystemExit
        os.environ.update(isolation.environ)
        say(level=isolation.level, detail="Operation not permitted" in isolation.detail)
        say(guard=attempt(lambda: urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[2]}/").read().decode()))
        say(direct=attempt(lambda: direct(int(sys.argv[2]))))
        say(udp=attempt(lambda: socket.socket(type=socket.SOCK_DGRAM)))
        say(mptcp=attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)))
        fast = lambda: socket.socket().sendto(b"x", 0x20000000, ("127.0.0.1", int(sys.argv[2]))) and None
        say(fast_open=attempt(fast))
        """,
        site.port,
        out=out,
        isolation=isolation,
    )
    if isolation == "required":
        assert child.said == {"problem": "isolation_unavailable"}, child.errors
        return
    expected = {"level": "landlock", "detail": True, "guard": "hello", "direct": "PermissionError"}
    expected |= {"udp": "PermissionError", "mptcp": "PermissionError", "fast_open": "PermissionError"}
    if landlock.abi() < landlock.WITH_PORTS:
        expected |= {"level": "proxy-only", "direct": "done"}
    assert child.said == expected, child.errors
    assert len(site.heads) == 1


async def test_switched_off_means_the_proxy_alone(origin, egress, run) -> None:
    site = await origin()
    out = await egress(allow=[site.port])
    child = await run(
        """
        isolation = enter(spec)
        os.environ.update(isolation.environ)
        say(level=isolation.level, direct=attempt(lambda: direct(int(sys.argv[2]))))
        say(guard=attempt(lambda: urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[2]}/").read().decode()))
        """,
        site.port,
        out=out,
        isolation="off",
    )
    assert child.said == {"level": "proxy-only", "direct": "done", "guard": "hello"}, child.errors


async def test_a_child_dies_with_its_parent(egress, run, account) -> None:
    child = await run(
        """
        import time
        read, write = os.pipe()
        middle = os.fork()
        if middle == 0:
            if os.fork() == 0:
                enter(spec)
                os.write(write, str(os.getpid()).encode())
                time.sleep(60)
            time.sleep(60)
        os.close(write)
        grandchild = int(os.read(read, 32))
        os.kill(middle, 9)
        os.waitpid(middle, 0)
        say(closed=os.read(read, 1) == b"")
        """,
        out=await egress(),
    )
    assert child.said == {"closed": True}, child.errors


@pytest.mark.skipif(
    not (EXTRACTOR / "curl_cffi").exists(), reason="the extractor's folder has no curl_cffi and deno"
)
@pytest.mark.parametrize("account", ["root" if os.geteuid() == 0 else "ordinary"], indirect=True)
async def test_curl_and_deno_go_the_same_way(origin, egress, run) -> None:
    allowed, other = await origin(), await origin()
    out = await egress(allow=[allowed.port])
    child = await run(
        """
        sys.path.append(sys.argv[4])
        from curl_cffi import requests
        isolation = enter(spec)
        say(curl_direct=attempt(lambda: requests.get(f"http://127.0.0.1:{sys.argv[2]}/", timeout=5).text))
        os.environ.update(isolation.environ)
        get = lambda port: requests.get(f"http://127.0.0.1:{port}/", impersonate="chrome", timeout=20)
        say(curl=attempt(lambda: get(sys.argv[2]).text))
        say(curl_refused=attempt(lambda: str(get(sys.argv[3]).status_code)))
        script = "try { console.log(await (await fetch(Deno.args[0])).text()) } catch (e) { console.log(e.name) }"
        def deno(port, **changes):
            argv = [sys.argv[4] + "/bin/deno", "run", "--allow-net", "--quiet", "--no-remote", "-", f"http://127.0.0.1:{port}/"]
            found = subprocess.run(argv, input=script, capture_output=True, text=True, env=os.environ | changes)
            return (found.stdout + found.stderr).strip()
        say(deno=deno(sys.argv[2]), deno_refused=deno(sys.argv[3]))
        say(deno_direct=deno(sys.argv[2], HTTP_PROXY="", http_proxy="", ALL_PROXY="", all_proxy=""))
        """,
        allowed.port,
        other.port,
        EXTRACTOR,
        out=out,
        readable=(str(EXTRACTOR),),
        memory_limit=2 * 2**30,
    )
    said = child.said
    assert (said["curl"], said["curl_refused"], said["deno"]) == ("hello", "403", "hello"), (
        said,
        child.errors,
    )
    assert (said["curl_direct"], said["deno_direct"]) == ("ConnectionError", "TypeError"), (
        said,
        child.errors,
    )
    assert "not public" in said["deno_refused"]
    assert other.heads == []
    assert len(allowed.heads) == 2


def test_the_childs_side_needs_the_standard_library_alone() -> None:
    """What runs before the isolation stands is small, and the environment's packages are no part of it."""
    code = """
        import sys, reelplane_workloads.egress.sandbox
        print([name for name in sys.modules if name.partition(".")[0] in sys.argv])
    """
    argv = [sys.executable, "-S", "-c", textwrap.dedent(code), "asyncio", "pydantic", "python_socks", "redis"]
    found = subprocess.run(
        argv, env={"PYTHONPATH": str(PACKAGE.parent)}, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"
