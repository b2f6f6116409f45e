"""What a principal sees of its jobs: joins of job, flight, leader and medium, always filtered by principal."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, and_, bindparam, select

from . import rows
from .model import FlightKind, FlightState, JobView
from .schema import flights, item_of, jobs, media, now

_own = flights.alias("own")
_leader = flights.alias("leader")


def _labelled(prefix: str, table: Any) -> list[ColumnElement[Any]]:
    return [column.label(prefix + column.name) for column in table.columns]


_VIEW: Select[Any] = (
    select(*_labelled("j_", jobs), *_labelled("f_", _own), *_labelled("l_", _leader), *_labelled("m_", media))
    .select_from(jobs)
    .join(_own, _own.c.id == jobs.c.flight_id)
    .outerjoin(_leader, _leader.c.id == _own.c.leader)
    .outerjoin(
        media,
        and_(
            media.c.identity == _own.c.identity,
            _own.c.state == FlightState.DONE.value,
            media.c.expires_at > now(),
        ),
    )
)
_JOB = _VIEW.where(jobs.c.id == bindparam("job_id"), jobs.c.principal == bindparam("owner"))
_ITEMS = _VIEW.where(item_of(jobs, bindparam("parent")), jobs.c.principal == bindparam("owner")).order_by(
    jobs.c.position
)
_NEWEST = (
    _VIEW.where(
        jobs.c.principal == bindparam("owner"),
        jobs.c.parent_id == "",
        _own.c.kind == FlightKind.DOWNLOAD.value,
    )
    .order_by(jobs.c.created_at.desc(), jobs.c.id)
    .limit(bindparam("rows"))
)


def _view(row: RowMapping, items: tuple[JobView, ...] = ()) -> JobView:
    return JobView(
        id=row["j_id"],
        principal=row["j_principal"],
        url=row["j_url"],
        options=rows.load_options(row["j_options"]),
        created_at=row["j_created_at"],
        cancelled=row["j_cancelled_at"] is not None,
        flight=rows.flight_of(row, "f_" if row["l_id"] is None else "l_"),
        medium=None if row["m_identity"] is None else rows.medium_of(row, "m_"),
        items=items,
    )


def job(connection: Connection, job_id: str, principal: str) -> JobView | None:
    """See Repository.job."""
    row = connection.execute(_JOB, {"job_id": job_id, "owner": principal}).mappings().first()
    if row is None:
        return None
    items = connection.execute(_ITEMS, {"parent": job_id, "owner": principal}).mappings()
    return _view(row, tuple(_view(item) for item in items))


def list_jobs(connection: Connection, principal: str, limit: int) -> list[JobView]:
    """See Repository.list_jobs."""
    return [_view(row) for row in connection.execute(_NEWEST, {"owner": principal, "rows": limit}).mappings()]
