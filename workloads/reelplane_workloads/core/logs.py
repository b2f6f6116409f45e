"""Logs: one JSON object a line for machines, one aligned line for people, and no secret in either.

``setup`` is called once per process. Extra fields are passed as ``logger.info("…", extra={"flight": id})``.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import TextIO

_SECRETS = (
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^\s/@]+@"), r"\1***@"),
    (re.compile(r"(?i)\b((?:proxy-)?authorization|cookie|set-cookie)(['\"]?\s*[:=]\s*)[^\n]*"), r"\1\2***"),
    (re.compile(r"(?i)\b(signature|x-amz-signature|x-amz-credential|token|password)=[^\s&\"']+"), r"\1=***"),
)
_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {
    "message",
    "asctime",
    "taskName",
    "color_message",
}
_COLOURS = {"DEBUG": "2", "INFO": "32", "WARNING": "33", "ERROR": "31", "CRITICAL": "1;31"}


def redact(text: str) -> str:
    """``text`` without credentials in URLs, authorisation or cookie headers, signatures or tokens."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time (RFC 3339, UTC), level, logger, message, and the record's extra fields."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_extra(record),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return redact(json.dumps(entry, default=str))


class ConsoleFormatter(logging.Formatter):
    """For a person at a terminal: level, message, then the extra fields as ``name=value``."""

    def __init__(self, *, colour: bool) -> None:
        super().__init__()
        self._colour = colour

    def format(self, record: logging.LogRecord) -> str:
        level = f"{record.levelname.lower():7}"
        if self._colour:
            level = f"\x1b[{_COLOURS.get(record.levelname, '0')}m{level}\x1b[0m"
        fields = "".join(f" {name}={value}" for name, value in _extra(record).items())
        text = f"{level} {record.getMessage()}{fields}"
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return redact(text)


def setup(*, level: str = "INFO", style: str = "json", stream: TextIO | None = None) -> None:
    """Send all logs of this process to ``stream`` (stderr). ``style``: json, console, or colour."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter() if style == "json" else ConsoleFormatter(colour=style == "colour"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for noisy in ("httpx", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


class Changes:
    """Tells how something fares, one line per change: an outage of minutes is two lines, not hundreds."""

    def __init__(self, log: logging.Logger, what: str) -> None:
        self.what = what
        self._log = log
        self._kind: str | None = None

    def failing(self, reason: str, *, kind: str | None = None) -> None:
        """It does not work, for this reason; told again when the reason changes, or its ``kind`` where one is given."""
        if (kind or reason) != self._kind:
            self._log.warning("%s: %s", self.what, reason)
            self._kind = kind or reason

    def well(self) -> None:
        """It works; told only after it did not."""
        if self._kind is not None:
            self._log.info("%s: well again", self.what)
            self._kind = None


def _extra(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in record.__dict__.items() if name not in _STANDARD}
