"""``kubectl reelplane status``: observe, sum up, show; once, or again and again."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Literal

import typer
import yaml

from reelplane_cli.cluster.objects import Json
from reelplane_cli.cluster.observe import observe, platforms
from reelplane_cli.cluster.paint import Paint
from reelplane_cli.cluster.screen import screen
from reelplane_cli.cluster.session import Connection, Session, run
from reelplane_cli.cluster.summary import summarise

Form = Literal["text", "json", "yaml"]

_EVERY = 2.0
"""Seconds between two looks of --watch: the platform's own figures change once a second at most."""
_HOME = "\x1b[H\x1b[2J"


def status(connection: Connection, name: str | None, *, form: Form, watch: bool, paint: Paint) -> bool:
    """Print it. True when everything shown is Ready. With ``watch`` it ends by Ctrl-C only, and then is True."""
    if watch:
        try:
            run(connection, lambda session: _again_and_again(session, name, form, paint))
        except KeyboardInterrupt:
            return True
    summaries = run(connection, lambda session: _look(session, name))
    typer.echo(_text(summaries, form, paint))
    return all(each["platform"]["ready"] for each in summaries)


async def _again_and_again(session: Session, name: str | None, form: Form, paint: Paint) -> None:
    while True:
        text = _text(await _look(session, name), form, paint)
        if sys.stdout.isatty():
            text = f"{_HOME}{text}\n\n{paint(time.strftime('%H:%M:%S') + ', Ctrl-C ends', 'faint')}"
        typer.echo(text)
        await asyncio.sleep(_EVERY)


async def _look(session: Session, name: str | None) -> list[Json]:
    found = await platforms(session, name)
    return [summarise(seen) for seen in await asyncio.gather(*(observe(session, each) for each in found))]


def _text(summaries: list[Json], form: Form, paint: Paint) -> str:
    if form == "json":
        return json.dumps(summaries, indent=2)
    if form == "yaml":
        return yaml.safe_dump(summaries, sort_keys=False).rstrip()
    return ("\n\n" + paint("─" * 40, "faint") + "\n\n").join(screen(each, paint) for each in summaries)
