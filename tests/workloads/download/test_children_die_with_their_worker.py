"""No process of a job outlives its worker, its job, or a storm of kills."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from loadtests.origin import Origin, Resource
from reelplane_workloads.download.process import Child, ChildDied, adopt_orphans
from reelplane_workloads.download.protocol import Ready
from reelplane_workloads.download.runner import Downloaded

if TYPE_CHECKING:
    from tests.workloads.download.conftest import MakeBench

WORKER = """
import os, subprocess, sys, time
reading, writing = os.pipe()
child = '''
import os, subprocess, sys, time
from reelplane_workloads.download import lifeline
lifeline.hold(int(sys.argv[1]))
grandchild = subprocess.Popen(["/bin/sleep", "300"])
print(os.getpid(), grandchild.pid, flush=True)
# Holds the interpreter lock for as long as it runs: no thread of this process could act.
sum(range(10**12))
'''
process = subprocess.Popen(
    [sys.executable, "-I", "-c", child, str(reading)],
    pass_fds=(reading,), start_new_session=True, stdout=subprocess.PIPE,
)
print(process.stdout.readline().decode().strip(), flush=True)
time.sleep(300)
"""


def gone(pid: int, within: float = 15) -> bool:
    """Whether the process has ended (a zombie that nobody reaped has)."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.05)
    return False


def test_child_and_grandchild_die_with_a_sigkilled_worker() -> None:
    with subprocess.Popen([sys.executable, "-c", WORKER], stdout=subprocess.PIPE) as worker:
        assert worker.stdout is not None
        child, grandchild = map(int, worker.stdout.readline().split())
        assert Path(f"/proc/{child}").exists()
        assert Path(f"/proc/{grandchild}").exists()
        worker.kill()
    assert gone(child)
    assert gone(grandchild)


async def test_ending_a_child_ends_and_reaps_its_whole_group(tmp_path: Path) -> None:
    adopt_orphans()
    child = await Child.start(sys.executable, Path(sys.prefix) / "extractor", impersonate=True, cwd=tmp_path)
    assert isinstance(await child.receive(), Ready)
    group = _group(child.pid)
    assert len(group) == 2, "the child and the watcher of its lifeline"
    await child.end()
    assert not _group(child.pid)
    await child.end()


async def test_a_warm_child_that_was_killed_is_replaced(
    make_bench: MakeBench, origin: Origin, clips: Path
) -> None:
    bench = await make_bench(warm=True)
    url = origin.add_file("/clip.mp4", clips / "clip.mp4")
    waiting = await asyncio.shield(bench.runner._children._warm)  # the idle child: nothing else names it
    os.kill(waiting.pid, signal.SIGKILL)
    assert isinstance(await bench.run(url), Downloaded)
    await bench.runner.close()
    assert gone(waiting.pid)


async def test_jobs_cancelled_in_every_phase_leave_no_process(
    make_bench: MakeBench, origin: Origin, clips: Path
) -> None:
    bench = await make_bench(warm=True)
    url = origin.add("/clip.mp4", Resource(file=clips / "clip.mp4", rate=300_000))
    ours = os.getpid()
    for delay in (0.0, 0.05, 0.6, 1.5):
        job = asyncio.create_task(bench.run(url, id=f"f{delay}"))
        await asyncio.sleep(delay)
        job.cancel()
        with pytest.raises(asyncio.CancelledError):
            await job
    await bench.runner.close()
    deadline = time.monotonic() + 10
    while left := [
        pid for pid in _descendants(ours) if b"reelplane_workloads.download.child" in _command(pid)
    ]:
        assert time.monotonic() < deadline, left
        await asyncio.sleep(0.05)


async def test_what_is_no_message_ends_the_child(tmp_path: Path) -> None:
    fake = tmp_path / "python"
    fake.write_text("#!/bin/sh\necho not a message\nsleep 30\n")
    fake.chmod(0o755)
    child = await Child.start(str(fake), tmp_path, impersonate=True, cwd=tmp_path)
    with pytest.raises(ChildDied):
        await child.receive()
    await child.end()
    assert gone(child.pid)


def _group(leader: int) -> list[int]:
    """The processes of a group, zombies included."""
    members = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if os.getpgid(int(entry.name)) == leader:
                members.append(int(entry.name))
        except ProcessLookupError:
            continue
    return members


def _descendants(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            found += [child, *_descendants(child)]
    return found


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
