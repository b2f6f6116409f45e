"""yt-dlp, held to extraction and to its own HTTP, HLS and DASH downloaders. Runs in the child only.

``extract`` asks a site, ``fetch`` brings each file of the chosen form into the work folder under a name of ours.
A name is a hash of what the file is, so that a later attempt finds what an earlier one left: whole files and
fragments are taken as they are, a half file goes on by a Range request that the origin honours only when its
file is still the same (If-Range, RFC 9110 section 13.1.5).
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from reelplane_workloads.core.errors import Code, Problem
from reelplane_workloads.download import info as infos
from reelplane_workloads.download.options import NATIVE_DOWNLOADERS
from reelplane_workloads.download.protocol import Limits, Progress

REPORT_EVERY = 0.25
"""Seconds between progress messages: four a second look fluent."""

_VALIDATORS = "validators.json"


@dataclass(frozen=True, slots=True)
class Fetched:
    path: Path
    assembled: bool
    """Strung together from fragments, so without an index of its own."""


class Meter:
    """Adds up what yt-dlp's progress hooks say over all files, reports it now and then, and stops at the size limit.

    Hooks come from several threads at once.
    """

    def __init__(self, limits: Limits, report: Callable[[Progress], None]) -> None:
        self.received = 0
        """Bytes of all files so far."""
        self._limits = limits
        self._report = report
        self._totals: list[int | None] = [None]
        self._part = 0
        self._before = 0
        self._last = 0.0
        self._lock = threading.Lock()

    def expect(self, sizes: list[int | None]) -> None:
        """How many files will come, and their sizes in bytes where the site declares them."""
        self._totals = list(sizes)

    def next_part(self, number: int, before: int) -> None:
        """The file with this number begins; ``before`` bytes are there from the ones ahead of it."""
        self._part, self._before = number, before

    def hook(self, status: dict[str, Any]) -> None:
        """A progress hook of ``YoutubeDL``. Raises Problem(TOO_LARGE)."""
        size = int(status.get("downloaded_bytes") or 0)
        exact = status.get("total_bytes")
        total = exact or status.get("total_bytes_estimate")
        reached = self._before + max(size, int(exact or 0))
        self.received = max(self.received, self._before + size)
        if reached > self._limits.max_size:
            raise infos.too_large(reached, self._limits)
        now = time.monotonic()
        with self._lock:
            if total:
                self._totals[self._part] = int(total)
            if status.get("status") != "downloading" or now - self._last < REPORT_EVERY:
                return
            self._last = now
            known = [each for each in self._totals if each is not None]
            self._report(
                Progress(
                    phase="downloading",
                    bytes=self._before + size,
                    total=sum(known) if len(known) == len(self._totals) else None,
                    speed=status.get("speed"),
                    eta=status.get("eta"),
                    fragment=status.get("fragment_index"),
                    fragments=status.get("fragment_count"),
                )
            )


def choose_extractor(url: str) -> str:
    """The ``ie_key`` of the extractor whose pattern fits ``url``. No network."""
    from yt_dlp.extractor import gen_extractor_classes  # noqa: PLC0415 - the extractor's folder is on the path by now

    return next((str(ie.ie_key()) for ie in gen_extractor_classes() if ie.suitable(url)), "Generic")


class Extractor:
    """One job's ``YoutubeDL``."""

    def __init__(self, options: dict[str, Any]) -> None:
        import yt_dlp  # noqa: PLC0415

        answered = self._answered

        class Ydl(yt_dlp.YoutubeDL):  # type: ignore[misc] # yt-dlp publishes no types
            def urlopen(self, req: Any) -> Any:
                response = super().urlopen(req)
                answered(req if isinstance(req, str) else req.url, response.headers)
                return response

        self._fetching: tuple[str, Path] | None = None
        self._ydl = Ydl(options)

    def extract(self, url: str) -> dict[str, Any]:
        """Everything the site says about ``url``. Raises yt-dlp's exceptions: see ``faults``."""
        info: dict[str, Any] | None = self._ydl.extract_info(url, download=False, process=True)
        if info is None:
            raise Problem(Code.UNSUPPORTED_SITE)
        return info

    def close(self) -> None:
        self._ydl.close()

    def fetch(self, info: dict[str, Any], folder: Path, meter: Meter) -> list[Fetched]:
        """Bring the files of the chosen form into ``folder``. Raises Problem, OSError and yt-dlp's exceptions."""
        fetched: list[Fetched] = []
        parts = infos.parts(info)
        meter.expect([infos.declared_size(part) for part in parts])
        for number, part in enumerate(parts):
            meter.next_part(number, sum(done.path.stat().st_size for done in fetched))
            fetched.append(self._fetch_one(part, folder))
        return fetched

    def _fetch_one(self, part: dict[str, Any], folder: Path) -> Fetched:
        from yt_dlp.downloader import get_suitable_downloader  # noqa: PLC0415

        if urlsplit(str(part.get("url"))).scheme not in ("http", "https"):
            raise Problem(Code.UNSUPPORTED_MEDIA, "the site offers it by a protocol that is not used here")
        downloader = get_suitable_downloader(part, self._ydl.params)
        if downloader is None or downloader.__name__ not in NATIVE_DOWNLOADERS:
            raise Problem(
                Code.UNSUPPORTED_MEDIA, f"it comes by {part.get('protocol')}, which is not used here"
            )
        path = folder / part_name(part)
        if downloader.__name__ == "HttpFD":
            _resume_file(part, path)
            self._fetching = (part["url"], path)
        else:
            _resume_fragments(path)
        try:
            complete, _ = self._ydl.dl(str(path), part)
        finally:
            self._fetching = None
        if not complete or not path.is_file():
            raise Problem(Code.ORIGIN_RESET, "the transfer did not complete")
        return Fetched(path, assembled=downloader.__name__ != "HttpFD")

    def _answered(self, url: str, headers: Any) -> None:
        """Write down, while the file is still on its way, what tells this version of it from a later one."""
        if self._fetching is None or url != self._fetching[0]:
            return
        path = self._fetching[1]
        validator = headers.get("ETag") or headers.get("Last-Modified")
        known = _read_validators(path.parent)
        if validator and not validator.startswith("W/") and known.get(path.name) != validator:
            (path.parent / _VALIDATORS).write_text(json.dumps(known | {path.name: validator}), "utf-8")


def part_name(part: dict[str, Any]) -> str:
    """The server-made name of a file: what it is a file of, and in which form. Never its title or extension."""
    kind = [
        part.get(key) for key in ("extractor_key", "id", "format_id", "protocol", "filesize", "height", "tbr")
    ]
    return "media-" + hashlib.sha256(json.dumps(kind, default=str).encode()).hexdigest()[:16]


def _resume_file(part: dict[str, Any], path: Path) -> None:
    """Go on with a half file only if the origin can tell that it is still the same one."""
    half = path.with_name(path.name + ".part")
    if half.exists():
        validator = _read_validators(path.parent).get(path.name)
        if validator is None:
            half.unlink()
        else:
            part["http_headers"] = {**(part.get("http_headers") or {}), "If-Range": validator}


def _resume_fragments(path: Path) -> None:
    """Assemble anew from the fragments that are there whole: a kill may have struck in the middle of appending one."""
    for suffix in (".part", ".ytdl"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _read_validators(folder: Path) -> dict[str, str]:
    try:
        known = json.loads((folder / _VALIDATORS).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}
