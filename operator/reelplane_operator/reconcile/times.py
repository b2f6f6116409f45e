"""Times as statuses write them: RFC 3339, UTC, whole seconds. Nobody here asks a clock."""

from __future__ import annotations

from datetime import UTC, datetime


def text(seconds: float) -> str:
    """Seconds since 1970 as ``2026-11-21T13:37:00Z``."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds(text: str) -> float:
    """The seconds since 1970 of such a text."""
    return datetime.fromisoformat(text).timestamp()
