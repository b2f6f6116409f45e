"""``kubectl reelplane logs``: the logs of all pods of a platform in one stream.

    pods ─► sources ─► lines (time, pod, text) ─► Filter ─► formatted line

What was written before is merged by time. With --follow each container is then read on as it writes; pods that
come are joined, containers that restart are picked up again. Lines are JSON (the workloads') or plain (stores').
"""

from __future__ import annotations

import asyncio
import heapq
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, MutableMapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from reelplane_cli.cluster.objects import MANAGED, PART_OF, Json, name_of
from reelplane_cli.cluster.observe import platforms
from reelplane_cli.cluster.paint import Paint, Style
from reelplane_cli.cluster.podlogs import Source, follow, page, sources
from reelplane_cli.cluster.session import Connection, Session, run
from reelplane_cli.errors import Failure
from reelplane_cli.exits import WRONG_INPUT

_AT_ONCE = 8
"""Logs that are read at the same time: each is a connection through the API server to a kubelet."""
_LOOK_EVERY = 2.0
"""Seconds between two looks for pods that came."""
_PALETTE: tuple[Style, ...] = ("cyan", "blue", "magenta", "good", "warn")
_LEVELS: dict[str, Style] = {"warning": "warn", "error": "bad", "critical": "bad"}
_OWN_FIELDS = ("time", "level", "logger", "message", "exception")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of the logs: ``needle`` is an id, ``since`` seconds, ``tail`` lines of each container."""

    follow: bool = False
    needle: str | None = None
    since: float = 3600.0
    tail: int = 200
    raw: bool = False


@dataclass(frozen=True, slots=True, order=True)
class Line:
    """One line: ``time`` is RFC 3339 with nanoseconds, which sorts as text."""

    time: str
    pod: str
    text: str


@dataclass(slots=True)
class Filter:
    """Lets lines about one id through. A line that names it beside a flight makes that flight meant, too.

    Workers know flights, people know jobs; the API writes one line that has both when it accepts a job.
    """

    needle: str | None
    flights: set[str] = field(default_factory=set)

    def learn(self, lines: Iterable[Line]) -> None:
        """Find out which flights are meant before anything is shown: a worker's line may be the earlier one."""
        for line in lines:
            self.passes(line)

    def passes(self, line: Line) -> bool:
        if self.needle is None:
            return True
        if self.needle in line.text:
            flight = (parsed(line.text) or {}).get("flight")
            if isinstance(flight, str):
                self.flights.add(flight)
            return True
        return any(flight in line.text for flight in self.flights)


def seconds(text: str) -> float:
    """``90s``, ``15m``, ``2h``, ``1d``, ``1h30m`` in seconds. Raises Failure."""
    parts = re.findall(r"(\d+)([smhd])", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise Failure(
            f"--since {text!r} is not a length of time", "write 90s, 15m, 2h or 1d", code=WRONG_INPUT
        )
    return float(sum(int(number) * _UNITS[unit] for number, unit in parts))


def parsed(text: str) -> dict[str, Any] | None:
    """The fields of a line in JSON; None for any other."""
    if not text.startswith("{"):
        return None
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def show(connection: Connection, name: str | None, wanted: Wanted, paint: Paint, say: Say) -> None:
    """Print what there is; with ``wanted.follow`` until Ctrl-C."""
    try:
        run(connection, lambda session: _show(session, name, wanted, Format(paint, wanted.raw), say))
    except KeyboardInterrupt:
        return


@dataclass(slots=True)
class Format:
    """How a line looks: time of day, pod in its colour, level, message, fields."""

    paint: Paint
    raw: bool
    colours: dict[str, Style] = field(default_factory=dict)
    width: int = 0

    def __call__(self, line: Line) -> str:
        colour = self.colours.setdefault(line.pod, _PALETTE[len(self.colours) % len(_PALETTE)])
        self.width = max(self.width, len(line.pod))
        prefix = self.paint(f"{line.pod:<{self.width}}", colour)
        if self.raw:
            return f"{prefix}  {line.text}"
        fields = parsed(line.text)
        if fields is None:
            return f"{prefix}  {self.paint(line.time[11:23], 'faint')}  {line.text}"
        level = str(fields.get("level", "info"))
        extra = " ".join(f"{key}={value}" for key, value in fields.items() if key not in _OWN_FIELDS)
        text = f"{prefix}  {self.paint(line.time[11:23], 'faint')}  "
        text += f"{self.paint(f'{level:<7}', _LEVELS.get(level, ''))}  {fields.get('message', '')}"
        if extra:
            text += "  " + self.paint(extra, "faint")
        if trouble := fields.get("exception"):
            text += "\n" + str(trouble)
        return text


async def _show(session: Session, name: str | None, wanted: Wanted, form: Format, say: Say) -> None:
    names = [name_of(each) for each in await platforms(session, name)]
    chosen = Filter(wanted.needle)
    started = datetime.now(UTC)
    read = await _pages(session, await _sources(session, names), wanted)
    lines = list(heapq.merge(*(sorted(each) for each in read.values())))
    chosen.learn(lines)
    for line in lines:
        if chosen.passes(line):
            say(form(line))
    if wanted.follow:
        # What writes nothing yet is read from where this began.
        since = (started - timedelta(seconds=_LOOK_EVERY)).isoformat()
        ends = defaultdict(lambda: since, {source: each[-1].time for source, each in read.items() if each})
        await _follow(session, names, ends, lambda line: say(form(line)) if chosen.passes(line) else None)


async def _sources(session: Session, names: list[str]) -> list[Source]:
    listed = await asyncio.gather(*(_pods(session, name) for name in names))
    return [source for pods in listed for pod in pods for source in sources(pod)]


async def _pods(session: Session, platform: str) -> list[Json]:
    return await session.listed("v1", "Pod", f"{PART_OF}={platform},{MANAGED}")


async def _pages(session: Session, wanted_of: list[Source], wanted: Wanted) -> dict[Source, list[Line]]:
    from reelplane_operator.cluster.errors import ApiError  # noqa: PLC0415 - only with the extra

    room = asyncio.Semaphore(_AT_ONCE)

    async def read(source: Source) -> list[Line]:
        lines: list[str] = []
        async with room:
            try:
                if source.ended_before:
                    # What ended a container stands in the log of its earlier run.
                    lines += await page(session, source, tail=wanted.tail, since=wanted.since, previous=True)
                lines += await page(session, source, tail=wanted.tail, since=wanted.since)
            except ApiError as error:
                # A pod may go, or its node be away, while the others are read.
                return [Line(datetime.now(UTC).isoformat(), source.label, f"its log cannot be read: {error}")]
        return [_line(source, text) for text in lines]

    return dict(zip(wanted_of, await asyncio.gather(*map(read, wanted_of)), strict=True))


def _line(source: Source, text: str) -> Line:
    time, _, rest = text.partition(" ")
    return Line(time, source.label, rest)


async def _follow(
    session: Session, names: list[str], ends: MutableMapping[Source, str], show_line: Callable[[Line], None]
) -> None:
    """Read each container on from the time in ``ends``, and look for containers that come. Never returns."""
    from reelplane_operator.cluster.errors import ClusterError  # noqa: PLC0415 - only with the extra

    running: dict[Source, asyncio.Task[None]] = {}

    async def read(source: Source) -> None:
        try:
            async for text in follow(session, source, after=ends[source]):
                line = _line(source, text)
                ends[source] = line.time
                show_line(line)
        except ClusterError:
            return  # A silent stream is cut, a pod goes: the next look joins what still runs.

    async with asyncio.TaskGroup() as group:
        while True:
            for source in await _sources(session, names):
                task = running.get(source)
                if task is None or task.done():
                    running[source] = group.create_task(read(source))
            await asyncio.sleep(_LOOK_EVERY)
