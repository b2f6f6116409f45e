"""Promises of the folder: nothing half-written, nothing lost, and a full disk is an answer."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reelplane_crds.runtime import FolderObjects
from reelplane_workloads.core.errors import Code, Problem
from reelplane_workloads.storage.folder import FolderStore
from reelplane_workloads.storage.objects import object_key, open_objects
from reelplane_workloads.storage.signing import UrlSigner

Made = Callable[[bytes], tuple[Path, str]]

PUBLISH = """
import asyncio, sys
from pathlib import Path
from reelplane_workloads.core.errors import Problem
from reelplane_workloads.storage.folder import FolderStore
from reelplane_workloads.storage.signing import UrlSigner
root, path, key, capacity = sys.argv[1:]
store = FolderStore(Path(root), UrlSigner(bytes(32)), capacity=int(capacity) or None)
print("ready", flush=True)
sys.stdin.readline()
try:
    asyncio.run(store.publish(Path(path), key, "video/mp4"))
except Problem as problem:
    print(problem.code, problem.detail)
else:
    print("published")
"""


def publisher(root: Path, path: Path, key: str, capacity: int = 0) -> subprocess.Popen[str]:
    """A process of its own that publishes when it is told to."""
    process = subprocess.Popen(
        [sys.executable, "-c", PUBLISH, str(root), str(path), key, str(capacity)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A folder on another file system, from where an object has to be copied."""
    shm = Path("/dev/shm")
    if not shm.is_dir() or shm.stat().st_dev == Path(tempfile.gettempdir()).stat().st_dev:
        pytest.skip("no second file system: /dev/shm is not one")
    folder = Path(tempfile.mkdtemp(prefix="rp", dir=shm))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def visible(root: Path) -> list[Path]:
    return list(root.glob("??/*"))


async def test_the_same_file_system_costs_no_copy(tmp_path: Path, signer: UrlSigner, made: Made) -> None:
    path, key = made(b"linked")
    await FolderStore(tmp_path / "o", signer).publish(path, key, "video/mp4")
    assert (tmp_path / "o" / key).samefile(path)


async def test_another_file_system_is_copied_from(tmp_path: Path, signer: UrlSigner, elsewhere: Path) -> None:
    content = os.urandom(3 * 2**20 + 1)
    (elsewhere / "work").write_bytes(content)
    key = object_key(hashlib.sha256(content).hexdigest(), "mp4")
    await FolderStore(tmp_path / "o", signer).publish(elsewhere / "work", key, "video/mp4")
    assert (tmp_path / "o" / key).read_bytes() == content
    assert list((tmp_path / "o" / ".incoming").iterdir()) == []


@pytest.mark.parametrize("copied", [False, True])
async def test_bytes_are_on_the_disk_before_the_name_and_the_name_before_the_answer(
    copied: bool, tmp_path: Path, signer: UrlSigner, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = (elsewhere if copied else tmp_path) / "work"
    work.write_bytes(b"durable")
    key = object_key(hashlib.sha256(b"durable").hexdigest(), "mp4")
    root = tmp_path / "o"
    store = FolderStore(root, signer)
    steps: list[tuple[str, int]] = []
    fsync, rename = os.fsync, os.replace

    def watched_fsync(fd: int) -> None:
        fsync(fd)
        steps.append(("synced", os.fstat(fd).st_ino))

    def watched_replace(source: Path, target: Path) -> None:
        rename(source, target)
        steps.append(("named", Path(target).stat().st_ino))

    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(os, "replace", watched_replace)
    monkeypatch.setattr(Path, "replace", watched_replace)
    await store.publish(work, key, "video/mp4")
    named = steps.index(("named", (root / key).stat().st_ino))
    assert ("synced", (root / key).stat().st_ino) in steps[:named]
    assert ("synced", (root / key).parent.stat().st_ino) in steps[named:]
    assert ("synced", root.stat().st_ino) in steps[named:]


def test_a_publisher_killed_half_way_leaves_nothing_visible(
    tmp_path: Path, signer: UrlSigner, elsewhere: Path
) -> None:
    size = 256 * 2**20
    with (elsewhere / "work").open("wb") as work:
        work.truncate(size)
    key = object_key("ab" * 32, "mp4")
    root = tmp_path / "o"
    process = publisher(root, elsewhere / "work", key)
    go(process)
    deadline = time.monotonic() + 30
    while (
        not any(file.stat().st_size for file in (root / ".incoming").iterdir())
        and time.monotonic() < deadline
    ):
        time.sleep(0.001)
    assert visible(root) == []
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=15)
    assert process.returncode == -signal.SIGKILL
    assert visible(root) == []
    (left,) = (root / ".incoming").iterdir()
    assert left.stat().st_size == size, "all of its room was claimed before the copy began"

    FolderStore(root, signer)
    assert len(list((root / ".incoming").iterdir())) == 1, "it might belong to a writer that still lives"
    FolderStore(root, signer, now=lambda: time.time() + 7200)
    assert list((root / ".incoming").iterdir()) == []


async def test_the_capacity_is_kept_and_the_refusal_has_numbers(
    tmp_path: Path, signer: UrlSigner, made: Made
) -> None:
    store = FolderStore(tmp_path / "o", signer, capacity=10_000)
    first, first_key = made(b"a" * 6000)
    second, second_key = made(b"b" * 4001)
    third, third_key = made(b"c" * 4000)
    await store.publish(first, first_key, "video/mp4")
    with pytest.raises(Problem) as caught:
        await store.publish(second, second_key, "video/mp4")
    assert caught.value.code is Code.DISK_FULL
    assert "4,001" in caught.value.detail
    assert "6,000 of the folder's 10,000" in caught.value.detail
    assert await store.head(second_key) is None
    await store.publish(third, third_key, "video/mp4")
    await store.publish(third, third_key, "video/mp4")
    await store.delete(first_key)
    await store.publish(second, second_key, "video/mp4")


def test_processes_never_share_the_last_room(tmp_path: Path, elsewhere: Path) -> None:
    root = tmp_path / "o"
    (root / "00").mkdir(parents=True)
    for number in range(10_000):  # empty files, so that adding up takes long enough for claims to overlap
        (root / "00" / f"{number}").touch()
    processes = []
    for number in range(4):
        # Two link, two copy: neither way may overtake the other's claim.
        work = (elsewhere if number % 2 else tmp_path) / f"work{number}"
        work.write_bytes(bytes([number]) * 16 * 2**20)
        processes.append(
            publisher(root, work, object_key(f"ab{number:062x}", "mp4"), capacity=32 * 2**20 + 5)
        )
    for process in processes:
        go(process)
    said = [process.communicate(timeout=60)[0].split()[0] for process in processes]
    assert sorted(said) == ["disk_full", "disk_full", "published", "published"]
    assert len(list((root / "ab").iterdir())) == 2


def test_a_full_disk_is_an_answer_and_leaves_nothing_behind(tmp_path: Path, elsewhere: Path) -> None:
    if subprocess.run(["unshare", "-Urm", "true"], check=False, stderr=subprocess.DEVNULL).returncode != 0:
        pytest.skip("no small disk can be made: unshare -Urm is refused here")
    (elsewhere / "work").write_bytes(b"x" * 3 * 2**20)
    disk = tmp_path / "disk"
    disk.mkdir()
    key = object_key("ab" * 32, "mp4")
    script = (
        'mount -t tmpfs -o size=2m none "$1" && echo | "$2" -c "$3" "$1/o" "$4" "$5" 0 && find "$1/o" -type f'
    )
    done = subprocess.run(
        ["unshare", "-Urm", "sh", "-c", script, "sh", disk, sys.executable, PUBLISH, elsewhere / "work", key],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    ready, answer, *left = done.stdout.splitlines()
    assert ready == "ready"
    assert answer.startswith("disk_full No space left on device: ")
    assert "bytes are free" in answer
    assert left == []


async def test_a_started_platform_makes_its_folder(tmp_path: Path, signer: UrlSigner, made: Made) -> None:
    path, key = made(b"new")
    store = open_objects(FolderObjects(root=tmp_path / "not" / "yet"), signer)
    await store.publish(path, key, "video/mp4")
    assert (tmp_path / "not" / "yet" / key).exists()


def test_a_folder_that_cannot_be_made_is_named_a_problem(tmp_path: Path, signer: UrlSigner) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(Problem) as caught:
        FolderStore(tmp_path / "file" / "o", signer)
    assert caught.value.code is Code.UNAVAILABLE


async def test_what_else_lies_in_the_folder_is_not_listed(
    tmp_path: Path, signer: UrlSigner, made: Made
) -> None:
    store = FolderStore(tmp_path / "o", signer)
    path, key = made(b"one")
    await store.publish(path, key, "video/mp4")
    (tmp_path / "o" / "README").write_text("hello")
    (tmp_path / "o" / "ab").mkdir(exist_ok=True)
    (tmp_path / "o" / "ab" / "notes.txt").write_text("hello")
    assert [key async for key, _ in store.list()] == [key]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_a_gigabyte_streams_in_constant_memory(tmp_path: Path) -> None:
    script = """
import asyncio, re, sys
from pathlib import Path
from reelplane_workloads.storage.folder import FolderStore
from reelplane_workloads.storage.objects import object_key
from reelplane_workloads.storage.signing import UrlSigner
peak = lambda: int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text()).group(1))
root = Path(sys.argv[1])
key = object_key("ab" * 32, "mp4")
(root / "ab").mkdir(parents=True)
with (root / key).open("wb") as file:
    file.truncate(2**30)
async def main():
    store = FolderStore(root, UrlSigner(bytes(32)))
    async for _ in store.stream(key, 0, 2**20): pass
    before, total = peak(), 0
    async for piece in store.stream(key, 0, 2**30): total += len(piece)
    print(total, peak() - before)
asyncio.run(main())
"""
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "o"], capture_output=True, text=True, check=True
    )
    total, growth_kib = map(int, done.stdout.split())
    assert total == 2**30
    assert growth_kib < 8 * 1024
