"""Making the tables, and bringing those of an older release up to this one's while that one still runs on them.

Within a schema version a release only adds: tables, and columns that a row can do without. Processes of the release
before therefore go on beside the new ones, and may even be started anew, for as long as a rolling upgrade takes:

    nothing there        all tables are made
    older additions      what is missing is added, in place, in one transaction (both databases roll DDL back)
    all there            one look, no lock: hundreds of pods may start at once
    newer additions      left alone: they take nothing away
    newer version        refused: its rows would be misread
"""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, inspect, select, text
from sqlalchemy.schema import CreateColumn

from reelplane_workloads.core.errors import Code, Problem

from .schema import metadata, schema_additions, schema_version

SCHEMA_VERSION = 1
"""Raised only by a change that older releases could not live with."""
ADDITIONS = 1
"""Raised with each table or column that is added. 1: ``workers.extractor``, ``tallies``."""

_LOCK = 0x7265656C
"""Key of the PostgreSQL advisory lock ("reel" in ASCII) under which one process at a time makes the tables."""


def migrate(connection: Connection) -> None:
    """Make or complete the tables inside the caller's transaction. Safe from several processes at once.

    Raises Problem(INTERNAL) when a newer release made them in a way that this one would misread.
    """
    if _complete(connection):
        return
    if connection.dialect.name == "postgresql":
        # CREATE TABLE IF NOT EXISTS is not safe against itself there; SQLite's write lock is already held.
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        if _complete(connection):  # whoever held the lock has done it
            return
    metadata.create_all(connection)
    _add_columns(connection)
    if connection.execute(select(schema_version.c.version)).first() is None:
        connection.execute(insert(schema_version), {"version": SCHEMA_VERSION})
    connection.execute(delete(schema_additions))
    connection.execute(insert(schema_additions), {"number": ADDITIONS})


def _complete(connection: Connection) -> bool:
    """Whether nothing is missing. Raises Problem(INTERNAL) for a newer schema version."""
    present = inspect(connection)
    if present.has_table(schema_version.name):
        found = connection.execute(select(schema_version.c.version)).scalar()
        if found is not None and found > SCHEMA_VERSION:
            raise Problem(
                Code.INTERNAL,
                f"the database has schema version {found}, this release knows {SCHEMA_VERSION}",
                way_out="Run a release at least as new as the one that last wrote this database.",
            )
    if not present.has_table(schema_additions.name):
        return False
    had = connection.execute(select(schema_additions.c.number)).scalar()
    return had is not None and had >= ADDITIONS


def _add_columns(connection: Connection) -> None:
    present = inspect(connection)
    for table in metadata.sorted_tables:
        names = {column["name"] for column in present.get_columns(table.name)}
        for column in table.columns:
            if column.name not in names:
                definition = CreateColumn(column).compile(dialect=connection.dialect)
                connection.execute(text(f"ALTER TABLE {table.name} ADD COLUMN {definition}"))
