"""Cancelling: a job lets go of its flight, and the work stops with the last job that wants it.

Who wants a flight: its own jobs, those of flights that follow it, and playlist items among both.
"""

from __future__ import annotations

from sqlalchemy import Connection, RowMapping, bindparam, exists, or_, select, update

from reelplane_workloads.core.errors import Code

from .endings import end, end_group, wanted_itself
from .model import FlightState
from .schema import flights, item_of, jobs, now

_JOB_AND_ITEMS = (
    select(jobs.c.id, jobs.c.flight_id, jobs.c.cancelled_at)
    .where(
        jobs.c.principal == bindparam("owner"),
        or_(jobs.c.id == bindparam("job_id"), item_of(jobs, bindparam("job_id"))),
    )
    .order_by(jobs.c.flight_id)
)
_FLIGHT = (
    select(flights.c.id, flights.c.state, flights.c.leader)
    .where(flights.c.id == bindparam("flight_id"))
    .with_for_update()
)
_LEADER_OF = select(flights.c.leader).where(flights.c.id == bindparam("flight_id"))
_CANCEL = update(jobs).where(jobs.c.id == bindparam("job_id")).values(cancelled_at=now())
_WANTED = select(flights.c.id).where(
    or_(flights.c.id == bindparam("flight_id"), flights.c.leader == bindparam("flight_id")),
    exists().where(jobs.c.flight_id == flights.c.id, jobs.c.cancelled_at.is_(None)),
)


def cancel(connection: Connection, job_id: str, principal: str) -> tuple[bool, tuple[str, ...]]:
    """See Repository.cancel."""
    found = connection.execute(_JOB_AND_ITEMS, {"owner": principal, "job_id": job_id}).mappings().all()
    stopped: list[str] = []
    detached = False
    for job in found:
        if job["cancelled_at"] is None:
            ended = _detach(connection, job)
            detached = detached or ended is not None
            stopped += ended or ()
    if detached:
        # A playlist whose own flight is done was still cut short with its items.
        connection.execute(_CANCEL, {"job_id": job_id})
    return any(job["id"] == job_id for job in found), tuple(stopped)


def _detach(connection: Connection, job: RowMapping) -> list[str] | None:
    """Mark one job cancelled and end what nobody wants now; None when its flight had already ended."""
    flight = _locked(connection, job["flight_id"])
    if not FlightState(flight["state"]).active:
        return None
    connection.execute(_CANCEL, {"job_id": job["id"]})
    stopped: list[str] = []
    top = flight["id"]
    if flight["leader"] is not None:
        top = flight["leader"]
        if not wanted_itself(connection, flight["id"]):
            end(connection, [flight["id"]], FlightState.CANCELLED, Code.CANCELLED)
            stopped.append(flight["id"])
    if connection.execute(_WANTED, {"flight_id": top}).first() is None:
        stopped += [ended.id for ended in end_group(connection, top, FlightState.CANCELLED, Code.CANCELLED)]
    return stopped


def _locked(connection: Connection, flight_id: str) -> RowMapping:
    """The flight's row, locked, after its leader's if it follows one: the order in which everyone locks."""
    leader = connection.execute(_LEADER_OF, {"flight_id": flight_id}).scalar()
    if leader is not None:
        connection.execute(_FLIGHT, {"flight_id": leader})
    return connection.execute(_FLIGHT, {"flight_id": flight_id}).mappings().one()
