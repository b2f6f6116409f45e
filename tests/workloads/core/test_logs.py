"""No secret reaches a log line."""

from __future__ import annotations

import io
import json
import logging

import pytest

from reelplane_workloads.core import logs


@pytest.mark.parametrize(
    "text",
    [
        "via http://user:s3cret@proxy.example:8080",
        "Proxy-Authorization: Basic s3cret",
        "Cookie: sid=s3cret; b=s3cret",
        "GET /v1/media/ab/cd.mp4?expires=1&signature=s3cret",
        "https://b.example/k?X-Amz-Signature=s3cret&x=1",
    ],
)
@pytest.mark.parametrize("style", ["json", "console"])
def test_credentials_are_redacted_in_messages_and_fields(text: str, style: str) -> None:
    stream = io.StringIO()
    root = logging.getLogger()
    before = (root.level, root.handlers[:])
    try:
        logs.setup(style=style, stream=stream)
        logging.getLogger("t").warning("it said %s", text, extra={"line": text})
    finally:
        root.setLevel(before[0])
        root.handlers[:] = before[1]
    assert "s3cret" not in stream.getvalue()
    assert "it said" in stream.getvalue()


def test_a_json_line_carries_the_extra_fields() -> None:
    record = logging.makeLogRecord({"msg": "claimed", "levelname": "INFO", "name": "w", "flight": "f1"})
    entry = json.loads(logs.JsonFormatter().format(record))
    assert (entry["message"], entry["level"], entry["flight"]) == ("claimed", "info", "f1")
