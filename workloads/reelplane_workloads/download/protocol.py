"""The pipe between worker and child: one JSON object a line, each a struct tagged with its name.

The child trusts the worker. The worker does not trust the child, which reads strangers' pages: messages are
decoded into these types and bounded in size, and what a message names is checked before it is used.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

MAX_LINE = 4 * 2**20
"""Bytes of one message: a playlist of 50 entries with long URLs takes 0.2 MiB."""


class Job(msgspec.Struct, frozen=True):
    """What is wanted of the URL: ``store.model.Options`` and the kind of the flight."""

    kind: Literal["download", "info"]
    format: Literal["video", "audio"] = "video"
    max_height: int | None = None
    playlist: bool = False
    item: int | None = None


class Limits(msgspec.Struct, frozen=True):
    """``SourceLimits``: bytes, seconds, pixels, entries."""

    max_size: int
    max_duration: int
    max_height: int
    playlist_items: int


class Tuning(msgspec.Struct, frozen=True):
    """The figures of ``ExtractorSettings`` that go into yt-dlp's options."""

    concurrent_fragments: int
    http_chunk_size: int
    buffer_size: int
    retries: int
    fragment_retries: int
    socket_timeout: int
    impersonate: bool


class Start(msgspec.Struct, frozen=True, tag="start"):
    url: str
    job: Job
    limits: Limits
    tuning: Tuning
    folder: str
    """The flight's work folder. Another one beside it is taken when a stale child still holds it."""
    ffmpeg: str
    cookies: str | None = None
    """A Netscape cookie file's text, already reduced to the site's own hosts."""


class Proceed(msgspec.Struct, frozen=True, tag="proceed"):
    sandbox: dict[str, Any] | None = None
    """After ``Chosen``: the fields of ``egress.sandbox.SandboxSpec``. None after ``Found``."""


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """yt-dlp is imported and the child waits for ``Start``."""

    version: str


class Chosen(msgspec.Struct, frozen=True, tag="chosen"):
    """Which extractor will serve the URL, found by its pattern alone; ``folder`` is locked by this child."""

    extractor: str
    folder: str


class Entered(msgspec.Struct, frozen=True, tag="entered"):
    isolation: str
    """The level that the sandbox achieved: ``egress.sandbox.Level``."""
    detail: str


class PlaylistEntry(msgspec.Struct, frozen=True):
    index: int
    """1-based position."""
    url: str | None
    """None: the entry has no URL of its own and is reached as ``Options.item`` of the playlist."""
    title: str
    id: str


class Found(msgspec.Struct, frozen=True, tag="found"):
    """What extraction found, before anything is fetched."""

    extractor_key: str
    video_id: str
    title: str
    webpage_url: str
    duration: float | None
    size: int | None
    """Bytes as the site declares them; None when it does not."""
    summary: dict[str, Any]
    """The answer to GET /v1/info."""
    entries: list[PlaylistEntry] | None = None
    """The entries, when the URL is a playlist (up to the limit)."""
    entry_count: int | None = None
    """How many the site says there are."""


class Progress(msgspec.Struct, frozen=True, tag="progress"):
    phase: Literal["extracting", "downloading", "processing"]
    bytes: int = 0
    total: int | None = None
    """Bytes over all files of the video; an estimate for fragments."""
    speed: float | None = None
    """Bytes per second."""
    eta: float | None = None
    """Seconds."""
    fragment: int | None = None
    fragments: int | None = None


class Done(msgspec.Struct, frozen=True, tag="done"):
    """A playable file of this name stands in the folder."""

    file: str
    extension: str
    content_type: str
    duration: float | None
    width: int | None
    height: int | None
    has_video: bool
    has_audio: bool


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    code: str
    """``core.errors.Code``."""
    detail: str


ToChild = Start | Proceed
FromChild = Ready | Chosen | Entered | Found | Progress | Done | Failed

_encoder = msgspec.json.Encoder()
_to_child: msgspec.json.Decoder[ToChild] = msgspec.json.Decoder(Start | Proceed)
_from_child: msgspec.json.Decoder[FromChild] = msgspec.json.Decoder(
    Ready | Chosen | Entered | Found | Progress | Done | Failed
)


def encode(message: ToChild | FromChild) -> bytes:
    return _encoder.encode(message) + b"\n"


def decode_to_child(line: bytes) -> ToChild:
    """Raises msgspec.ValidationError or msgspec.DecodeError."""
    return _to_child.decode(line)


def decode_from_child(line: bytes) -> FromChild:
    """Raises msgspec.ValidationError or msgspec.DecodeError."""
    return _from_child.decode(line)
