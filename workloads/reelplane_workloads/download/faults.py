"""What an exception out of yt-dlp, the network or the disk means to the person who waits. Pure.

Exceptions are told apart by class name, not by class: yt-dlp is renewed apart from the platform, and only the
child has it. Where yt-dlp leaves only text, its sentences are matched; they are quoted in the tests from the
version that the lock names.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator

from reelplane_workloads.core.errors import Code, Problem
from reelplane_workloads.download.text import detail

_BY_STATUS = {
    401: Code.LOGIN_REQUIRED,
    404: Code.ORIGIN_NOT_FOUND,
    407: Code.PROXY_FAILED,
    408: Code.ORIGIN_TIMEOUT,
    410: Code.ORIGIN_NOT_FOUND,
    429: Code.ORIGIN_RATE_LIMITED,
    451: Code.GEO_BLOCKED,
    503: Code.ORIGIN_UNREACHABLE,
    504: Code.ORIGIN_TIMEOUT,
}

_BY_ERRNO = {
    errno.ENOSPC: Code.DISK_FULL,
    errno.EDQUOT: Code.DISK_FULL,
    errno.EFBIG: Code.TOO_LARGE,
    errno.ECONNRESET: Code.ORIGIN_RESET,
    errno.EPIPE: Code.ORIGIN_RESET,
    errno.ETIMEDOUT: Code.ORIGIN_TIMEOUT,
    errno.ECONNREFUSED: Code.ORIGIN_UNREACHABLE,
    errno.EHOSTUNREACH: Code.ORIGIN_UNREACHABLE,
    errno.ENETUNREACH: Code.ORIGIN_UNREACHABLE,
}

_BY_CLASS = (
    ("GeoRestrictedError", Code.GEO_BLOCKED),
    ("UserNotLive", Code.LIVE_STREAM),
    ("UnsupportedError", Code.UNSUPPORTED_SITE),
    ("IncompleteRead", Code.ORIGIN_RESET),
    ("ContentTooShortError", Code.ORIGIN_RESET),
    ("ConnectionResetError", Code.ORIGIN_RESET),
    ("RemoteDisconnected", Code.ORIGIN_RESET),
    ("ProtocolError", Code.ORIGIN_RESET),
    ("TimeoutError", Code.ORIGIN_TIMEOUT),
    ("CertificateVerifyError", Code.ORIGIN_UNREACHABLE),
    ("SSLError", Code.ORIGIN_UNREACHABLE),
    ("gaierror", Code.ORIGIN_UNREACHABLE),
    ("ProxyError", Code.ORIGIN_UNREACHABLE),
    ("FFmpegPostProcessorError", Code.UNSUPPORTED_MEDIA),
)

_BY_TEXT = tuple(
    (re.compile(pattern, re.IGNORECASE), code)
    for pattern, code in (
        (r"no space left on device|disk quota exceeded", Code.DISK_FULL),
        (r"file too large", Code.TOO_LARGE),
        (r"\bdrm\b", Code.DRM_PROTECTED),
        (r"available (?:in|from) your (?:country|location|region)|geo.?restrict", Code.GEO_BLOCKED),
        (
            r"(?:is|are) (?:currently )?live\b|live ?stream|premieres? in|live event will begin",
            Code.LIVE_STREAM,
        ),
        (
            r"sign in|log ?in|registered users|authentication|cookies|members?-only|confirm your age",
            Code.LOGIN_REQUIRED,
        ),
        (
            r"no video formats found|unsupported url|no video could be found|no media found",
            Code.UNSUPPORTED_SITE,
        ),
        (r"requested format is not available|ffmpeg (?:is )?not (?:found|installed)", Code.UNSUPPORTED_MEDIA),
        (
            r"video unavailable|has been removed|does not exist|no longer available|not found",
            Code.ORIGIN_NOT_FOUND,
        ),
        (r"private|forbidden|access denied|anti-bot", Code.ORIGIN_REFUSED),
        (r"timed out|timeout", Code.ORIGIN_TIMEOUT),
        (
            r"connection (?:reset|aborted|broken)|bytes read|bytes, expected|remote end closed",
            Code.ORIGIN_RESET,
        ),
        (
            r"connection refused|name or service not known|unable to connect|failed to resolve",
            Code.ORIGIN_UNREACHABLE,
        ),
    )
)

_STATUS_IN_TEXT = re.compile(r"HTTP Error (\d{3})")


def problem_of(error: BaseException, secrets: tuple[str, ...] = ()) -> Problem:
    """The Problem that ``error``, or what caused it, amounts to. ``secrets`` never appear in its detail."""
    chain = list(_chain(error))
    for one in chain:
        if isinstance(one, Problem):
            return one
    words = detail(error, secrets)
    for one in chain:
        code = _code_of(one)
        if code is not None:
            return Problem(code, words)
    said = " ".join(str(one) for one in chain)
    status = _STATUS_IN_TEXT.search(said)
    if status:
        return Problem(_of_status(int(status[1])), words)
    for pattern, code in _BY_TEXT:
        if pattern.search(said):
            return Problem(code, words)
    if any(getattr(one, "expected", False) for one in chain):
        # The extractor understood the site, and the site said no in words that are not known here.
        return Problem(Code.ORIGIN_REFUSED, words)
    return Problem(Code.EXTRACTOR_ERROR, words)


def _code_of(error: BaseException) -> Code | None:
    names = {base.__name__ for base in type(error).__mro__}
    status = getattr(error, "status", None)
    if "HTTPError" in names and isinstance(status, int):
        return _of_status(status)
    if isinstance(error, OSError) and error.errno in _BY_ERRNO:
        return _BY_ERRNO[error.errno]
    return next((code for name, code in _BY_CLASS if name in names), None)


def _of_status(status: int) -> Code:
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return Code.ORIGIN_UNREACHABLE if status >= 500 else Code.ORIGIN_REFUSED


def _chain(error: BaseException) -> Iterator[BaseException]:
    """``error`` and what it came from, nearest first: causes, and the ones that yt-dlp keeps in attributes."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        one = waiting.pop(0)
        if isinstance(one, tuple):
            waiting.extend(one[1:2])
        elif isinstance(one, BaseException) and id(one) not in seen:
            seen.add(id(one))
            yield one
            waiting += [
                getattr(one, "exc_info", None),
                getattr(one, "cause", None),
                one.__cause__,
                one.__context__,
            ]
            waiting += [arg for arg in one.args if isinstance(arg, BaseException)]
