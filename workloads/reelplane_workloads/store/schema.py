"""The tables, the same for SQLite and PostgreSQL, and the database's own clock.

Nothing here depends on the dialect but ``now()``, which compiles to each database's wall clock: every time in
every row is written and compared by the database, so that leases and expiries need no synchronised hosts.
Times are seconds since the epoch (double precision), options and results are JSON text.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    func,
    insert,
    select,
    text,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from ..core.errors import Code, Problem

SCHEMA_VERSION = 1

_CREATE_LOCK = 0x7265656C
"""Key of the PostgreSQL advisory lock ("reel" in ASCII) under which one process at a time makes the tables."""


class now(FunctionElement[float]):  # noqa: N801 - used as an SQL function is
    """Seconds since the epoch by the database's clock, at the moment the statement runs."""

    type = Double()
    inherit_cache = True


@compiles(now, "sqlite")
def _now_sqlite(element: now, compiler: SQLCompiler, **kw: Any) -> str:
    # unixepoch('subsec') needs SQLite 3.42. julianday is kept in milliseconds; 2440587.5 is 1970-01-01T00:00Z.
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(now, "postgresql")
def _now_postgresql(element: now, compiler: SQLCompiler, **kw: Any) -> str:
    # clock_timestamp, not now(): the latter stands still for a whole transaction, a batch of many operations.
    return "extract(epoch from clock_timestamp())::double precision"


metadata = MetaData()

schema_version = Table("schema_version", metadata, Column("version", Integer, primary_key=True))

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
    # Single flight is a promise of the schema, not of the code: an active flight holds its key, and a key is
    # held once.
    CheckConstraint(
        "(state IN ('queued', 'running', 'following')) = (active_key IS NOT NULL)", name="active_holds_key"
    ),
    CheckConstraint("(state = 'following') = (leader IS NOT NULL)", name="following_has_leader"),
    Index("flights_due", "state", "priority", "created_at"),
    Index("flights_worker", "worker", postgresql_where=text("worker IS NOT NULL"), sqlite_where=text("worker IS NOT NULL")),
    Index("flights_leader", "leader", postgresql_where=text("leader IS NOT NULL"), sqlite_where=text("leader IS NOT NULL")),
    Index("flights_url", "url_key", "finished_at"),
)
"""``active_key`` is ``url_key`` while the flight is active and NULL afterwards. ``attempt`` counts claims and is
the fence; ``failures`` counts the attempts that ended badly and is what ``max_attempts`` bounds, since a drained
worker hands a flight back without its having failed. ``claimed_at`` makes the claim itself a sign of life."""

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
    Column("size", Integer().with_variant(text_bigint := __import__("sqlalchemy").BigInteger(), "postgresql"), nullable=False),
    Column("touched_at", Double, nullable=False, index=True),
    Column("condemned_at", Double),
)
