"""A flight's way through its workers: claim, fail, hand back; and how many wait."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, bindparam, case, exists, func, or_, select, update

from reelplane_workloads.core.errors import Code, Problem

from . import rows
from .endings import RetryPolicy, by_ids, end_group, held, requeue
from .model import SOON, Backlog, Claim, Flight, FlightState
from .schema import flights, now, workers
from .statements import ALONE, Alone, many

LOST = "the worker that ran it fell silent"

alive: ColumnElement[bool] = or_(
    flights.c.claimed_at > now() - bindparam("lease"),
    exists().where(workers.c.id == flights.c.worker, workers.c.seen_at > now() - bindparam("lease")),
)
"""Whether a RUNNING flight's worker gave a sign of life within ``lease`` seconds: a heartbeat, or this claim."""

_FOR_CLAIM = (
    select(flights, (flights.c.not_before <= now()).label("due"), alive.label("alive"))
    .where(flights.c.id == bindparam("flight_id"))
    .with_for_update(of=flights)
)
_TAKE = (
    update(flights)
    .where(flights.c.id.in_(many("ids")))
    .values(
        state=FlightState.RUNNING.value,
        attempt=flights.c.attempt + 1,
        failures=flights.c.failures + bindparam("failed"),
        worker=bindparam("worker_id"),
        claimed_at=now(),
        started_at=func.coalesce(flights.c.started_at, now()),
        error_code=None,
        error_detail=None,
    )
    .returning(flights)
)
_TAKE_DUE = _TAKE.where(
    flights.c.id.in_(
        select(flights.c.id)
        .where(
            flights.c.id.in_(many("ids")),
            flights.c.state == FlightState.QUEUED.value,
            flights.c.not_before <= now(),
        )
        .with_for_update(skip_locked=True)
    )
)
_COLUMNS = flights.columns.keys()
_WANTED = select(flights.c.id).where(
    flights.c.id == bindparam("flight_id"),
    flights.c.attempt == bindparam("fence"),
    flights.c.state == FlightState.RUNNING.value,
)
_queued = flights.c.state == FlightState.QUEUED.value


def _number(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


_BACKLOG = select(
    _number(and_(_queued, flights.c.not_before <= now())),
    _number(flights.c.state == FlightState.RUNNING.value),
    _number(and_(_queued, flights.c.not_before > now())),
    _number(and_(_queued, flights.c.not_before > now(), flights.c.not_before <= now() + SOON)),
).where(flights.c.state.in_([FlightState.QUEUED.value, FlightState.RUNNING.value]))


@dataclass(frozen=True, slots=True)
class Claiming:
    flight_id: str
    worker_id: str


def claim_due(connection: Connection, claims: Sequence[Claiming]) -> list[Claim | Alone]:
    """The merged form of ``claim``: takes flights that are queued and due; whatever else is asked for is ALONE."""
    takers: dict[str, Claiming] = {}
    for claiming in claims:
        takers.setdefault(claiming.flight_id, claiming)
    asked: dict[str, list[str]] = {}
    for flight_id, taker in takers.items():
        asked.setdefault(taker.worker_id, []).append(flight_id)
    taken: dict[str, Flight] = {}
    for worker_id, ids in asked.items():
        parameters = {"ids": ids, "worker_id": worker_id, "failed": 0}
        for row in connection.execute(_TAKE_DUE, parameters).all():
            flight = rows.flight_of(dict(zip(_COLUMNS, row, strict=True)))
            taken[flight.id] = flight
    return [
        Claim(taken[claiming.flight_id])
        if takers[claiming.flight_id] is claiming and claiming.flight_id in taken
        else ALONE
        for claiming in claims
    ]


def claim(
    connection: Connection, flight_id: str, worker_id: str, lease: float, retry: RetryPolicy
) -> Claim | None:
    """See Repository.claim."""
    row = connection.execute(_FOR_CLAIM, {"flight_id": flight_id, "lease": lease}).mappings().first()
    if row is None:
        return None
    lost = row["state"] == FlightState.RUNNING and not row["alive"]
    if not lost and not (row["state"] == FlightState.QUEUED and row["due"]):
        return None
    if lost and row["failures"] + 1 >= retry.max_attempts:
        end_group(connection, flight_id, FlightState.FAILED, Code.WORKER_LOST, LOST)
        return None
    parameters = {"ids": [flight_id], "worker_id": worker_id, "failed": int(lost)}
    return Claim(rows.flight_of(connection.execute(_TAKE, parameters).mappings().one()))


def fail(
    connection: Connection, flight_id: str, fence: int, problem: Problem, retry: RetryPolicy
) -> tuple[Flight, ...] | None:
    """See Repository.fail."""
    row = held(connection, flight_id, fence)
    if row is None:
        return None
    failures = row["failures"] + 1
    if not problem.transient or failures >= retry.max_attempts:
        return end_group(connection, flight_id, FlightState.FAILED, problem.code, problem.detail)
    delay = retry.delay(failures)
    requeue(connection, [flight_id], failed=True, delay=delay, code=problem.code, detail=problem.detail)
    return by_ids(connection, [flight_id])


def hand_back(connection: Connection, flight_id: str, fence: int) -> bool:
    """See Repository.hand_back."""
    if held(connection, flight_id, fence) is None:
        return False
    requeue(connection, [flight_id])
    return True


def wanted(connection: Connection, flight_id: str, fence: int) -> bool:
    """See Repository.wanted."""
    return connection.execute(_WANTED, {"flight_id": flight_id, "fence": fence}).first() is not None


def backlog(connection: Connection) -> Backlog:
    """See Repository.backlog."""
    waiting, running, delayed, soon = connection.execute(_BACKLOG).one()
    return Backlog(waiting=waiting, running=running, delayed=delayed, soon=soon)
