"""A playlist becomes a set of jobs: one per entry for every job that asked for the playlist."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, insert, select

from reelplane_crds.runtime import Retention

from . import accept, rows
from .endings import by_ids, complete_with
from .model import Entry, Flight, FlightKind, FlightState, Medium, Priority
from .schema import flights, jobs, now

_ASKED = select(jobs.c.id, jobs.c.principal).where(
    jobs.c.flight_id == bindparam("playlist_id"), jobs.c.cancelled_at.is_(None)
)
_LANDED = insert(flights).values(
    state=FlightState.DONE.value,
    attempt=0,
    failures=0,
    priority=int(Priority.LOW),
    kind=FlightKind.DOWNLOAD.value,
    not_before=now(),
    created_at=now(),
    started_at=now(),
    finished_at=now(),
)


def expand(
    connection: Connection,
    flight_id: str,
    fence: int,
    *,
    title: str,
    entries: Sequence[Entry],
    retention: Retention,
) -> list[Flight] | None:
    """See Repository.expand_playlist."""
    summary = {"playlist": {"title": title, "count": len(entries)}}
    if not complete_with(connection, flight_id, fence, summary):
        return None
    first: dict[str, Entry] = {}
    for entry in entries:
        first.setdefault(entry.url_key, entry)
    works = {
        key: accept.Work(FlightKind.DOWNLOAD, entry.url, entry.options, Priority.LOW)
        for key, entry in first.items()
    }
    found = accept.resolve(connection, works, retention)
    flight_of = {key: join.flight_id for key, join in found.joined.items()}
    for key, medium in found.media.items():
        flight_of[key] = _landed(connection, first[key], medium)
    new_jobs = []
    asked = connection.execute(_ASKED, {"playlist_id": flight_id}).all()
    for position, entry in enumerate(first.values(), start=1):
        options = rows.dump_options(entry.options)
        new_jobs += [
            accept.job_row(
                principal=parent.principal,
                flight_id=flight_of[entry.url_key],
                url=entry.url,
                options=options,
                parent_id=parent.id,
                position=position,
            )
            for parent in asked
        ]
    accept.add_jobs(connection, new_jobs)
    return list(by_ids(connection, [join.flight_id for join in found.joined.values() if join.created]))


def _landed(connection: Connection, entry: Entry, medium: Medium) -> str:
    """A flight that was DONE from the start: what an item whose medium is known follows. Returns its id."""
    flight_id = rows.new_flight_id()
    connection.execute(
        _LANDED,
        {
            "id": flight_id,
            "url_key": entry.url_key,
            "url": rows.storable(entry.url),
            "options": rows.dump_options(entry.options),
            "identity": medium.identity,
        },
    )
    return flight_id
