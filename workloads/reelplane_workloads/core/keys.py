"""From a URL as people paste it to the keys under which work and results are shared.

Two keys, two stages of single flight:

- the **URL key** is known before any network traffic: a hash of the normalised URL, the options, and what
  else changes the answer (egress country, cookie jar). Different spellings of one URL meet here.
- the **identity key** is known after extraction: extractor and id, so that different URLs of one video meet.
  It must never join two videos, so only extractors whose ids are known to be unique across the whole site
  are keyed by id; all others (``generic`` takes a file's base name) are keyed by their URL key.

Normalisation serves the keys only. What is fetched is the URL as the first client sent it.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
import socket
from collections.abc import Iterable, Sequence
from urllib.parse import SplitResult, urlsplit, urlunsplit

from reelplane_workloads.core.errors import Code, Problem
from reelplane_workloads.store.model import FlightKind, Options

MAX_URL = 2048
"""Characters; the practical limit of browsers and caches (RFC 9110 section 4.1 asks for 8000 as a minimum)."""

_TRACKING = frozenset(
    [
        "fbclid",
        "gclid",
        "dclid",
        "gbraid",
        "wbraid",
        "msclkid",
        "yclid",
        "igsh",
        "igshid",
        "mc_cid",
        "mc_eid",
        "ttclid",
        "twclid",
        "li_fat_id",
        "_ga",
        "_gl",
    ]
)
"""Parameters that advertising systems add to links; no site selects a video by them."""

_TRACKING_BY_SITE = {
    "youtube.com": frozenset({"si", "feature", "pp", "ab_channel"}),
    "youtu.be": frozenset({"si", "feature"}),
    "instagram.com": frozenset({"hl"}),
    "tiktok.com": frozenset({"is_from_webapp", "sender_device", "_r", "_t"}),
    "twitter.com": frozenset({"s", "t", "ref_src"}),
    "x.com": frozenset({"s", "t", "ref_src"}),
}

GLOBALLY_UNIQUE_IDS = frozenset(
    {
        "bilibili",
        "dailymotion",
        "facebook",
        "facebookreel",
        "instagram",
        "reddit",
        "soundcloud",
        "streamable",
        "tiktok",
        "twitchclips",
        "twitchvod",
        "twitter",
        "vimeo",
        "youtube",
    }
)
"""Extractors (yt-dlp's ``ie_key`` in lower case) whose ids name one video on one site. An allow-list: a new
extractor shares less until it was looked at, instead of serving a stranger's video."""

_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_PERCENT = re.compile(r"%([0-9A-Fa-f]{2})")
_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?")
_SMUGGLE = "__youtubedl_smuggle"


def normalise(url: str) -> str:
    """The spelling under which equal URLs are equal (RFC 3986 section 6.2, plus tracking parameters).

    Lower-cases scheme and host, writes numeric hosts as dotted quads, drops default ports, tracking parameters
    and fragments that only a browser sees, and orders query parameters by name (repeated names keep their
    order). Raises Problem: MALFORMED_URL or UNSUPPORTED_SCHEME, naming the field ``url``.
    """
    parts = _split(url)
    host = _host(parts)
    port = _port(parts)
    default = {"http": 80, "https": 443}[parts.scheme.lower()]
    netloc = f"[{host}]" if ":" in host else host
    if port is not None and port != default:
        netloc += f":{port}"
    fragment = parts.fragment if parts.fragment.startswith(("!", "/")) else ""
    path = _path(_percent(parts.path))
    return urlunsplit((parts.scheme.lower(), netloc, path, _query(parts.query, host), fragment))


def literal_address(normalised: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address in a normalised URL whose host is one; None for a name. Lets a private literal be refused early."""
    try:
        return ipaddress.ip_address(urlsplit(normalised).hostname or "")
    except ValueError:
        return None


def site_of(normalised: str) -> str:
    """The host of a normalised URL without ``www.`` or ``m.``: what cookie jars are matched against."""
    host = urlsplit(normalised).hostname or ""
    return host.removeprefix("www.").removeprefix("m.")


def jar_for(host: str, jars: Iterable[str]) -> str:
    """The cookie jar (a site such as ``example.com``) for ``host``: the longest that is the host or a parent of it.

    Returns the empty string when none matches. ``example.com`` never matches ``badexample.com``.
    """
    fitting = [jar for jar in jars if host == jar or host.endswith("." + jar)]
    return max(fitting, key=len, default="")


def url_key(kind: FlightKind, normalised: str, options: Options, *, variant: str = "") -> str:
    """32 hex digits (128 bits of SHA-256). ``variant`` is what else decides the answer: see ``variant_of``."""
    parts = [
        kind.value,
        normalised,
        options.format,
        options.max_height,
        options.playlist,
        options.item,
        variant,
    ]
    return _digest(parts)


def variant_of(*, country: str | None, jar: str) -> str:
    """Sites answer by egress country and by who is logged in: both are part of every key."""
    return f"{country or ''}/{jar}"


def identity_key(extractor: str, video_id: str, options: Options, *, url_key: str, variant: str = "") -> str:
    """Canonical identity ``<extractor>:<32 hex>`` of a result: the same video in the same form, and nothing else."""
    name = re.sub(r"[^a-z0-9]", "", extractor.lower()) or "generic"
    unique = name in GLOBALLY_UNIQUE_IDS and bool(video_id)
    if unique:
        return f"{name}:{_digest([name, video_id, options.format, options.max_height, variant])}"
    return f"{name}:{_digest([name, url_key])}"


def _digest(parts: Sequence[str | int | bool | None]) -> str:
    return hashlib.sha256(json.dumps(list(parts), ensure_ascii=True).encode()).hexdigest()[:32]


def _split(url: str) -> SplitResult:
    text = url.strip()
    if not text:
        raise _malformed("the URL is empty")
    if len(text) > MAX_URL:
        raise _malformed(f"the URL has {len(text)} characters; {MAX_URL} are allowed")
    if any(ch.isspace() or ord(ch) < 0x20 or ord(ch) == 0x7F or ch == "\\" for ch in text):
        raise _malformed("the URL contains white space, a control character or a backslash")
    if _SMUGGLE in text:
        raise _malformed("the URL carries extractor instructions")
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise _malformed(str(error)) from None
    if parts.scheme.lower() not in ("http", "https"):
        if not parts.scheme or "." in parts.scheme:
            raise _malformed("the URL does not start with https:// or http://")
        raise Problem(Code.UNSUPPORTED_SCHEME, f"the scheme is {parts.scheme[:20]!r}", field="url")
    if "@" in parts.netloc:
        raise _malformed("the URL carries a user name or password")
    return parts


def _host(parts: SplitResult) -> str:
    try:
        host = (parts.hostname or "").rstrip(".")
    except ValueError as error:
        raise _malformed(str(error)) from None
    if ":" in host:
        try:
            return str(ipaddress.IPv6Address(host))
        except ValueError:
            raise _malformed("the host is not an IPv6 address") from None
    try:
        # Before anything is judged: compatibility mapping makes digits and dots of many other characters.
        ascii_host = host if host.isascii() else host.encode("idna").decode("ascii").rstrip(".")
    except UnicodeError:
        raise _malformed("the host name is not valid") from None
    if ascii_host and (ascii_host[-1].isdigit() or ascii_host.rpartition(".")[2].startswith("0x")):
        # Hosts that end in a number are IPv4 addresses in one of their spellings (WHATWG URL, "ends in a number").
        try:
            return str(ipaddress.IPv4Address(socket.inet_aton(ascii_host)))
        except OSError:
            pass
    if not _HOST.fullmatch(ascii_host) or len(ascii_host) > 253 or ".." in ascii_host:
        raise _malformed("the host name is not valid" if host else "the URL has no host")
    return ascii_host


def _port(parts: SplitResult) -> int | None:
    try:
        port = parts.port
    except ValueError:
        raise _malformed("the port is not a number from 1 to 65535") from None
    if port == 0:
        raise _malformed("the port is not a number from 1 to 65535")
    return port


def _percent(text: str) -> str:
    """Decode unreserved characters, upper-case the rest: RFC 3986 section 6.2.2."""

    def one(match: re.Match[str]) -> str:
        char = chr(int(match[1], 16))
        return char if char in _UNRESERVED else match[0].upper()

    return _PERCENT.sub(one, text)


def _path(path: str) -> str:
    """Remove dot segments: RFC 3986 section 5.2.4."""
    out: list[str] = []
    segments = path.split("/")[1:] if path else [""]
    for segment in segments:
        if segment == "..":
            out = out[:-1]
        elif segment != ".":
            out.append(segment)
    if segments[-1] in (".", ".."):
        out.append("")
    return "/" + "/".join(out)


def _query(query: str, host: str) -> str:
    site = host.removeprefix("www.").removeprefix("m.").removeprefix("mobile.")
    dropped = _TRACKING | _TRACKING_BY_SITE.get(site, frozenset())
    kept = []
    for pair in query.split("&"):
        name = pair.partition("=")[0]
        if pair and name.lower() not in dropped and not name.lower().startswith("utm_"):
            kept.append((_percent(name), _percent(pair)))
    return "&".join(pair for _, pair in sorted(kept, key=lambda item: item[0]))


def _malformed(detail: str) -> Problem:
    return Problem(Code.MALFORMED_URL, detail, field="url")
