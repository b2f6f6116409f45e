"""Open a file with the demuxer its magic bytes allow, and find out whether it plays.

A header can promise what the file does not hold. So the first frame of each stream that matters is decoded, and
the end is sought: a file whose packets stop well before its declared duration is refused, before anyone is
given a link to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from reelplane_workloads.core.errors import Code, Problem
from reelplane_workloads.media.sniff import Container

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.stream import Stream as AvStream

MISSING_TAIL = 0.1
"""Part of the declared duration that may lack packets. Whole files fall short by a frame or an edit list."""
MISSING_SECONDS = 1.0
"""And so many seconds may always be missing: one audio buffer and one group of pictures of a short clip."""
PACKETS_TO_FIRST_FRAME = 600
"""Packets of all streams read until each has shown that it plays: ten seconds of audio interleaved with video."""
CONVINCING = 4
"""Whole frames, less damaged packets: noise has as many in a row once in 10^8 files."""


@dataclass(frozen=True, slots=True)
class Track:
    """A stream that is served: its index in the file, and the codec by FFmpeg's name."""

    index: int
    codec: str


@dataclass(frozen=True, slots=True)
class Probe:
    container: Container
    video: Track | None
    """The first video stream that is not a cover picture."""
    audio: Track | None
    duration: float | None
    """Seconds; None when neither header nor packets tell."""
    width: int | None = None
    height: int | None = None
    """Pixels as coded, before any rotation that the player applies."""


def probe(path: Path, container: Container) -> Probe:
    """Inspect ``path``, and decode enough of it to know that it plays.

    Raises Problem: CORRUPT_MEDIA when it does not play, UNSUPPORTED_MEDIA when it has neither video nor audio or
    no decoder knows the codec; OSError when it cannot be read.
    """
    import av  # noqa: PLC0415 - 0.1 s and 30 MB that a child needs only once a file is there
    from av.error import FFmpegError  # noqa: PLC0415

    try:
        with av.open(
            f"file:{path}",
            format=container.demuxer,
            options={"protocol_whitelist": "file"},
            metadata_errors="replace",
        ) as media:
            video = next((s for s in media.streams.video if not _is_cover(s)), None)
            audio = next(iter(media.streams.audio), None)
            if video is None and audio is None:
                raise Problem(Code.UNSUPPORTED_MEDIA, "the file has neither video nor audio")
            served: list[AvStream] = [stream for stream in (video, audio) if stream is not None]
            for stream in served:
                if stream.codec_context is None:
                    raise Problem(Code.UNSUPPORTED_MEDIA, "the file has a codec that is not known here")
            _decode_first_frames(media, served)
            reached = _last_timestamp(media, served)
            declared = media.duration / av.time_base if media.duration else None
            if declared and reached < declared - max(MISSING_SECONDS, MISSING_TAIL * declared):
                raise Problem(
                    Code.CORRUPT_MEDIA, f"the file says {declared:.0f} s but ends after {reached:.0f} s"
                )
            return Probe(
                container=container,
                video=Track(video.index, video.codec_context.codec.canonical_name)
                if video is not None
                else None,
                audio=Track(audio.index, audio.codec_context.codec.canonical_name)
                if audio is not None
                else None,
                duration=declared or reached or None,
                width=video.codec_context.width if video is not None else None,
                height=video.codec_context.height if video is not None else None,
            )
    except (FFmpegError, ValueError) as error:
        # FFmpegError is also raised as OSError subclasses; the file itself was opened by us a moment ago.
        raise Problem(
            Code.CORRUPT_MEDIA, f"the {container.label} file cannot be read: {_reason(error)}"
        ) from error


def _decode_first_frames(media: InputContainer, streams: list[AvStream]) -> None:
    """Each stream must show ``CONVINCING`` whole frames more than damaged packets, or any more when it is that short.

    Single packets may be damaged (broadcasts begin anywhere). But a decoder makes a frame out of noise now and
    then: of random bytes, one packet in a hundred is an AAC frame, and one H.264 picture is concealed and marked
    as corrupt. So one frame alone proves nothing.
    """
    from av.error import FFmpegError  # noqa: PLC0415
    from av.frame import Frame  # noqa: PLC0415

    lead = {stream.index: 0 for stream in streams}
    """Whole frames less damaged packets."""
    for stream in streams:
        stream.codec_context.thread_count = 1
    for packet in islice(media.demux(streams), PACKETS_TO_FIRST_FRAME):
        if lead[packet.stream_index] >= CONVINCING:
            continue
        try:
            # is_corrupt is FFmpeg's AV_FRAME_FLAG_CORRUPT. Only sound and pictures are demuxed here.
            corrupt = [frame.is_corrupt for frame in packet.decode() if isinstance(frame, Frame)]
            lead[packet.stream_index] += corrupt.count(False) - corrupt.count(True)
        except FFmpegError:
            lead[packet.stream_index] -= 1
        if all(each >= CONVINCING for each in lead.values()):
            return
    for stream in streams:
        if lead[stream.index] <= 0:
            raise Problem(Code.CORRUPT_MEDIA, f"the {stream.type} stream has no frame that can be decoded")


def _last_timestamp(media: InputContainer, streams: list[AvStream]) -> float:
    """Seconds from the start to the end of the last packet, found by seeking to the end and reading on."""
    import av  # noqa: PLC0415

    start = (media.start_time or 0) / av.time_base
    target = (media.duration or 0) + (media.start_time or 0)
    media.seek(max(target - av.time_base // 2, 0), backward=True)
    end = 0.0
    for packet in media.demux(streams):
        stamp = packet.pts if packet.pts is not None else packet.dts
        if stamp is not None and packet.size and packet.time_base is not None:
            end = max(end, float((stamp + (packet.duration or 0)) * packet.time_base) - start)
    return end


def _is_cover(stream: AvStream) -> bool:
    from av.stream import Disposition  # noqa: PLC0415

    return bool(stream.disposition & Disposition.attached_pic)


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or type(error).__name__)[:100]
