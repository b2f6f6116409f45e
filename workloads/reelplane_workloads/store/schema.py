"""The tables, the same for SQLite and PostgreSQL, and the database's own clock.

Nothing here depends on the dialect but ``now()``, which compiles to each database's wall clock: every time in
every row is written and compared by the database, so that leases and expiries need no synchronised hosts.
Times are seconds since the epoch (double precision), options and results are JSON text.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ColumnElement,
    Double,
    ForeignKey,
    FromClause,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    and_,
    literal_column,
    text,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class now(FunctionElement[float]):
    """Seconds since the epoch by the database's clock, at the moment the statement runs."""

    type = Double()
    inherit_cache = True


@compiles(now, "sqlite")
def _now_sqlite(_element: now, _compiler: SQLCompiler, **_: Any) -> str:
    # unixepoch('subsec') needs SQLite 3.42. julianday counts milliseconds; 2440587.5 is 1970-01-01T00:00Z.
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(now, "postgresql")
def _now_postgresql(_element: now, _compiler: SQLCompiler, **_: Any) -> str:
    # Not PostgreSQL's now(): that stands still for a whole transaction, and ours may wait for a lock.
    return "extract(epoch from clock_timestamp())::double precision"


metadata = MetaData()

schema_version = Table("schema_version", metadata, Column("version", Integer, primary_key=True))
"""One row: the least version that a release must know to work on these tables (``migrate``)."""

schema_additions = Table("schema_additions", metadata, Column("number", Integer, primary_key=True))
"""One row: how many additions these tables have had. Releases that know of fewer work on them all the same."""

flights = Table(
    "flights",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("url_key", String(64), nullable=False),
    Column("active_key", String(64), unique=True),
    Column("url", Text, nullable=False),
    Column("options", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("worker", String(128)),
    Column("claimed_at", Double),
    Column("leader", String(32)),
    Column("identity", String(128)),
    Column("not_before", Double, nullable=False),
    Column("error_code", String(64)),
    Column("error_detail", Text),
    Column("result", Text),
    Column("created_at", Double, nullable=False),
    Column("started_at", Double),
    Column("finished_at", Double),
    # Single flight is a promise of the schema, not only of the code: an active flight holds its key, and
    # UNIQUE lets a key be held once.
    CheckConstraint(
        "(state IN ('queued', 'running', 'following')) = (active_key IS NOT NULL)",
        name="active_holds_its_key",
    ),
    CheckConstraint("(state = 'following') = (leader IS NOT NULL)", name="following_has_a_leader"),
    CheckConstraint("(state = 'running') = (worker IS NOT NULL)", name="running_has_a_worker"),
    Index("flights_state", "state", "priority", "created_at"),
    Index("flights_url", "url_key", "finished_at"),
)
"""``active_key`` is ``url_key`` while the flight is active, then NULL. ``attempt`` counts claims and is the fence;
``failures`` counts attempts that ended badly and is what ``max_attempts`` bounds, because a draining worker hands
a flight back without its having failed. ``claimed_at`` makes a claim itself a sign of life."""
for _name in ("worker", "leader"):
    _set = text(f"{_name} IS NOT NULL")
    Index(f"flights_{_name}", flights.c[_name], postgresql_where=_set, sqlite_where=_set)

identities = Table(
    "identities",
    metadata,
    Column("identity", String(128), primary_key=True),
    Column("flight_id", ForeignKey("flights.id"), nullable=False, index=True),
)
"""Leases of stage two: a row stands while the flight that brings the identity in is active."""

objects = Table(
    "objects",
    metadata,
    Column("key", String(256), primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("touched_at", Double, nullable=False, index=True),
    Column("condemned_at", Double),
)
"""Blobs that exist or are about to. ``condemned_at`` is set while one is being deleted: nobody may publish it then."""

media = Table(
    "media",
    metadata,
    Column("identity", String(128), primary_key=True),
    # The foreign key is what keeps purge from deleting a blob that a medium refers to.
    Column("object_key", ForeignKey("objects.key"), nullable=False, index=True),
    Column("content_type", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("duration", Double),
    Column("width", Integer),
    Column("height", Integer),
    Column("title", Text, nullable=False),
    Column("extractor", Text, nullable=False),
    Column("webpage_url", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False, index=True),
)

urls = Table(
    "urls",
    metadata,
    Column("url_key", String(64), primary_key=True),
    Column("identity", ForeignKey("media.identity", ondelete="CASCADE"), nullable=False, index=True),
    Column("expires_at", Double, nullable=False),
)

jobs = Table(
    "jobs",
    metadata,
    # A digest of (principal, flight, parent): asking twice is one job by construction (rows.job_id).
    Column("id", String(32), primary_key=True),
    Column("principal", String(128), nullable=False),
    Column("flight_id", ForeignKey("flights.id"), nullable=False, index=True),
    Column("parent_id", String(32), nullable=False, server_default=""),
    Column("position", Integer, nullable=False),
    Column("url", Text, nullable=False),
    Column("options", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("cancelled_at", Double),
    Index("jobs_principal", "principal", "created_at"),
)
_NO_PARENT: ColumnElement[str] = literal_column("''")
_item = jobs.c.parent_id != _NO_PARENT
Index("jobs_parent", jobs.c.parent_id, postgresql_where=_item, sqlite_where=_item)


def item_of(item: FromClause, parent: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether ``item`` (jobs, or an alias of it) is a playlist's item under ``parent``.

    Says what the partial index says, in its words: a database uses that index only where it can see that it holds
    all the rows in question, and without it every look for items reads the whole table.
    """
    return and_(item.c.parent_id == parent, item.c.parent_id != _NO_PARENT)


workers = Table(
    "workers",
    metadata,
    Column("id", String(128), primary_key=True),
    Column("worker_class", String(64), nullable=False),
    Column("host", String(255), nullable=False),
    Column("capacity", Integer, nullable=False),
    Column("busy", Integer, nullable=False),
    Column("draining", Boolean, nullable=False),
    Column("seen_at", Double, nullable=False),
    Column("extractor", String(64), nullable=False, server_default=""),
)

tallies = Table(
    "tallies",
    metadata,
    Column("id", String(192), primary_key=True),
    Column("counts", Text, nullable=False),
    Column("written_at", Double, nullable=False, index=True),
)
"""How extractions went, as each worker counted them: a row per worker and stretch of time, rewritten as it grows, so
that workers never wait for each other's. ``counts``: JSON, see ``tallies.dump``."""
