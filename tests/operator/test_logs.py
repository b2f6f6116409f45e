"""Each line knows its object; no line knows a credential."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Iterator

import pytest

from reelplane_operator import logs

logger = logging.getLogger("reelplane_operator.test")


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield io.StringIO()
    root.handlers[:] = before
    root.setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


async def test_lines_of_tasks_that_run_together_are_about_their_own_objects(stream: io.StringIO) -> None:
    logs.setup(stream=stream)

    async def child() -> None:
        logger.info("applied")

    async def work(name: str) -> None:
        with logs.about("VideoPlatform", "media", name):
            await asyncio.sleep(0)
            await asyncio.gather(child())

    await asyncio.gather(work("reels"), work("shorts"))
    logger.info("idle")

    told = [(each.get("kind"), each.get("namespace"), each.get("name")) for each in lines(stream)]
    assert told == [
        ("VideoPlatform", "media", "reels"),
        ("VideoPlatform", "media", "shorts"),
        (None, None, None),
    ]


def test_fields_and_exceptions_are_in_the_line(stream: io.StringIO) -> None:
    logs.setup(stream=stream)
    try:
        raise ValueError("odd")
    except ValueError:
        logger.exception("failed", extra={"attempt": 2})

    [line] = lines(stream)
    assert line["attempt"] == 2
    assert line["level"] == "error"
    assert "ValueError: odd" in str(line["exception"])


def test_a_person_reads_object_message_and_fields(stream: io.StringIO) -> None:
    logs.setup(stream=stream, style="console")
    with logs.about("VideoPipeline", "media", "shorts"):
        logger.warning("drifted", extra={"manager": "mallory"})

    assert stream.getvalue() == "warning VideoPipeline/media/shorts: drifted manager=mallory\n"


@pytest.mark.parametrize("style", ["json", "console"])
@pytest.mark.parametrize(
    "text",
    [
        "postgresql://user:S3CR3TS3CR3T@db/reels",
        "Authorization: Bearer S3CR3TS3CR3T",
        "{'token': 'S3CR3TS3CR3T'}",
        "client-key-data: S3CR3TS3CR3T",
        "password=S3CR3TS3CR3T&x=1",
        '{"token": "S3CR3TS3CR3T"}',
    ],
)
def test_no_credential_is_written(stream: io.StringIO, style: logs.Style, text: str) -> None:
    logs.setup(stream=stream, style=style)
    try:
        raise ValueError(text)
    except ValueError:
        logger.exception("message %s", text, extra={"field": text})

    assert "message" in stream.getvalue()
    assert "S3CR3T" not in stream.getvalue()
