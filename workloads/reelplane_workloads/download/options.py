"""What yt-dlp is told, built from a job and the pipeline's figures. Pure.

yt-dlp can run commands, read browsers' cookie stores and write files by names that a site chooses; options are
how it is told to. So they come from one function, each key is on the list below, and nothing that a client
sends is a key or a free-form value.
"""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

from reelplane_workloads.download.protocol import Job, Limits, Tuning

ALLOWED = frozenset(
    {
        "buffersize",
        "cachedir",
        "check_formats",
        "color",
        "concurrent_fragment_downloads",
        "continuedl",
        "cookiefile",
        "enable_file_urls",
        "external_downloader",
        "extract_flat",
        "extractor_args",
        "extractor_retries",
        "ffmpeg_location",
        "fixup",
        "format",
        "format_sort",
        "fragment_retries",
        "http_chunk_size",
        "ignoreerrors",
        "js_runtimes",
        "keep_fragments",
        "logger",
        "noplaylist",
        "noprogress",
        "outtmpl",
        "overwrites",
        "paths",
        "playlist_items",
        "progress_hooks",
        "proxy",
        "quiet",
        "remote_components",
        "retries",
        "retry_sleep_functions",
        "skip_unavailable_fragments",
        "socket_timeout",
        "updatetime",
    }
)
"""The only keys that are ever passed. Absent for a reason: exec, netrc, cookiesfrombrowser, batch files, plugins,
postprocessors, write* (side files), client certificates, nocheckcertificate."""

NATIVE_DOWNLOADERS = frozenset({"HttpFD", "HlsFD", "DashSegmentsFD", "IsmFD", "BunnyCdnFD"})
"""yt-dlp's own downloaders for finished videos over HTTP. All others start programs or follow live streams."""

RESOLUTION_ORDER = ("fps", "vcodec:h264", "acodec:aac", "ext:mp4:m4a")
"""After resolution: smoother first, then what every browser and phone plays without conversion."""


def build(
    job: Job,
    limits: Limits,
    tuning: Tuning,
    *,
    folder: Path,
    proxy: str,
    deno: Path,
    cookies: str | None,
    logger: object,
    on_progress: Callable[[dict[str, Any]], None],
    impersonate: bool = False,
) -> dict[str, Any]:
    """The parameters of ``YoutubeDL`` for one job.

    ``impersonate`` makes the generic extractor look like a browser, which it does not do by itself; the other
    extractors do it where their site needs it, when curl_cffi can be imported.
    """
    height = min(job.max_height or limits.max_height, limits.max_height)
    options: dict[str, Any] = {
        # What to fetch. `res:` sorts by the smaller side, so that upright videos count by their width.
        "format": "ba/b" if job.format == "audio" else "bv*+ba/b",
        "format_sort": [f"res:{height}", *RESOLUTION_ORDER],
        "check_formats": None,
        "noplaylist": not job.playlist and job.item is None,
        "playlist_items": str(job.item) if job.item is not None else f"1:{limits.playlist_items}",
        "extract_flat": False if job.item is not None else "in_playlist",
        # How: S1.4's figures, and only yt-dlp's own downloaders.
        "concurrent_fragment_downloads": tuning.concurrent_fragments,
        "http_chunk_size": tuning.http_chunk_size,
        "buffersize": tuning.buffer_size,
        "retries": tuning.retries,
        "fragment_retries": tuning.fragment_retries,
        "extractor_retries": tuning.retries,
        "retry_sleep_functions": {"http": _pause, "fragment": _pause, "extractor": _pause},
        "socket_timeout": tuning.socket_timeout,
        "external_downloader": {"default": "native"},
        "proxy": proxy,
        "enable_file_urls": False,
        # A video with holes is not the video. Fragments are kept until the end: with them, not with a half
        # appended file, an interrupted transfer goes on.
        "skip_unavailable_fragments": False,
        "keep_fragments": True,
        "continuedl": True,
        "overwrites": False,
        # Nothing but the file: no side files, no cache, no conversion by yt-dlp, no configuration of the user's.
        "paths": {"home": str(folder), "temp": str(folder)},
        "outtmpl": {"default": "media"},
        "updatetime": False,
        "cachedir": False,
        "fixup": "never",
        "ffmpeg_location": str(folder / "no-ffmpeg-for-the-extractor"),
        "js_runtimes": {"deno": {"path": str(deno)}},
        "remote_components": [],
        "cookiefile": StringIO(cookies) if cookies is not None else None,
        # What it says.
        "logger": logger,
        "quiet": True,
        "noprogress": True,
        "color": "never",
        "ignoreerrors": False,
        "progress_hooks": [on_progress],
    }
    if impersonate:
        options["extractor_args"] = {"generic": {"impersonate": [""]}}
    return options


def _pause(n: int) -> float:
    """Seconds before retry ``n``: an origin that stumbles gets up in that time, a worker is not held for long."""
    return min(0.25 * 2.0**n, 4.0)
