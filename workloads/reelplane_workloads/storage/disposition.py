"""Titles from strangers as file names: what a browser is told to call the file that it saves.

A title decides nothing on the server, where names are content hashes. It reaches the user's disk, though, through
Content-Disposition, so it is reduced to what is harmless on every desktop and then encoded (RFC 6266, RFC 8187).
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote

MAX_BYTES = 180
"""UTF-8 bytes of a file name. File systems end at 255; browsers append ' (1)' and '.crdownload'."""

FALLBACK = "video"

_UNSAFE = re.compile(r'[\\/:*?"<>|%]+')
"""Path separators, what Windows refuses, and % which some browsers decode in the plain form (RFC 6266 section 4.3)."""
_SPACES = re.compile(r"\s+")
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?", re.IGNORECASE)
"""Device names on Windows, also with an extension."""
_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,5}\Z")


def safe_filename(name: str) -> str:
    """``name`` as one harmless path component of at most MAX_BYTES bytes; never empty, idempotent.

    Removed: control and format characters (CR, LF, NUL, bidirectional overrides that disguise an extension),
    unassigned and private code points, lone surrogates. Replaced by ``_``: separators and what Windows refuses.
    Leading and trailing dots, spaces and dashes go: no hidden file, nothing that a shell reads as an option.
    """
    text = "".join(char for char in name if char.isspace() or unicodedata.category(char)[0] != "C")
    text = _SPACES.sub(" ", text)
    text = _UNSAFE.sub("_", unicodedata.normalize("NFC", text))
    found = _EXTENSION.search(text)
    extension = found.group() if found else ""
    stem = text[: -len(extension)] if extension else text
    stem = _cut(stem.strip(" .-"), MAX_BYTES - len(extension) - 1).strip(" .-") or FALLBACK
    if _RESERVED.fullmatch(stem):
        stem = "_" + stem
    return stem + extension


def _cut(text: str, size: int) -> str:
    """``text`` cut to ``size`` UTF-8 bytes between characters."""
    return text.encode()[:size].decode(errors="ignore")


def content_disposition(filename: str | None, *, inline: bool) -> str:
    """The header's value: shown in place or saved, under a name if one is given.

    Both forms of the name are sent: an ASCII one for old clients and the UTF-8 one, which wins (RFC 6266).
    """
    kind = "inline" if inline else "attachment"
    if filename is None:
        return kind
    name = safe_filename(filename)
    plain = "".join(char if char.isascii() else "_" for char in name)
    value = f'{kind}; filename="{plain}"'
    if plain != name:
        value += f"; filename*=UTF-8''{quote(name, safe='')}"
    return value
