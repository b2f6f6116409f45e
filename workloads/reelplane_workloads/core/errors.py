"""What can go wrong, each with a stable code, an HTTP status, and a way out for the person who reads it.

One hierarchy for the workloads: a ``Problem`` is raised where something is found wrong and travels unchanged
through the child's pipe, the database row and the HTTP answer (RFC 9457 problem+json).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Code(StrEnum):
    """Stable machine-readable codes. Never renamed; documented in docs/errors.md (generated from CATALOGUE)."""

    # What the client sent
    INVALID_REQUEST = "invalid_request"
    MALFORMED_URL = "malformed_url"
    UNSUPPORTED_SCHEME = "unsupported_scheme"
    PRIVATE_ADDRESS = "private_address"
    UNAUTHORIZED = "unauthorized"
    JOB_NOT_FOUND = "job_not_found"
    MEDIA_NOT_FOUND = "media_not_found"
    SIGNATURE_INVALID = "signature_invalid"
    SIGNATURE_EXPIRED = "signature_expired"
    RANGE_NOT_SATISFIABLE = "range_not_satisfiable"
    RATE_LIMITED = "rate_limited"
    # What the origin did
    UNSUPPORTED_SITE = "unsupported_site"
    IS_PLAYLIST = "is_playlist"
    LIVE_STREAM = "live_stream"
    DRM_PROTECTED = "drm_protected"
    LOGIN_REQUIRED = "login_required"
    GEO_BLOCKED = "geo_blocked"
    ORIGIN_NOT_FOUND = "origin_not_found"
    ORIGIN_REFUSED = "origin_refused"
    ORIGIN_RATE_LIMITED = "origin_rate_limited"
    ORIGIN_UNREACHABLE = "origin_unreachable"
    ORIGIN_RESET = "origin_reset"
    ORIGIN_TIMEOUT = "origin_timeout"
    TOO_LARGE = "too_large"
    TOO_LONG = "too_long"
    CORRUPT_MEDIA = "corrupt_media"
    UNSUPPORTED_MEDIA = "unsupported_media"
    # What happened to the work
    PROXY_FAILED = "proxy_failed"
    EXTRACTOR_ERROR = "extractor_error"
    JOB_TIMEOUT = "job_timeout"
    WORKER_LOST = "worker_lost"
    CANCELLED = "cancelled"
    DISK_FULL = "disk_full"
    ISOLATION_UNAVAILABLE = "isolation_unavailable"
    # What the platform is in
    UNAVAILABLE = "unavailable"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the catalogue. ``transient``: another attempt, later or by another worker, may succeed.

    ``extractor``: what an extractor that no longer understands its site makes of it (``blames_extractor``).
    """

    status: int
    title: str
    way_out: str
    transient: bool = False
    extractor: bool = False


CATALOGUE: dict[Code, Entry] = {
    Code.INVALID_REQUEST: Entry(
        422, "The request is not valid", "Correct the named field and send it again."
    ),
    Code.MALFORMED_URL: Entry(
        422, "Not a URL", "Send an absolute http(s) URL, e.g. https://example.com/v/1."
    ),
    Code.UNSUPPORTED_SCHEME: Entry(422, "Only http and https", "Send the page's http(s) URL."),
    Code.PRIVATE_ADDRESS: Entry(
        422,
        "The address is not public",
        "Private origins are reached only when VideoPlatform spec.egress.allow names them.",
    ),
    Code.UNAUTHORIZED: Entry(401, "Who are you?", "Send 'Authorization: Bearer <API key>'."),
    Code.JOB_NOT_FOUND: Entry(
        404, "No such job", "Jobs are seen only by who asked for them, for 1 h by default."
    ),
    Code.MEDIA_NOT_FOUND: Entry(
        404, "No such media", "It may have passed its retention: ask for the URL again."
    ),
    Code.SIGNATURE_INVALID: Entry(403, "The signature does not match", "Take a fresh link from the job."),
    Code.SIGNATURE_EXPIRED: Entry(403, "The link has expired", "Take a fresh link from the job."),
    Code.RANGE_NOT_SATISFIABLE: Entry(416, "No such range", "Ask for a range inside the size given."),
    Code.RATE_LIMITED: Entry(429, "Too many requests", "Wait for the seconds in Retry-After."),
    Code.UNSUPPORTED_SITE: Entry(
        422, "No video was found there", "Send the page that plays the video.", extractor=True
    ),
    Code.IS_PLAYLIST: Entry(422, "This is a playlist", 'Send it with "playlist": true to get a set of jobs.'),
    Code.LIVE_STREAM: Entry(422, "This is a live stream", "Ask again when the recording is published."),
    Code.DRM_PROTECTED: Entry(422, "Protected by DRM", "Protected videos cannot be downloaded."),
    Code.LOGIN_REQUIRED: Entry(
        422, "The site wants a login", "The operator can provide cookies for this site."
    ),
    Code.GEO_BLOCKED: Entry(
        422, "Not available in this country", "A ProxyPool with another country may reach it."
    ),
    Code.ORIGIN_NOT_FOUND: Entry(422, "The site says it does not exist", "Check the URL in a browser."),
    Code.ORIGIN_REFUSED: Entry(
        422, "The site refused", "It may be private; check the URL in a private window."
    ),
    Code.ORIGIN_RATE_LIMITED: Entry(503, "The site asks to slow down", "Try again later.", transient=True),
    Code.ORIGIN_UNREACHABLE: Entry(502, "The site cannot be reached", "Try again later.", transient=True),
    Code.ORIGIN_RESET: Entry(502, "The site broke the transfer off", "Try again later.", transient=True),
    Code.ORIGIN_TIMEOUT: Entry(504, "The site is too slow", "Try again later.", transient=True),
    Code.TOO_LARGE: Entry(
        422, "The file is too large", "VideoPipeline spec.sources.url.maxSize sets the limit."
    ),
    Code.TOO_LONG: Entry(
        422, "The video is too long", "VideoPipeline spec.sources.url.maxDuration sets the limit."
    ),
    Code.CORRUPT_MEDIA: Entry(422, "What came is not playable", "Check whether it plays at the site."),
    Code.UNSUPPORTED_MEDIA: Entry(
        422, "Not audio or video that is served here", "Send another URL.", extractor=True
    ),
    Code.PROXY_FAILED: Entry(502, "No egress proxy could reach the site", "Try again later.", transient=True),
    Code.EXTRACTOR_ERROR: Entry(
        502, "The extractor failed", "The site may have changed; try later.", transient=True, extractor=True
    ),
    Code.JOB_TIMEOUT: Entry(
        504, "The job took too long", "VideoPipeline spec.workers.download.jobTimeout sets the limit."
    ),
    Code.WORKER_LOST: Entry(
        500, "The workers that ran it died", "Try again; if it persists tell the operator.", transient=True
    ),
    Code.CANCELLED: Entry(410, "Cancelled", "Send the URL again to start anew."),
    Code.DISK_FULL: Entry(
        503, "No room to store it", "The operator must free or add storage.", transient=True
    ),
    Code.ISOLATION_UNAVAILABLE: Entry(
        503,
        "The sandbox cannot be set up",
        "Set egress.isolation to Auto, or allow user namespaces on the host.",
    ),
    Code.UNAVAILABLE: Entry(
        503, "Not available right now", "Wait for the seconds in Retry-After.", transient=True
    ),
    Code.INTERNAL: Entry(500, "A fault of ours", "Report it with the request id.", transient=True),
}


GENERIC = "generic"
"""The extractor that takes any page, in lower case."""


def blames_extractor(code: Code, site: str) -> bool:
    """Whether a failure counts against the extractor's version. ``site``: the extractor chosen; empty: none yet.

    A fault of its own always does. That there is no video, or none in a format, does where the site's own extractor
    was at work, which knows what such a page should hold; from the generic one it is what most pages deserve. What the
    client asked for (too large, not found, a login, cancelled), what the way there did (refused, reset, timed out,
    proxies) and what the platform is in never do.
    """
    return CATALOGUE[code].extractor and (code is Code.EXTRACTOR_ERROR or site.lower() not in ("", GENERIC))


class Problem(Exception):
    """Something a person should be told.

    ``detail`` says what and where in words, ``field`` the path of the offending input, ``way_out`` what would
    be right when the catalogue's sentence can be bettered, ``retry_after`` whole seconds.
    """

    def __init__(
        self,
        code: Code,
        detail: str = "",
        *,
        field: str | None = None,
        way_out: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(f"{code.value}: {detail}" if detail else code.value)
        self.code = code
        self.detail = detail or CATALOGUE[code].title
        self.field = field
        self.way_out = way_out or CATALOGUE[code].way_out
        self.retry_after = retry_after

    @property
    def entry(self) -> Entry:
        return CATALOGUE[self.code]

    @property
    def transient(self) -> bool:
        return self.entry.transient
