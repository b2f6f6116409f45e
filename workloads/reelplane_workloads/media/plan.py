"""What becomes of downloaded files: kept as they are, or copied into a container that browsers play. Pure.

Streams are never re-encoded here. A file that already plays is kept byte for byte, since copying a large file
costs as much disk traffic as downloading it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from reelplane_workloads.core.errors import Code, Problem
from reelplane_workloads.media.probe import Probe
from reelplane_workloads.media.sniff import Container


@dataclass(frozen=True, slots=True)
class Format:
    """A form in which media is published: file extension, FFmpeg muxer, and content type."""

    extension: str
    muxer: str
    content_type: str


MP4 = Format("mp4", "mp4", "video/mp4")
WEBM = Format("webm", "webm", "video/webm")
MATROSKA = Format("mkv", "matroska", "video/x-matroska")
M4A = Format("m4a", "ipod", "audio/mp4")
WEBM_AUDIO = Format("weba", "webm", "audio/webm")
OGG = Format("ogg", "ogg", "audio/ogg")
MP3 = Format("mp3", "mp3", "audio/mpeg")
FLAC = Format("flac", "flac", "audio/flac")
WAV = Format("wav", "wav", "audio/wav")
MATROSKA_AUDIO = Format("mka", "matroska", "audio/x-matroska")

_MP4_VIDEO = frozenset({"h264", "hevc", "av1", "vp9", "mpeg4"})
_MP4_AUDIO = frozenset({"aac", "mp3", "ac3", "eac3", "opus", "flac", "alac"})
_WEBM_VIDEO = frozenset({"vp8", "vp9", "av1"})
_WEBM_AUDIO = frozenset({"opus", "vorbis"})
_AUDIO = {"aac": M4A, "alac": M4A, "mp3": MP3, "opus": OGG, "vorbis": OGG, "flac": FLAC}
_AS_IS = {
    (Container.MP4, True): MP4,
    (Container.WEBM, True): WEBM,
    (Container.MP4, False): M4A,
    (Container.WEBM, False): WEBM_AUDIO,
    (Container.OGG, False): OGG,
    (Container.MP3, False): MP3,
    (Container.FLAC, False): FLAC,
    (Container.WAV, False): WAV,
}
"""What a file in a container, with or without video, is published as when nothing needs to be done."""


@dataclass(frozen=True, slots=True)
class Keep:
    """The one file is published as it is."""

    format: Format


@dataclass(frozen=True, slots=True)
class Remux:
    """Copy these streams, each ``(input, stream index)``, into a new file."""

    format: Format
    streams: tuple[tuple[int, int], ...]
    hvc1: bool = False
    """Tag HEVC as ``hvc1``: Apple's players refuse ``hev1``."""


def plan(parts: list[Probe], want: Literal["video", "audio"], *, assembled: bool = False) -> Keep | Remux:
    """Decide for the downloaded ``parts`` (video first where there are two).

    ``assembled`` says that fragments were strung together: such a file lacks an index and is always copied.
    A job for video gets audio where the site has nothing else. Raises Problem(UNSUPPORTED_MEDIA) when audio is
    wanted of a silent video.
    """
    video = next(((i, p.video) for i, p in enumerate(parts) if p.video), None) if want == "video" else None
    # The part that has only sound is the better source: it was chosen for its sound.
    by_purpose = sorted(enumerate(parts), key=lambda item: item[1].video is not None)
    audio = next(((i, p.audio) for i, p in by_purpose if p.audio), None)
    if video is None and audio is None:
        raise Problem(Code.UNSUPPORTED_MEDIA, "the video has no sound")
    target = _target(video[1].codec if video else None, audio[1].codec if audio else None)
    if len(parts) == 1 and not assembled and (want == "video" or parts[0].video is None):
        as_is = _AS_IS.get((parts[0].container, parts[0].video is not None))
        if as_is is not None and (as_is is target or _plays(parts[0], as_is)):
            return Keep(as_is)
    streams = tuple((i, track.index) for i, track in filter(None, (video, audio)))
    return Remux(target, streams, hvc1=target is MP4 and video is not None and video[1].codec == "hevc")


def _target(video: str | None, audio: str | None) -> Format:
    if video is None:
        name = audio or ""
        return WAV if name.startswith("pcm_") else _AUDIO.get(name, MATROSKA_AUDIO)
    if video in _WEBM_VIDEO and (audio in _WEBM_AUDIO or (audio is None and video not in _MP4_VIDEO)):
        return WEBM
    if video in _MP4_VIDEO and (audio is None or audio in _MP4_AUDIO):
        return MP4
    return MATROSKA


def _plays(part: Probe, as_is: Format) -> bool:
    """Whether all codecs are at home in the container that the file already has."""
    videos, audios = (_WEBM_VIDEO, _WEBM_AUDIO) if as_is.muxer == "webm" else (_MP4_VIDEO, _MP4_AUDIO)
    return (part.video is None or part.video.codec in videos) and (
        part.audio is None or part.audio.codec in audios
    )
