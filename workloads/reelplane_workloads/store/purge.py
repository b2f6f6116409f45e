"""Retention: finished jobs and flights, expired media, and the blobs that nothing refers to any more.

``expire`` removes rows a page at a time, so that a day's worth never holds the write lock for long; ``condemn``
then names the blobs that may go (see ``objects`` for why that is safe).
"""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, case, delete, exists, or_, select, update

from reelplane_crds.runtime import Retention

from . import tallies
from .model import FlightKind
from .schema import flights, item_of, jobs, media, now, objects, urls
from .statements import many

PAGE = 2000
"""Rows of one table removed per transaction: some tens of milliseconds."""
GRACE = 3600.0
"""Seconds after its last touch for which an unreferred blob is kept: a publisher may be between put and commit."""
CONDEMN_AGAIN = 600.0
"""Seconds after which a condemned key is named again, because whoever was told the first time has died: far more
than deleting a page of blobs takes."""

_item = jobs.alias("item")
_item_flight = flights.alias("item_flight")

# A job is over when its flight ended, or when it was cancelled; a playlist is over with the last of its items.
_OVER = (
    select(jobs.c.id)
    .join_from(jobs, flights, flights.c.id == jobs.c.flight_id)
    .where(
        jobs.c.parent_id == "",
        # Implied by what follows, and told without a look at any other table: most jobs are young.
        jobs.c.created_at < now() - bindparam("age"),
        or_(flights.c.finished_at < now() - bindparam("age"), jobs.c.cancelled_at < now() - bindparam("age")),
        ~exists()
        .where(
            item_of(_item, jobs.c.id),
            _item.c.flight_id == _item_flight.c.id,
            _item.c.cancelled_at.is_(None),
            or_(_item_flight.c.finished_at.is_(None), _item_flight.c.finished_at >= now() - bindparam("age")),
        )
        .correlate(jobs),
    )
    .limit(PAGE)
)
_DROP_JOBS = delete(jobs).where(jobs.c.id.in_(many("ids")))
_DROP_ITEMS = delete(jobs).where(item_of(jobs, bindparam("parent")))
_DROP_FLIGHTS = delete(flights).where(
    flights.c.id.in_(
        select(flights.c.id)
        .where(
            flights.c.finished_at
            < now()
            - case((flights.c.kind == FlightKind.INFO.value, bindparam("info_age")), else_=bindparam("age")),
            ~exists().where(jobs.c.flight_id == flights.c.id),
        )
        .limit(PAGE)
    )
)
_DROP_MEDIA = delete(media).where(
    media.c.identity.in_(select(media.c.identity).where(media.c.expires_at <= now()).limit(PAGE))
)
_DROP_URLS = delete(urls).where(
    urls.c.url_key.in_(select(urls.c.url_key).where(urls.c.expires_at <= now()).limit(PAGE))
)
_CONDEMNABLE = (
    select(objects.c.key)
    .where(
        objects.c.touched_at < now() - GRACE,
        or_(objects.c.condemned_at.is_(None), objects.c.condemned_at < now() - CONDEMN_AGAIN),
        ~exists().where(media.c.object_key == objects.c.key),
    )
    .order_by(objects.c.touched_at)
    .limit(bindparam("rows"))
    .with_for_update(of=objects, skip_locked=True)
)
_CONDEMN = update(objects).where(objects.c.key.in_(many("doomed"))).values(condemned_at=now())


def expire(connection: Connection, retention: Retention) -> bool:
    """Remove one page of what is past its retention; True when there may be more."""
    over = list(connection.execute(_OVER, {"age": retention.jobs}).scalars())
    if over:
        connection.execute(_DROP_JOBS, {"ids": over})
        connection.execute(_DROP_ITEMS, [{"parent": parent} for parent in over])
    tallies.forget(connection)
    # Info is answered from its flight for as long as it is fresh, also when nobody's job is left.
    info_age = max(retention.jobs, retention.info)
    removed = [
        len(over),
        connection.execute(_DROP_FLIGHTS, {"age": retention.jobs, "info_age": info_age}).rowcount,
        connection.execute(_DROP_URLS).rowcount,
        connection.execute(_DROP_MEDIA).rowcount,
    ]
    return max(removed) >= PAGE


def condemn(connection: Connection, limit: int) -> list[str]:
    """Mark up to ``limit`` blobs that nothing refers to as being deleted, and return their keys."""
    doomed = list(connection.execute(_CONDEMNABLE, {"rows": limit}).scalars())
    if doomed:
        connection.execute(_CONDEMN, {"doomed": doomed})
    return doomed
