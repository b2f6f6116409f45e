"""Text from strangers (titles, error messages) made fit for a log line, a database column and a page. Pure."""

from __future__ import annotations

import re
import unicodedata

from reelplane_workloads.core.logs import redact

TITLE = 200
"""Characters of a title that are kept."""
DETAIL = 240
"""Characters of an error's detail that are kept."""

_QUERY = re.compile(r"(https?://[^\s?#'\"<>]{1,300})[?#][^\s'\"<>]*")
_PREFIX = re.compile(r"^(?:ERROR:\s*)?(?:\[[^\]]{1,60}\]\s*)?(?:[\w-]{1,60}:\s)?")
_ADVICE = re.compile(
    r"(?:; |\. |\s)(?:please report this issue on|See\s+https://github\.com/yt-dlp|Use --|\(caused by).*",
    re.DOTALL,
)


def plain(text: object, limit: int) -> str:
    """One line of at most ``limit`` characters, without control, formatting (bidi) or unassigned characters."""
    kept = "".join(
        " " if ch.isspace() else ch
        for ch in str(text)[: 8 * limit]
        if ch.isspace() or unicodedata.category(ch)[0] != "C"
    )
    line = " ".join(kept.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def title(text: object) -> str:
    return plain(text, TITLE)


def detail(text: object, secrets: tuple[str, ...] = ()) -> str:
    """What an error says to a person: without yt-dlp's prefixes and advice, credentials, or URL parameters.

    ``secrets`` are literal values (cookies) that must not appear.
    """
    line = plain(text, 4 * DETAIL)
    for secret in secrets:
        line = line.replace(secret, "***")
    line = _ADVICE.sub("", _PREFIX.sub("", line, count=1))
    return plain(redact(_QUERY.sub(r"\1?…", line)), DETAIL)
