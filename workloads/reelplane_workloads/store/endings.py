"""How flights end: one path for every ending, so that keys, leases and followers are never left behind.

A flight ends together with those that follow it, in the transaction that decides it. The caller has the
flight's row locked (``held``); followers are locked in the order of their ids, always after their leader.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, delete, select, update

from reelplane_workloads.core.errors import Code

from . import rows
from .model import Flight, FlightState
from .schema import flights, identities, jobs, media, now, urls
from .statements import Upsert, many


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    max_attempts: int
    """Attempts that may end badly; the last one ends the flight."""
    backoff: float
    """Seconds before the first retry; doubled for each further one."""

    def delay(self, failures: int) -> float:
        """Seconds to wait after the ``failures``-th bad ending (1-based)."""
        return self.backoff * 2.0 ** (failures - 1)


_HELD = (
    select(flights)
    .where(
        flights.c.id == bindparam("flight_id"),
        flights.c.attempt == bindparam("fence"),
        flights.c.state == FlightState.RUNNING.value,
    )
    .with_for_update()
)
_HELD_NOW = (
    select(flights.c.id, flights.c.attempt, flights.c.identity)
    .where(flights.c.id.in_(many("ids")), flights.c.state == FlightState.RUNNING.value)
    .with_for_update(skip_locked=True)
)
_FOLLOWED = select(flights.c.leader).where(flights.c.leader.in_(many("ids")))
_FOLLOWERS = (
    select(flights).where(flights.c.leader == bindparam("leader_id")).order_by(flights.c.id).with_for_update()
)
_JOB_ON = (
    select(jobs.c.id)
    .where(jobs.c.flight_id == bindparam("flight_id"), jobs.c.cancelled_at.is_(None))
    .limit(1)
)
_BY_IDS = select(flights).where(flights.c.id.in_(many("ids")))
_END = (
    update(flights)
    .where(flights.c.id.in_(many("ids")))
    .values(
        state=bindparam("end"),
        active_key=None,
        worker=None,
        claimed_at=None,
        leader=None,
        error_code=bindparam("code"),
        error_detail=bindparam("detail"),
        finished_at=now(),
    )
)
_IDENTIFY = update(flights).where(flights.c.id.in_(many("ids"))).values(identity=bindparam("key"))
_RESULT = update(flights).where(flights.c.id == bindparam("flight_id")).values(result=bindparam("text"))
_FREE = delete(identities).where(identities.c.flight_id.in_(many("ids")))
_REQUEUE = (
    update(flights)
    .where(flights.c.id.in_(many("ids")))
    .values(
        state=FlightState.QUEUED.value,
        worker=None,
        claimed_at=None,
        leader=None,
        failures=flights.c.failures + bindparam("failed"),
        not_before=now() + bindparam("delay"),
        error_code=bindparam("code"),
        error_detail=bindparam("detail"),
    )
)
# Active flights have distinct URL keys: no row is written twice. In their order, so that nobody deadlocks.
_PUT_URLS = Upsert(
    urls,
    "url_key",
    lambda new: {"identity": new.identity, "expires_at": new.expires_at},
    source=select(flights.c.url_key, media.c.identity, media.c.expires_at)
    .join_from(flights, media, flights.c.identity == media.c.identity)
    .where(flights.c.id.in_(many("ids")))
    .order_by(flights.c.url_key),
)


def held(connection: Connection, flight_id: str, fence: int) -> RowMapping | None:
    """The flight's row, locked, if it is RUNNING under ``fence``; None means that the caller is fenced."""
    return connection.execute(_HELD, {"flight_id": flight_id, "fence": fence}).mappings().first()


def held_now(connection: Connection, ids: Sequence[str]) -> dict[str, tuple[int, str | None]]:
    """Fence and identity of those of the flights that are RUNNING and could be locked without waiting."""
    found = connection.execute(_HELD_NOW, {"ids": ids}).all()
    return {flight_id: (attempt, identity) for flight_id, attempt, identity in found}


def followed(connection: Connection, ids: Sequence[str]) -> set[str]:
    """Those of the flights, locked by the caller, that others follow."""
    return set(connection.execute(_FOLLOWED, {"ids": ids}).scalars())


def followers(connection: Connection, leader_id: str) -> Sequence[RowMapping]:
    """Rows of the flights that follow ``leader_id``, locked."""
    return connection.execute(_FOLLOWERS, {"leader_id": leader_id}).mappings().all()


def wanted_itself(connection: Connection, flight_id: str) -> bool:
    """Whether a job that was not cancelled waits for this very flight, not only for one that follows it."""
    return connection.execute(_JOB_ON, {"flight_id": flight_id}).first() is not None


def by_ids(connection: Connection, ids: Sequence[str]) -> tuple[Flight, ...]:
    """The flights, in the order of ``ids``."""
    found = {row["id"]: rows.flight_of(row) for row in connection.execute(_BY_IDS, {"ids": ids}).mappings()}
    return tuple(found[flight_id] for flight_id in ids)


def end(
    connection: Connection,
    ids: Sequence[str],
    state: FlightState,
    code: Code | None = None,
    detail: str | None = None,
) -> None:
    """Put the flights into a terminal state, free their keys and leases."""
    parameters = {
        "ids": ids,
        "end": state.value,
        "code": code and code.value,
        "detail": detail and rows.storable(detail),
    }
    connection.execute(_END, parameters)
    connection.execute(_FREE, {"ids": ids})


def end_group(
    connection: Connection, flight_id: str, state: FlightState, code: Code, detail: str | None = None
) -> tuple[Flight, ...]:
    """End a flight that brought nothing, together with its followers."""
    ids = [flight_id, *(row["id"] for row in followers(connection, flight_id))]
    end(connection, ids, state, code, detail)
    return by_ids(connection, ids)


def end_known(connection: Connection, leader: RowMapping, identity: str) -> tuple[str, ...]:
    """End a flight and its followers DONE with the medium that stands under ``identity``.

    The followers wait for this very identity: a leader that turns out to be something else lets them go first.
    """
    same = [leader, *followers(connection, leader["id"])]
    ids = [row["id"] for row in same]
    end(connection, ids, FlightState.DONE)
    connection.execute(_IDENTIFY, {"ids": ids, "key": identity})
    put_urls(connection, ids)
    return tuple(ids)


def put_urls(connection: Connection, ids: Sequence[str]) -> None:
    """Let the URLs of these flights lead to the media that stand under the flights' identities."""
    _PUT_URLS.run(connection, {"ids": ids})


def requeue(
    connection: Connection,
    ids: Sequence[str],
    *,
    failed: bool = False,
    delay: float = 0.0,
    code: Code | None = None,
    detail: str | None = None,
) -> None:
    """Back to QUEUED, due in ``delay`` seconds; ``failed`` counts the attempt as one that ended badly."""
    if ids:
        parameters = {"ids": ids, "failed": int(failed), "delay": delay, "code": code and code.value}
        connection.execute(_REQUEUE, {**parameters, "detail": detail and rows.storable(detail)})


def let_go(connection: Connection, leader_id: str) -> None:
    """Free what a flight leads because it turned out to be something else; its followers lead themselves."""
    requeue(connection, [row["id"] for row in followers(connection, leader_id)])
    connection.execute(_FREE, {"ids": [leader_id]})


def complete_with(connection: Connection, flight_id: str, fence: int, result: dict[str, Any]) -> bool:
    """End a flight whose result is a document (info, a playlist's summary) DONE; False when fenced."""
    if held(connection, flight_id, fence) is None:
        return False
    let_go(connection, flight_id)
    end(connection, [flight_id], FlightState.DONE)
    connection.execute(_RESULT, {"flight_id": flight_id, "text": rows.dump_result(result)})
    return True
