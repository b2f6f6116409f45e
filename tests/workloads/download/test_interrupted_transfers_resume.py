"""A second attempt goes on where the first one was cut off, and never mixes two files."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from loadtests.origin import Origin, Resource, make_clip, make_hls
from reelplane_workloads.core.errors import Code
from reelplane_workloads.download import workdir
from reelplane_workloads.download.protocol import Progress
from reelplane_workloads.download.runner import Downloaded

if TYPE_CHECKING:
    from tests.workloads.download.conftest import Bench, MakeBench

SIZE = 3 * 2**20


def children_of(folder: Path) -> list[int]:
    """Processes that hold the lock of the work folder ``folder``."""
    holding = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if any(os.readlink(fd) == str(folder / workdir.LOCK) for fd in (entry / "fd").iterdir()):
                holding.append(int(entry.name))
        except OSError:
            continue
    return holding


def exist(pids: list[int]) -> list[int]:
    return [pid for pid in pids if Path(f"/proc/{pid}").exists()]


async def kill_at(bench: Bench, url: str, size: int) -> None:
    """Run a flight, and kill -9 its child once ``size`` bytes are there."""

    async def strike(progress: Progress) -> None:
        if progress.phase == "downloading" and progress.bytes >= size:
            for pid in children_of(bench.work / "f1"):
                os.kill(pid, signal.SIGKILL)

    assert await bench.code(url, on_progress=strike) is Code.EXTRACTOR_ERROR


async def test_a_file_goes_on_after_kill_9(make_bench: MakeBench, origin: Origin, tmp_path: Path) -> None:
    bench = await make_bench(warm=True, extractor={"http_chunk_size": 2**20})
    clip = make_clip(tmp_path / "big.mp4", pad_to=SIZE)
    url = origin.add("/big.mp4", Resource(file=clip, rate=2 * 2**20))
    await kill_at(bench, url, 2**20)
    half = next(bench.work.glob("f1/*.part")).stat().st_size
    assert 2**20 <= half < SIZE
    before = len(origin.count("/big.mp4").ranges)
    done = await bench.run(url)
    assert isinstance(done, Downloaded)
    assert done.path.read_bytes() == clip.read_bytes()
    assert int(origin.count("/big.mp4").ranges[before].removeprefix("bytes=").partition("-")[0]) == half


async def test_a_file_that_changed_meanwhile_starts_anew(
    make_bench: MakeBench, origin: Origin, tmp_path: Path
) -> None:
    bench = await make_bench(warm=True)
    clip = make_clip(tmp_path / "big.mp4", pad_to=SIZE)
    url = origin.add("/big.mp4", Resource(file=clip, rate=2 * 2**20))
    await kill_at(bench, url, 2**20)
    changed = make_clip(tmp_path / "changed.mp4", tone=880, pad_to=SIZE)
    origin.add("/big.mp4", Resource(file=changed))
    done = await bench.run(url)
    assert isinstance(done, Downloaded)
    assert done.path.read_bytes() == changed.read_bytes()


async def test_whole_fragments_are_not_fetched_again(
    make_bench: MakeBench, origin: Origin, clips: Path, tmp_path: Path
) -> None:
    bench = await make_bench(warm=True, extractor={"concurrent_fragments": 1, "fragment_retries": 0})
    playlist = make_hls(clips / "clip.mp4", tmp_path / "hls")
    url = origin.add_hls("/hls", playlist)
    last = playlist.parent / "index3.ts"
    origin.add("/hls/index3.ts", Resource(file=last, reset_after=100))
    assert await bench.code(url) is Code.ORIGIN_RESET
    origin.add_file("/hls/index3.ts", last)
    first = origin.count("/hls/index0.ts").requests
    done = await bench.run(url)
    assert isinstance(done, Downloaded)
    assert done.duration == pytest.approx(4, abs=0.3)
    # The extractor may look at a segment; the transfer must not fetch it a second time.
    assert origin.count("/hls/index0.ts").requests == first


async def test_cancelling_keeps_what_came_until_it_is_discarded(
    make_bench: MakeBench, origin: Origin, tmp_path: Path
) -> None:
    bench = await make_bench(warm=True)
    clip = make_clip(tmp_path / "big.mp4", pad_to=SIZE)
    url = origin.add("/big.mp4", Resource(file=clip, rate=2**20))
    arrived = asyncio.Event()

    async def notice(progress: Progress) -> None:
        if progress.bytes > 2**18:
            arrived.set()

    job = asyncio.create_task(bench.run(url, on_progress=notice))
    await arrived.wait()
    pids = children_of(bench.work / "f1")
    assert pids
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    assert not exist(pids), "killed and reaped when run returns"
    assert list(bench.work.glob("f1/*.part"))
    await bench.discard("f1")
    assert not list(bench.work.iterdir())


def test_two_writers_never_share_a_folder(tmp_path: Path) -> None:
    first, held = workdir.claim(tmp_path / "f1")
    second, also = workdir.claim(tmp_path / "f1")
    assert (first, second) == (tmp_path / "f1", tmp_path / "f1.2")
    assert not workdir.discard(first), "a folder that somebody holds stays"
    os.close(held)
    third, again = workdir.claim(tmp_path / "f1")
    assert third == first, "the folder of a writer that died is taken over"
    os.close(again)
    os.close(also)
    workdir.discard_flight(tmp_path, "f1")
    assert not list(tmp_path.iterdir())


def test_the_lock_lives_as_long_as_anything_that_may_write(tmp_path: Path) -> None:
    folder, held = workdir.claim(tmp_path / "f1")
    with subprocess.Popen(["/bin/sleep", "30"], pass_fds=(held,)) as grandchild:
        os.close(held)
        assert workdir.lock(folder) is None
        grandchild.kill()
    taken = workdir.lock(folder)
    assert taken is not None
    os.close(taken)


def test_only_folders_left_for_a_day_are_swept(tmp_path: Path) -> None:
    now = time.time()
    for name in ("old", "held", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "media.part").write_bytes(b"x")
    (tmp_path / "guard.sock").touch()
    _, held = workdir.claim(tmp_path / "held")
    for path in (*tmp_path.rglob("*"), tmp_path / "guard.sock"):
        if "new" not in path.parts:
            os.utime(path, (now - 90_000, now - 90_000))
    assert workdir.clean_abandoned(tmp_path, now=now) == [tmp_path / "old"]
    assert {path.name for path in tmp_path.iterdir()} == {"held", "new", "guard.sock"}
    os.close(held)
