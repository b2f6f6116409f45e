"""From a file's first bytes to its container and the one demuxer that may open it.

FFmpeg guesses formats from content and name, and some of its formats (HLS, concat, image lists) open further
files (CVE-2016-1897, CVE-2017-9993). So nothing here guesses: what is not one of the containers below is refused,
and everything that opens a file later forces the demuxer found here.
"""

from __future__ import annotations

from enum import Enum
from pathlib import Path

from reelplane_workloads.core.errors import Code, Problem

HEAD = 64 * 2**10
"""Bytes read. EBML headers, boxes and packet patterns all lie within; an ID3 tag (cover art) may be longer."""

_TS_PACKET = 188
_MP4_BOXES = frozenset({b"moov", b"moof", b"styp", b"sidx", b"mdat", b"free", b"skip", b"wide"})
_IMAGE_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"avif", b"avis"})
_MPEG1_L3_KBPS = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_MPEG2_L3_KBPS = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_MP3_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


class Container(Enum):
    """The containers that are opened. The value is (name, FFmpeg demuxer)."""

    MP4 = ("mp4", "mov")
    MOV = ("mov", "mov")
    """QuickTime, and MP4 without a file type box: read alike, but not what browsers are promised."""
    WEBM = ("webm", "matroska")
    MATROSKA = ("matroska", "matroska")
    MPEGTS = ("mpegts", "mpegts")
    AVI = ("avi", "avi")
    FLV = ("flv", "flv")
    OGG = ("ogg", "ogg")
    MP3 = ("mp3", "mp3")
    ADTS = ("adts", "aac")
    FLAC = ("flac", "flac")
    WAV = ("wav", "wav")

    @property
    def label(self) -> str:
        return self.value[0]

    @property
    def demuxer(self) -> str:
        return self.value[1]


def sniff_file(path: Path) -> Container:
    """The container of ``path``. Raises Problem(UNSUPPORTED_MEDIA) for everything that is not served, OSError."""
    with path.open("rb") as file:
        head = file.read(HEAD)
        tag = id3_length(head)
        if tag:
            file.seek(tag)
            head = file.read(HEAD)
            found = _audio_frames(head) or (Container.FLAC if head.startswith(b"fLaC") else None)
        else:
            found = sniff(head)
    if found is None:
        raise Problem(Code.UNSUPPORTED_MEDIA, f"what came is {_describe(head)}")
    return found


def sniff(head: bytes) -> Container | None:
    """The container that begins with ``head`` (up to HEAD bytes, no ID3 tag); None when it is none of ours."""
    kinds = (_iso_media, _matroska, _by_magic, _transport_stream, _audio_frames)
    return next((found for kind in kinds if (found := kind(head)) is not None), None)


def id3_length(head: bytes) -> int:
    """Bytes of the ID3v2 tag at the start (ID3v2.4 section 3.1: a syncsafe size), 0 when there is none."""
    if len(head) < 10 or not head.startswith(b"ID3") or any(byte & 0x80 for byte in head[6:10]):
        return 0
    size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
    return 10 + size + (10 if head[5] & 0x10 else 0)


def _iso_media(head: bytes) -> Container | None:
    """A box at the start (ISO/IEC 14496-12 section 4.2): a file type, or what old and cut files begin with."""
    size, kind, brand = int.from_bytes(head[:4], "big"), head[4:8], head[8:12]
    if kind == b"ftyp" and brand not in _IMAGE_BRANDS:
        return Container.MOV if brand == b"qt  " else Container.MP4
    return Container.MOV if kind in _MP4_BOXES and (size in (0, 1) or size >= 8) else None


def _matroska(head: bytes) -> Container | None:
    """The document type decides (EBML element 0x4282, RFC 8794 section 11.2.6)."""
    at = head.find(b"\x42\x82", 0, 4096)
    if not head.startswith(b"\x1a\x45\xdf\xa3") or at < 0 or at + 3 > len(head):
        return None
    length = head[at + 2] & 0x7F
    doctype = head[at + 3 : at + 3 + length].rstrip(b"\0")
    return {b"webm": Container.WEBM, b"matroska": Container.MATROSKA}.get(doctype)


def _by_magic(head: bytes) -> Container | None:
    if head.startswith(b"RIFF"):
        return {b"WAVE": Container.WAV, b"AVI ": Container.AVI}.get(head[8:12])
    return {b"OggS": Container.OGG, b"fLaC": Container.FLAC, b"FLV\x01": Container.FLV}.get(head[:4])


def _transport_stream(head: bytes) -> Container | None:
    """Three sync bytes in a row, a packet apart (ISO/IEC 13818-1 section 2.4.3.2)."""
    syncs = head[: 2 * _TS_PACKET + 1 : _TS_PACKET]
    return Container.MPEGTS if syncs == b"GGG" else None


def _audio_frames(head: bytes) -> Container | None:
    """ADTS or MP3 when the frame at the start is followed by a second one where the first says it ends."""
    for length, container in ((_adts_length, Container.ADTS), (_mp3_length, Container.MP3)):
        first = length(head)
        if first and length(head[first:]):
            return container
    return None


def _adts_length(data: bytes) -> int:
    """Bytes of the ADTS frame at the start (ISO/IEC 13818-7 section 6.2), 0 when there is none."""
    if len(data) < 7 or data[0] != 0xFF or data[1] & 0xF6 != 0xF0:
        return 0
    length = (data[3] & 0x03) << 11 | data[4] << 3 | data[5] >> 5
    return length if length >= 7 else 0


def _mp3_length(data: bytes) -> int:
    """Bytes of the MPEG audio layer III frame at the start (ISO/IEC 11172-3 section 2.4.2.3), 0 when there is none."""
    if len(data) < 4 or data[0] != 0xFF or data[1] & 0xE6 != 0xE2:
        return 0
    version, bitrate, rate = data[1] >> 3 & 3, data[2] >> 4, data[2] >> 2 & 3
    if version == 1 or bitrate in (0, 15) or rate == 3:
        return 0
    kbps = (_MPEG1_L3_KBPS if version == 3 else _MPEG2_L3_KBPS)[bitrate]
    return (144 if version == 3 else 72) * kbps * 1000 // _MP3_RATES[version][rate] + (data[2] >> 1 & 1)


def _describe(head: bytes) -> str:
    """What a person is told: the kind of a refused file, never its content."""
    if not head:
        return "empty"
    start = head[:512].lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head")):
        return "a web page, not media"
    if start.startswith(b"#extm3u"):
        return "a playlist under a media name"
    if b"\0" not in head[:512] and all(byte >= 0x20 or byte in b"\t\r\n\f" for byte in head[:512]):
        return "text, not media"
    return "in no container that is served"
