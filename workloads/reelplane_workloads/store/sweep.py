"""Picking up what fell: flights of silent workers, followers without a leader, and all that is due.

Any process may sweep, several at once: rows are locked, and one that another sweep holds is skipped.
"""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, delete, not_, or_, select

from reelplane_workloads.core.errors import Code

from . import rows
from .endings import RetryPolicy, end_group, requeue
from .flights import LOST, alive
from .model import Flight, FlightState, SweepResult
from .schema import flights, now, workers

_FORGET_AFTER = 6
"""Leases after which a silent worker is no longer listed: long enough for a person to see that it was lost."""

_leader = flights.alias("leader")

_STRANDED = (
    select(flights.c.id, flights.c.failures)
    .where(flights.c.state == FlightState.RUNNING.value, not_(alive))
    .order_by(flights.c.id)
    .with_for_update(of=flights, skip_locked=True)
)
_ORPHANS = (
    select(flights.c.id)
    .outerjoin_from(flights, _leader, flights.c.leader == _leader.c.id)
    .where(
        flights.c.state == FlightState.FOLLOWING.value,
        or_(
            _leader.c.id.is_(None),
            _leader.c.state.not_in([FlightState.QUEUED.value, FlightState.RUNNING.value]),
        ),
    )
    .order_by(flights.c.id)
    .with_for_update(of=flights, skip_locked=True)
)
_DUE = (
    select(flights)
    .where(flights.c.state == FlightState.QUEUED.value, flights.c.not_before <= now())
    .order_by(flights.c.priority, flights.c.created_at)
    .limit(bindparam("rows"))
)
_FORGET = delete(workers).where(workers.c.seen_at < now() - bindparam("silence"))


def sweep(connection: Connection, limit: int, lease: float, retry: RetryPolicy) -> SweepResult:
    """See Repository.sweep. An infinite ``lease`` takes no worker for dead."""
    ended: list[Flight] = []
    for row in connection.execute(_STRANDED, {"lease": lease}).all():
        if row.failures + 1 >= retry.max_attempts:
            ended += end_group(connection, row.id, FlightState.FAILED, Code.WORKER_LOST, LOST)
        else:
            requeue(connection, [row.id], failed=True, code=Code.WORKER_LOST, detail=LOST)
    # A follower is ended by its leader's own transaction; one that is left over finds out anew what to do.
    requeue(connection, list(connection.execute(_ORPHANS).scalars()))
    connection.execute(_FORGET, {"silence": lease * _FORGET_AFTER})
    due = connection.execute(_DUE, {"rows": limit}).mappings().all()
    return SweepResult(dispatch=tuple(rows.flight_of(row) for row in due), ended=tuple(ended))
