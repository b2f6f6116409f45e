"""Workers as the database knows them: by their heartbeats."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, delete, select

from .model import FlightState, WorkerRow
from .schema import flights, now, workers
from .statements import Upsert

_BEAT = Upsert(
    workers,
    "id",
    lambda new: {column.name: new[column.name] for column in workers.columns if column.name != "id"},
    values={"seen_at": now()},
)
_REMOVE = delete(workers).where(workers.c.id == bindparam("worker_id"))
_LISTED = select(workers, (now() - workers.c.seen_at).label("seen_ago")).order_by(workers.c.id)
_LIVE = select(flights.c.id, flights.c.attempt).where(
    flights.c.worker == bindparam("worker_id"), flights.c.state == FlightState.RUNNING.value
)


def heartbeat(connection: Connection, worker: WorkerRow) -> None:
    """See Repository.heartbeat; ``worker.seen_ago`` is ignored."""
    _BEAT.run(
        connection,
        {
            "id": worker.id,
            "worker_class": worker.worker_class,
            "host": worker.host,
            "capacity": worker.capacity,
            "busy": worker.busy,
            "draining": worker.draining,
            "extractor": worker.extractor,
        },
    )


def remove(connection: Connection, worker_id: str) -> None:
    """See Repository.remove_worker."""
    connection.execute(_REMOVE, {"worker_id": worker_id})


def listed(connection: Connection) -> list[WorkerRow]:
    """All workers that were heard of, also silent ones until the sweep forgets them."""
    return [
        WorkerRow(
            id=row.id,
            worker_class=row.worker_class,
            host=row.host,
            capacity=row.capacity,
            busy=row.busy,
            draining=row.draining,
            seen_ago=max(0.0, row.seen_ago),
            extractor=row.extractor,
        )
        for row in connection.execute(_LISTED)
    ]


def live_flights(connection: Connection, worker_id: str) -> dict[str, int]:
    """See Repository.live_flights_of."""
    return {row.id: row.attempt for row in connection.execute(_LIVE, {"worker_id": worker_id})}
