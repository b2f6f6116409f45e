"""Downloaded files are kept byte for byte when they play, and copied into a container that plays when not."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from loadtests.clips import make_clip
from reelplane_workloads.core.errors import Code, Problem
from reelplane_workloads.media import ffmpeg
from reelplane_workloads.media.finish import Finished, Source, finish
from reelplane_workloads.media.plan import M4A, MATROSKA, MP4, OGG, WEBM, WEBM_AUDIO, Keep, Remux, plan
from reelplane_workloads.media.probe import Probe, Track
from reelplane_workloads.media.sniff import Container

FFMPEG = ffmpeg.ffmpeg_path()


def run(folder: Path, *sources: Source, want: str = "video") -> Finished:
    return finish(
        sources,
        want="audio" if want == "audio" else "video",
        folder=folder,
        copy=lambda argv: ffmpeg.run(argv, timeout=30),
        ffmpeg_binary=FFMPEG,
    )


def decodes(path: Path) -> None:
    """Decode all of a file with another FFmpeg than the one that probes; fails on any error."""
    argv = [FFMPEG, "-nostdin", "-v", "error", "-xerror", "-i", str(path), "-f", "null", "-"]
    done = subprocess.run(argv, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == b""


@pytest.mark.parametrize("name", ["a.mp4", "a.webm", "a.mp3"])
def test_a_file_that_plays_is_kept_as_it_is(name: str, tmp_path: Path) -> None:
    how = {
        "a.mp4": {},
        "a.webm": {"codecs": ("libvpx", "libvorbis")},
        "a.mp3": {"video": False, "codecs": ("", "libmp3lame")},
    }[name]
    clip = make_clip(tmp_path / name, seconds=1, **how)
    before = clip.read_bytes()
    done = run(tmp_path, Source(clip))
    assert done.path == clip
    assert clip.read_bytes() == before
    assert done.format.extension == name.partition(".")[2]


@pytest.mark.parametrize("name", ["a.ts", "a.mkv", "a.flv", "a.mov"])
def test_other_containers_become_mp4_with_the_index_in_front(name: str, tmp_path: Path) -> None:
    done = run(tmp_path, Source(make_clip(tmp_path / name, seconds=2)))
    assert done.format == MP4
    assert done.path.name == "finished.mp4"
    decodes(done.path)
    content = done.path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


def test_video_and_audio_apart_become_one_file(tmp_path: Path) -> None:
    picture = make_clip(tmp_path / "v.mp4", audio=False, seconds=2)
    sound = make_clip(tmp_path / "a.m4a", video=False, seconds=2)
    done = run(tmp_path, Source(picture), Source(sound))
    assert done.format == MP4
    assert done.probe.video is not None
    assert done.probe.audio is not None
    decodes(done.path)


def test_audio_is_taken_out_of_a_video_without_encoding(tmp_path: Path) -> None:
    done = run(tmp_path, Source(make_clip(tmp_path / "a.mp4", seconds=2)), want="audio")
    assert (done.format, done.probe.video) == (M4A, None)
    decodes(done.path)


def test_audio_of_a_silent_video_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Problem) as refused:
        run(tmp_path, Source(make_clip(tmp_path / "a.mp4", audio=False, seconds=1)), want="audio")
    assert refused.value.code is Code.UNSUPPORTED_MEDIA


def probed(container: Container, video: str | None, audio: str | None) -> Probe:
    return Probe(
        container=container,
        video=Track(0, video) if video else None,
        audio=Track(1, audio) if audio else None,
        duration=1.0,
    )


@pytest.mark.parametrize(
    ("container", "video", "audio", "assembled", "decision"),
    [
        (Container.MP4, "av1", "opus", False, Keep(MP4)),
        (Container.MP4, "h264", "aac", True, Remux(MP4, ((0, 0), (0, 1)))),
        (Container.MP4, "hevc", "aac", True, Remux(MP4, ((0, 0), (0, 1)), hvc1=True)),
        (Container.MATROSKA, "vp9", "opus", False, Remux(WEBM, ((0, 0), (0, 1)))),
        (Container.MATROSKA, "vp9", "aac", False, Remux(MP4, ((0, 0), (0, 1)))),
        (Container.MATROSKA, "h264", "dts", False, Remux(MATROSKA, ((0, 0), (0, 1)))),
        (Container.WEBM, None, "opus", False, Keep(WEBM_AUDIO)),
        (Container.MATROSKA, None, "opus", False, Remux(OGG, ((0, 1),))),
        (Container.MP4, "h264", None, False, Keep(MP4)),
    ],
)
def test_the_container_follows_from_the_codecs(
    container: Container, video: str | None, audio: str | None, assembled: bool, decision: Keep | Remux
) -> None:
    assert plan([probed(container, video, audio)], "video", assembled=assembled) == decision


def test_every_input_of_ffmpeg_has_its_demuxer_forced_and_only_files_allowed() -> None:
    job = Remux(MP4, ((0, 0), (1, 0)))
    sources = [ffmpeg.Input(Path("/w/v"), "matroska"), ffmpeg.Input(Path("/w/a"), "mov")]
    argv = ffmpeg.remux_argv("/ffmpeg", sources, job, Path("/w/out"))
    inputs = [index for index, word in enumerate(argv) if word == "-i"]
    assert [argv[index - 4 : index + 2] for index in inputs] == [
        ["-protocol_whitelist", "file,pipe", "-f", "matroska", "-i", "file:/w/v"],
        ["-protocol_whitelist", "file,pipe", "-f", "mov", "-i", "file:/w/a"],
    ]
    assert "-nostdin" in argv
    assert argv[-1] == "file:/w/out"


def test_a_copy_that_does_not_end_is_ended(tmp_path: Path) -> None:
    with pytest.raises(Problem) as refused:
        ffmpeg.run(["/bin/sleep", "30"], timeout=0.2)
    assert refused.value.code is Code.CORRUPT_MEDIA


def test_ffmpeg_sees_no_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://user:secret@proxy:1")
    out = tmp_path / "environment"
    ffmpeg.run(["/bin/sh", "-c", f"env > {out}"], timeout=10)
    assert "secret" not in out.read_text()
