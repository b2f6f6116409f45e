"""From yt-dlp's info dictionary to what the platform keeps of it. Pure; every value is a stranger's."""

from __future__ import annotations

import math
from typing import Any
from urllib.parse import urlsplit

from reelplane_workloads.core.errors import Code, Problem
from reelplane_workloads.download import text
from reelplane_workloads.download.protocol import Found, Job, Limits, PlaylistEntry

MAX_FORMATS = 100
"""Formats listed in an info answer; the best come last in yt-dlp's order and are the ones kept."""

_PLAYLISTS = ("playlist", "multi_video")


def select_item(info: dict[str, Any], job: Job) -> dict[str, Any]:
    """The one entry that ``job.item`` names, out of its playlist. Raises Problem(ORIGIN_NOT_FOUND) when it is gone."""
    if job.item is None or info.get("_type") not in _PLAYLISTS:
        return info
    entry = next((entry for entry in info.get("entries") or [] if entry), None)
    if entry is None:
        raise Problem(Code.ORIGIN_NOT_FOUND, f"the playlist has no entry {job.item} any more")
    chosen: dict[str, Any] = entry
    return chosen


def found(info: dict[str, Any], job: Job) -> Found:
    """What extraction found, bounded and cleaned. Raises Problem(IS_PLAYLIST) when one video was asked for."""
    is_playlist = info.get("_type") in _PLAYLISTS
    entries = _entries(info) if is_playlist else None
    if is_playlist and job.kind == "download" and not job.playlist:
        raise Problem(Code.IS_PLAYLIST, f"{len(entries or [])} or more videos were found there")
    return Found(
        extractor_key=text.plain(info.get("extractor_key") or "Generic", 60),
        video_id=text.plain(info.get("id") or "", 200),
        title=text.title(info.get("title") or ""),
        webpage_url=_url(info.get("webpage_url")) or "",
        duration=_number(info.get("duration")),
        size=declared_size(info),
        summary=_summary(info, entries),
        entries=entries,
        entry_count=_count(info.get("playlist_count")) if is_playlist else None,
    )


def admit(info: dict[str, Any], limits: Limits) -> None:
    """Refuse before the first byte what the site itself declares to be over a limit.

    Raises Problem: LIVE_STREAM, DRM_PROTECTED, TOO_LONG, TOO_LARGE.
    """
    if info.get("is_live") or info.get("live_status") in ("is_live", "is_upcoming", "post_live"):
        raise Problem(Code.LIVE_STREAM)
    if info.get("has_drm") or any(part.get("has_drm") for part in parts(info)):
        raise Problem(Code.DRM_PROTECTED)
    check_duration(_number(info.get("duration")), limits)
    size = declared_size(info)
    if size is not None and size > limits.max_size:
        raise too_large(size, limits)


def check_duration(duration: float | None, limits: Limits) -> None:
    """Raises Problem(TOO_LONG). One second of grace: headers round."""
    if duration is not None and duration > limits.max_duration + 1:
        raise Problem(Code.TOO_LONG, f"{duration:.0f} s; up to {limits.max_duration} s are taken")


def too_large(size: int, limits: Limits) -> Problem:
    return Problem(Code.TOO_LARGE, f"{size} bytes; up to {limits.max_size} are taken")


def parts(info: dict[str, Any]) -> list[dict[str, Any]]:
    """The files that make up the chosen form: video and audio apart, or one with both."""
    return [{**info, **part, "requested_formats": None} for part in info.get("requested_formats") or [info]]


def declared_size(info: dict[str, Any]) -> int | None:
    """Bytes over all parts, when the site declares each; estimates are not counted, they would refuse wrongly."""
    sizes = [_count(part.get("filesize")) for part in info.get("requested_formats") or [info]]
    return (
        sum(size for size in sizes if size is not None) if all(size is not None for size in sizes) else None
    )


def _entries(info: dict[str, Any]) -> list[PlaylistEntry]:
    listed = []
    for index, entry in enumerate(info.get("entries") or [], start=1):
        if entry:
            # Only an entry that was left to be extracted has a page of its own; the others are found by position.
            own = _url(entry.get("url")) if entry.get("_type") in ("url", "url_transparent") else None
            name = text.title(entry.get("title") or "")
            listed.append(
                PlaylistEntry(index=index, url=own, title=name, id=text.plain(entry.get("id") or "", 200))
            )
    return listed


def _summary(info: dict[str, Any], entries: list[PlaylistEntry] | None) -> dict[str, Any]:
    summary: dict[str, Any] = {
        "id": text.plain(info.get("id") or "", 200),
        "title": text.title(info.get("title") or ""),
        "uploader": text.title(info.get("uploader") or info.get("channel") or "") or None,
        "duration": _number(info.get("duration")),
        "thumbnail": _url(info.get("thumbnail")),
        "webpage_url": _url(info.get("webpage_url")),
        "extractor": text.plain(info.get("extractor_key") or "Generic", 60),
        "live": bool(info.get("is_live")),
    }
    if entries is not None:
        items = [{"index": e.index, "url": e.url, "title": e.title, "id": e.id} for e in entries]
        return summary | {
            "playlist": {"count": _count(info.get("playlist_count")) or len(items), "entries": items}
        }
    formats = info.get("formats") or [info]
    return summary | {"formats": [_format(one) for one in formats[-MAX_FORMATS:]]}


def _format(one: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": text.plain(one.get("format_id") or "", 60),
        "ext": text.plain(one.get("ext") or "", 20),
        "width": _count(one.get("width")),
        "height": _count(one.get("height")),
        "fps": _number(one.get("fps")),
        "vcodec": text.plain(one.get("vcodec") or "", 40) or None,
        "acodec": text.plain(one.get("acodec") or "", 40) or None,
        "filesize": _count(one.get("filesize") or one.get("filesize_approx")),
        "tbr": _number(one.get("tbr")),
    }


def _number(value: object) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0:
        return float(value)
    return None


def _count(value: object) -> int | None:
    number = _number(value)
    return None if number is None or number >= 2**53 else int(number)


def _url(value: object) -> str | None:
    """An absolute http(s) URL of sensible length, or nothing: it will stand in links."""
    if not isinstance(value, str) or len(value) > 2048 or any(ch.isspace() for ch in value):
        return None
    try:
        parts = urlsplit(value)
    except ValueError:
        return None
    return value if parts.scheme in ("http", "https") and parts.netloc and "@" not in parts.netloc else None
