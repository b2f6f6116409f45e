"""Jobs of every form end with a file that plays, through the real guard, sandbox and extractor."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from loadtests.origin import Origin, make_clip, make_hls
from reelplane_workloads.core import keys
from reelplane_workloads.core.errors import Code
from reelplane_workloads.download.runner import Downloaded, InfoOnly, Playlist, Stopped
from reelplane_workloads.media.ffmpeg import ffmpeg_path
from reelplane_workloads.store.model import FlightKind, Options

if TYPE_CHECKING:
    from tests.workloads.download.conftest import Bench, MakeBench


def decodes(path: Path) -> None:
    """Decode all of a file; fails on any error."""
    argv = [ffmpeg_path(), "-nostdin", "-v", "error", "-xerror", "-i", str(path), "-f", "null", "-"]
    done = subprocess.run(argv, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


async def test_a_video_arrives_byte_for_byte_and_is_described(
    bench: Bench, origin: Origin, clips: Path
) -> None:
    url = origin.add_file("/clip.mp4", clips / "clip.mp4")
    done = await bench.run(url)
    assert isinstance(done, Downloaded)
    assert done.path.read_bytes() == (clips / "clip.mp4").read_bytes()
    assert done.sha256 == hashlib.sha256((clips / "clip.mp4").read_bytes()).hexdigest()
    assert (done.extension, done.content_type) == ("mp4", "video/mp4")
    assert (done.width, done.height, done.has_video, done.has_audio) == (320, 180, True, True)
    assert done.duration == pytest.approx(4, abs=0.2)
    assert (done.title, done.webpage_url) == ("clip", url)
    [watcher] = bench.seen
    assert watcher.extractors == ["Generic"]
    assert (watcher.found[0].extractor_key, watcher.found[0].video_id) == ("Generic", "clip")
    phases = [progress.phase for progress in watcher.progress]
    assert (phases[0], phases[-1]) == ("extracting", "processing")
    await bench.discard("f1")
    assert not list(bench.work.iterdir())


async def test_audio_only_has_no_picture(bench: Bench, origin: Origin, clips: Path) -> None:
    done = await bench.run(origin.add_file("/clip.mp4", clips / "clip.mp4"), format="audio")
    assert isinstance(done, Downloaded)
    assert (done.extension, done.content_type, done.has_video, done.has_audio) == (
        "m4a",
        "audio/mp4",
        False,
        True,
    )
    decodes(done.path)


@pytest.mark.parametrize("fragmented", [False, True])
async def test_hls_becomes_one_mp4(
    fragmented: bool, bench: Bench, origin: Origin, clips: Path, tmp_path: Path
) -> None:
    playlist = make_hls(clips / "clip.mp4", tmp_path / "hls", fragmented=fragmented)
    done = await bench.run(origin.add_hls("/hls", playlist))
    assert isinstance(done, Downloaded)
    assert (done.extension, done.has_video, done.has_audio) == ("mp4", True, True)
    assert done.duration == pytest.approx(4, abs=0.3)
    decodes(done.path)


async def test_video_and_audio_apart_are_joined(
    bench: Bench, origin: Origin, clips: Path, tmp_path: Path
) -> None:
    """A DASH manifest: one file each for picture and sound."""
    picture = make_clip(tmp_path / "v.mp4", audio=False)
    sound = make_clip(tmp_path / "a.m4a", video=False)
    origin.add_file("/v.mp4", picture)
    origin.add_file("/a.m4a", sound)
    manifest = """<?xml version="1.0"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT4S"><Period>
<AdaptationSet mimeType="video/mp4"><Representation id="v" bandwidth="500000" width="320" height="180"
 codecs="avc1.42c00d"><BaseURL>v.mp4</BaseURL></Representation></AdaptationSet>
<AdaptationSet mimeType="audio/mp4"><Representation id="a" bandwidth="96000" codecs="mp4a.40.2"
 audioSamplingRate="44100"><BaseURL>a.m4a</BaseURL></Representation></AdaptationSet></Period></MPD>"""
    (tmp_path / "m.mpd").write_text(manifest)
    done = await bench.run(origin.add_file("/m.mpd", tmp_path / "m.mpd"))
    assert isinstance(done, Downloaded)
    assert (done.extension, done.has_video, done.has_audio) == ("mp4", True, True)
    decodes(done.path)


async def test_a_redirect_leads_to_the_video(bench: Bench, origin: Origin, clips: Path) -> None:
    origin.add_file("/clip.mp4", clips / "clip.mp4")
    done = await bench.run(origin.add_redirect("/short", "/clip.mp4"))
    assert isinstance(done, Downloaded)
    assert done.path.read_bytes() == (clips / "clip.mp4").read_bytes()


async def test_info_costs_no_download(bench: Bench, origin: Origin, clips: Path) -> None:
    url = origin.add_file("/clip.mp4", clips / "clip.mp4")
    answer = await bench.run(url, kind=FlightKind.INFO)
    assert isinstance(answer, InfoOnly)
    assert (answer.info["title"], answer.info["webpage_url"]) == ("clip", url)
    assert answer.info["formats"][0]["ext"] == "mp4"
    assert origin.count("/clip.mp4").ranges == []
    assert not list(bench.work.iterdir())


async def test_a_feed_is_a_set_of_urls_when_asked_for_and_refused_when_not(
    make_bench: MakeBench, origin: Origin, clips: Path
) -> None:
    bench = await make_bench(warm=True, sources={"playlist_items": 2})
    urls = [origin.add_file(f"/{name}.mp4", clips / "clip.mp4") for name in ("one", "two", "three")]
    feed = origin.add_rss(
        "/feed.xml", [("One", urls[0]), ("Two", urls[1]), ("Three", urls[2])], title="My feed"
    )
    assert await bench.code(feed) is Code.IS_PLAYLIST
    found = await bench.run(feed, playlist=True)
    assert isinstance(found, Playlist)
    assert found.title == "My feed"
    assert [(entry.index, entry.url, entry.title) for entry in found.entries] == [
        (1, urls[0], "One"),
        (2, urls[1], "Two"),
    ]
    assert origin.count("/one.mp4").requests == 0


async def test_entries_without_a_url_of_their_own_are_reached_by_position(
    make_bench: MakeBench, origin: Origin, clips: Path
) -> None:
    bench = await make_bench(warm=True)
    sources = [origin.add_file(f"/{name}.mp4", clips / f"{name}.mp4") for name in ("clip", "other")]
    page = origin.add_page("/two", sources)
    listed = await bench.run(page, playlist=True)
    assert isinstance(listed, Playlist)
    assert [(entry.index, entry.url) for entry in listed.entries] == [(1, None), (2, None)]
    second = await bench.run(page, playlist=True, item=2)
    assert isinstance(second, Downloaded)
    assert second.path.read_bytes() == (clips / "other.mp4").read_bytes()


async def test_two_sites_clip_mp4_are_two_videos_and_known_ones_are_not_fetched(
    make_bench: MakeBench, origin: Origin, clips: Path
) -> None:
    """The generic extractor gives both the id ``clip``: only the URL tells them apart."""
    bench = await make_bench(warm=True)
    identities = set()
    with Origin() as other:
        for site, clip in ((origin, "clip.mp4"), (other, "other.mp4")):
            url = site.add_file("/clip.mp4", clips / clip)
            assert isinstance(await bench.run(url, answer="stop"), Stopped)
            assert site.count("/clip.mp4").ranges == []
            found = bench.seen[-1].found[0]
            key = keys.url_key(FlightKind.DOWNLOAD, keys.normalise(url), Options())
            identities.add(
                (
                    found.video_id,
                    keys.identity_key(found.extractor_key, found.video_id, Options(), url_key=key),
                )
            )
    assert {video_id for video_id, _ in identities} == {"clip"}
    assert len(identities) == 2
