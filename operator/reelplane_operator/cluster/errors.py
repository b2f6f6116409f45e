"""What goes wrong between us and an API server: what was asked, of whom, what it said, and what would be right."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any


class ClusterError(Exception):
    """A request to an API server did not do what it was made for."""


class Unreachable(ClusterError):
    """No answer: the host cannot be found or connected to, hung up, or took too long."""

    def __init__(self, host: str, what: str, why: str) -> None:
        super().__init__(f"{what}: the API server {host} cannot be reached: {why}")
        self.host = host


class BadKubeconfig(ClusterError):
    """Credentials that cannot be used: says which field, and what would be right."""


@dataclass(frozen=True, slots=True)
class Cause:
    """One field that the server refused."""

    field: str
    message: str


class ApiError(ClusterError):
    """The server answered, and the answer is no."""

    hint = ""

    def __init__(
        self, status: int, reason: str, message: str, causes: tuple[Cause, ...] = (), what: str = ""
    ) -> None:
        text = f"{what}: {reason} ({status}): {message}" if what else f"{reason} ({status}): {message}"
        super().__init__(text + (f" ({self.hint})" if self.hint else ""))
        self.status = status
        self.reason = reason
        self.message = message
        self.causes = causes


class NotFound(ApiError):
    """The object, or the namespace it was to be put into, does not exist."""


class Unserved(NotFound):
    """The server has no such resource type at all."""

    hint = "the server does not serve this kind: install its CustomResourceDefinition, or a newer version"


class Conflict(ApiError):
    """Somebody else wrote in between, owns a field, or made the object first."""


class Forbidden(ApiError):
    """The credentials are good, but they do not allow this."""

    hint = "give this user or ServiceAccount a Role with that verb on that resource"


class Unauthorized(ApiError):
    """The credentials are not, or no longer, accepted."""

    hint = "the token or client certificate has expired or belongs to another cluster"


class Invalid(ApiError):
    """The object breaks a rule of its schema or of an admission policy; trying again does not help."""


class Gone(ApiError):
    """The resource version is older than what the server remembers: list again and watch from there."""


class TooManyRequests(ApiError):
    """The server is overloaded and stayed so over all our attempts."""

    def __init__(
        self,
        status: int,
        reason: str,
        message: str,
        causes: tuple[Cause, ...] = (),
        what: str = "",
        *,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(status, reason, message, causes, what)
        self.retry_after = retry_after
        """Seconds that the server asked us to wait, if it said."""


_BY_STATUS: dict[int, type[ApiError]] = {
    400: Invalid,
    401: Unauthorized,
    403: Forbidden,
    409: Conflict,
    410: Gone,
    422: Invalid,
}

_UNTYPED = "failed to create typed patch object"
_UNTYPED_CAUSE = re.compile(r"(?:^|\s)(\.(?:\[[^]]*\]|[^\s:\[])+): ([^\n]+)")


def from_answer(what: str, status: int, body: bytes, retry_after: float | None = None) -> ApiError:
    """The error that an answer means. ``body`` is a ``Status`` object, or whatever stands between sent instead."""
    answer = _status_object(body)
    text = body[:500].decode(errors="replace").strip()
    message = str(answer.get("message") or text or "the server gave no reason")
    reason = str(answer.get("reason") or f"HTTP {status}")
    details: dict[str, Any] = answer.get("details") or {}
    causes = tuple(
        Cause(str(each.get("field", "")), str(each.get("message", "")))
        for each in details.get("causes") or ()
        if isinstance(each, dict)
    )
    if status == 500 and _UNTYPED in message:
        # Server-side apply answers so to a field that its schema does not have, or has with another type.
        causes = tuple(Cause(field, why) for field, why in _UNTYPED_CAUSE.findall(message))
        return Invalid(status, "Invalid", message, causes, what)
    if status == 429:
        return TooManyRequests(status, reason, message, causes, what, retry_after=retry_after)
    if status == 404:
        # An object's absence names the object; a path that nobody serves cannot.
        return (NotFound if details.get("name") else Unserved)(status, reason, message, causes, what)
    return _BY_STATUS.get(status, ApiError)(status, reason, message, causes, what)


def _status_object(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) and answer.get("kind") == "Status" else {}
