"""Logs: each line knows which object it is about, because whoever works on an object says so once (``about``).

``json`` writes one object a line for machines, ``console`` an aligned line for people; neither holds a credential.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Literal, NamedTuple, TextIO

Style = Literal["json", "console"]


class ObjectKey(NamedTuple):
    """The object that is being worked on."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.namespace}/{self.name}"


_current: ContextVar[ObjectKey | None] = ContextVar("object", default=None)

_SECRETS = (
    # Credentials before an address, tokens in headers, and the fields of a kubeconfig.
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^\s/@]+@"), r"\1***@"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[a-z0-9+/=._~-]{8,}"), r"\1 ***"),
    (re.compile(r"(?i)\b(token|password|[a-z]+-key-data)(['\"]?\s*[:=]\s*['\"]?)[^\s'\",}]+"), r"\1\2***"),
)
_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


@contextmanager
def about(kind: str, namespace: str, name: str) -> Iterator[None]:
    """Within: log records of this task, and of tasks that it starts, are about that object."""
    token = _current.set(ObjectKey(kind, namespace, name))
    try:
        yield
    finally:
        _current.reset(token)


def redact(text: str) -> str:
    """``text`` without credentials."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


class JsonFormatter(logging.Formatter):
    """Time (RFC 3339, UTC), level, logger, message, kind, namespace, name, and the fields given as ``extra``."""

    def format(self, record: logging.LogRecord) -> str:
        key = _current.get()
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redact(record.getMessage()),
            **(key._asdict() if key else {}),
            **_fields(record),
        }
        if record.exc_info:
            entry["exception"] = redact(self.formatException(record.exc_info))
        return json.dumps(entry, default=str)


class ConsoleFormatter(logging.Formatter):
    """Level, the object, the message, then the fields as ``name=value``."""

    def format(self, record: logging.LogRecord) -> str:
        key = _current.get()
        fields = "".join(f" {name}={value}" for name, value in _fields(record).items())
        text = f"{record.levelname.lower():7} {f'{key}: ' if key else ''}{record.getMessage()}{fields}"
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return redact(text)


def setup(*, level: str = "INFO", style: Style = "json", stream: TextIO | None = None) -> None:
    """Send all logs of this process to ``stream`` (stderr)."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter() if style == "json" else ConsoleFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for noisy in ("asyncio", "aiohttp", "kubernetes"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _fields(record: logging.LogRecord) -> dict[str, object]:
    return {
        name: redact(value) if isinstance(value, str) else value
        for name, value in record.__dict__.items()
        if name not in _STANDARD
    }
