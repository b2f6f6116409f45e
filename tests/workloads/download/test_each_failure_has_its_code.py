"""Whatever goes wrong at the origin, on the way or with the file is told by the code that says it."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from loadtests.origin import Origin, Resource, make_clip, make_hls
from reelplane_crds.runtime import OriginAllow
from reelplane_workloads.core.errors import Code
from reelplane_workloads.download.runner import InfoOnly
from reelplane_workloads.store.model import FlightKind

if TYPE_CHECKING:
    from tests.workloads.download.conftest import Bench, MakeBench


async def codes(bench: Bench, cases: dict[str, tuple[str, Code]]) -> tuple[dict[str, Code], dict[str, Code]]:
    """What each case (URL, expected code) ended with, and what it should have; two at a time."""
    turn = asyncio.Semaphore(2)

    async def one(name: str, url: str) -> Code:
        async with turn:
            return await bench.code(url, id=name.replace(" ", "-"))

    ended = await asyncio.gather(*(one(name, url) for name, (url, _) in cases.items()))
    return dict(zip(cases, ended, strict=True)), {name: code for name, (_, code) in cases.items()}


async def test_an_origin_that_does_not_serve(make_bench: MakeBench, origin: Origin, clips: Path) -> None:
    bench = await make_bench(warm=True, extractor={"socket_timeout": 1})
    clip = clips / "clip.mp4"
    with Origin() as gone:
        unreachable = gone.url("/clip.mp4")
    cases = {
        "404": (origin.url("/nothing.mp4"), Code.ORIGIN_NOT_FOUND),
        "403": (origin.add("/403.mp4", Resource(status=403)), Code.ORIGIN_REFUSED),
        "nobody listens": (unreachable, Code.ORIGIN_UNREACHABLE),
        "never answers": (origin.add("/slow.mp4", Resource(file=clip, delay=30)), Code.ORIGIN_TIMEOUT),
        "reset mid-transfer": (
            origin.add("/rst.mp4", Resource(file=clip, reset_after=99_000)),
            Code.ORIGIN_RESET,
        ),
        "cut mid-transfer": (
            origin.add("/cut.mp4", Resource(file=clip, truncate_after=99_000)),
            Code.ORIGIN_RESET,
        ),
        "stalls mid-transfer": (
            origin.add("/st.mp4", Resource(file=clip, stall_after=99_000)),
            Code.ORIGIN_TIMEOUT,
        ),
    }
    ended, expected = await codes(bench, cases)
    assert ended == expected


async def test_what_is_no_video_or_no_finished_one(
    make_bench: MakeBench, origin: Origin, clips: Path, tmp_path: Path
) -> None:
    bench = await make_bench(warm=True)
    clip = (clips / "clip.mp4").read_bytes()
    script = b"ffconcat version 1.0\nfile '/etc/passwd'\n"
    live = make_hls(clips / "clip.mp4", tmp_path / "live")
    live.write_text(
        live.read_text().replace("#EXT-X-ENDLIST\n", "").replace("#EXT-X-PLAYLIST-TYPE:VOD\n", "")
    )
    protected = make_hls(clips / "clip.mp4", tmp_path / "drm")
    key = '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://key",KEYFORMAT="com.apple.streamingkeydelivery"\n#EXTINF'
    protected.write_text(protected.read_text().replace("#EXTINF", key, 1))
    holed = make_hls(clips / "clip.mp4", tmp_path / "holed")
    (holed.parent / "index1.ts").unlink()
    cases = {
        "a page": (origin.add("/page", Resource(body=b"<!doctype html><p>hi", content_type="text/html")),
                   Code.UNSUPPORTED_SITE),
        "concat called mp4": (origin.add("/concat.mp4", Resource(body=script)), Code.UNSUPPORTED_MEDIA),
        "half a file": (origin.add("/half.mp4", Resource(body=clip[: len(clip) // 2])), Code.CORRUPT_MEDIA),
        "live": (origin.add_hls("/live", live), Code.LIVE_STREAM),
        "drm": (origin.add_hls("/drm", protected), Code.DRM_PROTECTED),
        "a segment is missing": (origin.add_hls("/holed", holed), Code.ORIGIN_NOT_FOUND),
    }  # fmt: skip
    ended, expected = await codes(bench, cases)
    assert ended == expected
    assert not list(bench.work.iterdir()), "failures that will not be retried leave nothing behind"


async def test_a_playlist_called_mp4_opens_no_file_of_ours(
    make_bench: MakeBench, origin: Origin, tmp_path: Path
) -> None:
    """An HLS playlist of local files, under a video's name and type."""
    secret = make_clip(tmp_path / "secret.ts", seconds=1)
    bench = await make_bench(warm=True)
    body = f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://{secret}\n#EXT-X-ENDLIST\n".encode()
    as_video = origin.add("/file.mp4", Resource(body=body, content_type="video/mp4"))
    as_playlist = origin.add("/file.m3u8", Resource(body=body))
    assert await bench.code(as_video) is Code.UNSUPPORTED_MEDIA
    assert await bench.code(as_playlist) is Code.UNSUPPORTED_SITE
    assert not [path for path in bench.work.rglob("*") if path.is_file() and path.stat().st_size > 1000]


async def test_private_addresses_are_refused_also_behind_a_redirect(
    make_bench: MakeBench, origin: Origin, clips: Path
) -> None:
    with Origin() as private:
        target = private.add_file("/clip.mp4", clips / "clip.mp4")
        bench = await make_bench(
            warm=True, egress={"allow": (OriginAllow(cidr="127.0.0.1/32", port=origin.port),)}
        )
        assert await bench.code(target) is Code.PRIVATE_ADDRESS
        assert await bench.code(origin.add_redirect("/away", target)) is Code.PRIVATE_ADDRESS
        assert private.requests() == 0


async def test_limits_hold_before_during_and_after_the_transfer(
    make_bench: MakeBench, origin: Origin, clips: Path, tmp_path: Path
) -> None:
    big = make_clip(tmp_path / "big.mp4", pad_to=3 * 2**20)
    bench = await make_bench(
        warm=True, sources={"max_size": 2**20, "max_duration": 2}, extractor={"http_chunk_size": 2**19}
    )
    hls = make_hls(clips / "clip.mp4", tmp_path / "hls")
    chunked = Resource(file=big, declare_length=False)
    cases = {
        "too large by its header": (origin.add_file("/big.mp4", big), Code.TOO_LARGE),
        "too large by what came": (origin.add("/chunked.mp4", chunked), Code.TOO_LARGE),
        "too long by the manifest": (origin.add_hls("/hls", hls), Code.TOO_LONG),
        "too long by the file": (origin.add_file("/clip.mp4", clips / "clip.mp4"), Code.TOO_LONG),
    }
    ended, expected = await codes(bench, cases)
    assert ended == expected
    assert origin.count("/hls/index0.ts").requests == 0, "what is declared too long is not fetched"
    asked = origin.count("/big.mp4").ranges
    assert {wanted.partition("-")[0] for wanted in asked} == {"bytes=0"}, (
        "the first chunk says how much there is"
    )


async def test_info_of_a_video_over_the_limits_is_still_given(
    make_bench: MakeBench, origin: Origin, clips: Path, tmp_path: Path
) -> None:
    bench = await make_bench(sources={"max_duration": 1})
    hls = origin.add_hls("/hls", make_hls(clips / "clip.mp4", tmp_path / "hls"))
    answer = await bench.run(hls, kind=FlightKind.INFO)
    assert isinstance(answer, InfoOnly)
    assert answer.info["duration"] == 4


async def test_a_job_that_takes_too_long_is_ended(make_bench: MakeBench, origin: Origin, clips: Path) -> None:
    bench = await make_bench(warm=True, worker={"job_timeout": 4})
    slow = origin.add("/drip.mp4", Resource(file=clips / "clip.mp4", rate=10_000))
    assert await bench.code(slow) is Code.JOB_TIMEOUT
    assert not list(bench.work.iterdir())


@pytest.fixture
def small_disk(short_tmp: Path) -> Iterator[Path]:
    """A file system with room for 128 KiB."""
    disk = short_tmp / "disk"
    disk.mkdir()
    argv = ["mount", "-t", "tmpfs", "-o", "size=128k", "none", str(disk)]
    mounted = subprocess.run(argv, check=False, capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


async def test_a_full_disk_is_told_as_such(
    make_bench: MakeBench, origin: Origin, clips: Path, small_disk: Path
) -> None:
    bench = await make_bench(worker={"work_dir": small_disk / "work"})
    assert await bench.code(origin.add_file("/clip.mp4", clips / "clip.mp4")) is Code.DISK_FULL
