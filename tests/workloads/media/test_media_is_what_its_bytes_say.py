"""Magic bytes decide the container and the demuxer; what does not play is refused before it is published."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from loadtests.clips import make_clip, make_hls
from reelplane_workloads.core.errors import Code, Problem
from reelplane_workloads.media.probe import probe
from reelplane_workloads.media.sniff import Container, sniff, sniff_file

PLAYABLE = {
    "a.mp4": (Container.MP4, ("h264", "aac"), {}),
    "a.mov": (Container.MOV, ("h264", "aac"), {}),
    "a.webm": (Container.WEBM, ("vp8", "vorbis"), {"codecs": ("libvpx", "libvorbis")}),
    "a.mkv": (Container.MATROSKA, ("h264", "aac"), {}),
    "a.ts": (Container.MPEGTS, ("h264", "aac"), {}),
    "a.avi": (Container.AVI, ("mpeg4", "mp3"), {"codecs": ("mpeg4", "libmp3lame")}),
    "a.flv": (Container.FLV, ("h264", "aac"), {}),
    "a.mp3": (Container.MP3, (None, "mp3"), {"video": False, "codecs": ("", "libmp3lame")}),
    "a.aac": (Container.ADTS, (None, "aac"), {"video": False}),
    "a.ogg": (Container.OGG, (None, "vorbis"), {"video": False, "codecs": ("", "libvorbis")}),
    "a.flac": (Container.FLAC, (None, "flac"), {"video": False, "codecs": ("", "flac")}),
    "a.wav": (Container.WAV, (None, "pcm_s16le"), {"video": False, "codecs": ("", "pcm_s16le")}),
}


@pytest.mark.parametrize("name", PLAYABLE)
def test_a_playable_file_is_known_by_its_bytes_under_any_name(name: str, tmp_path: Path) -> None:
    container, codecs, how = PLAYABLE[name]
    clip = make_clip(tmp_path / name, seconds=1.5, **how)
    disguised = clip.rename(tmp_path / "media.m3u8")
    assert sniff_file(disguised) is container
    found = probe(disguised, container)
    assert (found.video and found.video.codec, found.audio and found.audio.codec) == codecs
    assert found.duration == pytest.approx(1.5, abs=0.2)
    assert (found.width, found.height) == ((320, 180) if codecs[0] else (None, None))


HOSTILE = {
    "playlist": b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
    "playlist behind white space": b"\n\n#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
    "concat script": b"ffconcat version 1.0\nfile '/etc/passwd'\n",
    "page": b"<!doctype html><html><body>not found</body></html>",
    "subtitles": b"WEBVTT\n\n00:00.000 --> 00:01.000\nhello\n",
    "sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
    "nothing": b"",
    "png": b"\x89PNG\r\n\x1a\n" + bytes(200),
    "heic": b"\0\0\0\x18ftypheic" + bytes(200),
    "program": b"\x7fELF" + bytes(200),
    "tag without sound": b"ID3\x04\0\0\0\0\0\x0a" + bytes(10) + b"#EXTM3U\nfile:///etc/passwd\n",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_is_not_media_is_refused_whatever_it_is_called(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "video.mp4"
    path.write_bytes(HOSTILE[kind])
    with pytest.raises(Problem) as refused:
        sniff_file(path)
    assert refused.value.code is Code.UNSUPPORTED_MEDIA
    assert "passwd" not in refused.value.detail


def test_no_container_maps_to_a_demuxer_that_opens_other_files() -> None:
    assert {container.demuxer for container in Container} == {
        "mov", "matroska", "mpegts", "avi", "flv", "ogg", "mp3", "aac", "flac", "wav"
    }  # fmt: skip


def test_random_bytes_are_no_container() -> None:
    assert not any(sniff(os.urandom(4096)) for _ in range(500))


@pytest.mark.parametrize("kept", [0.3, 0.5, 0.7])
@pytest.mark.parametrize("name", ["a.mp4", "a.mp3"])
def test_a_file_that_ends_before_its_declared_duration_is_corrupt(
    name: str, kept: float, tmp_path: Path
) -> None:
    how = {"video": False, "codecs": ("", "libmp3lame")} if name == "a.mp3" else {}
    clip = make_clip(tmp_path / name, seconds=8, **how)
    whole = clip.read_bytes()
    clip.write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(Problem) as refused:
        probe(clip, sniff_file(clip))
    assert refused.value.code is Code.CORRUPT_MEDIA


@pytest.mark.parametrize("streams", ["video", "audio only"])
def test_a_header_without_frames_behind_it_is_corrupt(streams: str, tmp_path: Path) -> None:
    """Often, since a decoder finds a frame in noise now and then: one in ten such files had one."""
    clip = make_clip(tmp_path / "a.mp4", video=streams == "video")
    whole = clip.read_bytes()
    header, noise = whole.index(b"mdat") + 4, random.Random(7)
    for _ in range(60):
        clip.write_bytes(whole[:header] + noise.randbytes(len(whole) - header))
        with pytest.raises(Problem) as refused:
            probe(clip, sniff_file(clip))
        assert refused.value.code is Code.CORRUPT_MEDIA


def test_the_demuxer_is_forced_also_when_the_content_is_another(tmp_path: Path) -> None:
    secret = tmp_path / "secret.ts"
    make_clip(secret, seconds=1)
    playlist = tmp_path / "list.mp4"
    playlist.write_text(f"#EXTM3U\n#EXTINF:1,\nfile://{secret}\n#EXT-X-ENDLIST\n")
    with pytest.raises(Problem) as refused:
        probe(playlist, Container.MP4)
    assert refused.value.code is Code.CORRUPT_MEDIA


def test_concatenated_fragments_are_a_container_of_their_own(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", seconds=3)
    for fragmented, container in ((False, Container.MPEGTS), (True, Container.MP4)):
        playlist = make_hls(clip, tmp_path / container.label, fragmented=fragmented)
        pieces = sorted(playlist.parent.glob("init.mp4")) + sorted(playlist.parent.glob("index*.[tm]*s"))
        joined = tmp_path / "joined"
        joined.write_bytes(b"".join(piece.read_bytes() for piece in pieces))
        assert sniff_file(joined) is container
        assert probe(joined, container).duration == pytest.approx(3, abs=0.3)
