"""Exceptions and messages of extractor, network and disk become stable codes, without secrets in the words."""

from __future__ import annotations

import errno
import socket

import pytest

from reelplane_workloads.core.errors import Code, Problem
from reelplane_workloads.download import text
from reelplane_workloads.download.faults import problem_of


class DownloadError(Exception):
    """As yt-dlp's: carries the exception it wraps in ``exc_info``."""

    def __init__(self, message: str, cause: BaseException | None = None) -> None:
        super().__init__(message)
        self.exc_info = (type(cause), cause, None) if cause else (None, None, None)


class ExtractorError(Exception):
    def __init__(self, message: str, *, expected: bool = False, cause: BaseException | None = None) -> None:
        super().__init__(message)
        self.expected, self.cause = expected, cause


class UnsupportedError(ExtractorError):
    pass


class GeoRestrictedError(ExtractorError):
    pass


class TransportError(Exception):
    def __init__(self, message: str, cause: BaseException | None = None) -> None:
        super().__init__(message)
        self.cause = cause


class HTTPError(Exception):
    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP Error {status}: whatever")
        self.status = status


def wrapped(cause: BaseException) -> DownloadError:
    return DownloadError(
        f"ERROR: [generic] Unable to download webpage: {cause}", ExtractorError(str(cause), cause=cause)
    )


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (wrapped(HTTPError(404)), Code.ORIGIN_NOT_FOUND),
        (wrapped(HTTPError(410)), Code.ORIGIN_NOT_FOUND),
        (wrapped(HTTPError(401)), Code.LOGIN_REQUIRED),
        (wrapped(HTTPError(403)), Code.ORIGIN_REFUSED),
        (wrapped(HTTPError(429)), Code.ORIGIN_RATE_LIMITED),
        (wrapped(HTTPError(451)), Code.GEO_BLOCKED),
        (wrapped(HTTPError(500)), Code.ORIGIN_UNREACHABLE),
        (wrapped(HTTPError(504)), Code.ORIGIN_TIMEOUT),
        (wrapped(TransportError("", TimeoutError("timed out"))), Code.ORIGIN_TIMEOUT),
        (wrapped(TransportError("", ConnectionResetError(errno.ECONNRESET, "reset"))), Code.ORIGIN_RESET),
        (
            wrapped(TransportError("", socket.gaierror(-2, "Name or service not known"))),
            Code.ORIGIN_UNREACHABLE,
        ),
        (
            wrapped(TransportError("", ConnectionRefusedError(errno.ECONNREFUSED, "no"))),
            Code.ORIGIN_UNREACHABLE,
        ),
        (
            DownloadError("ERROR: Unsupported URL", UnsupportedError("u", expected=True)),
            Code.UNSUPPORTED_SITE,
        ),
        (DownloadError("ERROR: geo", GeoRestrictedError("g", expected=True)), Code.GEO_BLOCKED),
        (OSError(errno.ENOSPC, "No space left on device"), Code.DISK_FULL),
        (OSError(errno.EFBIG, "File too large"), Code.TOO_LARGE),
        (Problem(Code.TOO_LONG, "700 s"), Code.TOO_LONG),
        (KeyError("player_response"), Code.EXTRACTOR_ERROR),
    ],
)
def test_the_cause_decides_the_code(error: BaseException, code: Code) -> None:
    assert problem_of(error).code is code


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("ERROR: unable to write data: [Errno 28] No space left on device", Code.DISK_FULL),
        ("ERROR: [download] Got error: 1000 bytes read, 5000 more expected", Code.ORIGIN_RESET),
        ("ERROR: [download] Got error: The read operation timed out", Code.ORIGIN_TIMEOUT),
        ("ERROR: [download] Got error: HTTP Error 503: Service Unavailable", Code.ORIGIN_UNREACHABLE),
        ("ERROR: [youtube] abc: Sign in to confirm your age", Code.LOGIN_REQUIRED),
        ("ERROR: [youtube] abc: Private video", Code.ORIGIN_REFUSED),
        ("ERROR: [youtube] abc: Video unavailable", Code.ORIGIN_NOT_FOUND),
        ("ERROR: [x] abc: This video is DRM protected", Code.DRM_PROTECTED),
        ("ERROR: [x] abc: No video formats found!", Code.UNSUPPORTED_SITE),
        ("ERROR: [x] abc: The uploader has not made this video available in your country", Code.GEO_BLOCKED),
        ("ERROR: [youtube] abc: This live event will begin in 3 hours", Code.LIVE_STREAM),
        ("ERROR: [x] abc: some words nobody knows", Code.EXTRACTOR_ERROR),
    ],
)
def test_where_only_words_are_left_they_are_understood(said: str, code: Code) -> None:
    assert problem_of(DownloadError(said)).code is code


def test_a_site_that_says_no_in_unknown_words_refused_and_is_quoted() -> None:
    problem = problem_of(
        DownloadError("ERROR: [x] 1: We do not feel like it", ExtractorError("no", expected=True))
    )
    assert (problem.code, problem.detail) == (Code.ORIGIN_REFUSED, "We do not feel like it")


def test_words_carry_no_secrets_controls_or_length() -> None:
    said = (
        "ERROR: [x] 1: \x1b[31mfailed\x00 at http://job:tok3n@127.0.0.1:9/ and\n"
        "https://cdn.example.com/v.mp4?signature=s1gn\u202e with session abcdef123456 " + "x" * 5000
    )
    shown = problem_of(DownloadError(said), ("abcdef123456",)).detail
    for secret in ("tok3n", "s1gn", "abcdef123456", "\x1b", "\x00", "\n", "\u202e"):
        assert secret not in shown
    assert len(shown) <= text.DETAIL
    assert "failed" in shown


def test_advice_meant_for_yt_dlps_own_users_is_left_out() -> None:
    said = "ERROR: [x] 1: Login needed. Use --cookies-from-browser or --cookies for the authentication"
    assert problem_of(DownloadError(said)).detail == "Login needed"
