"""Building blocks of statements: built once at import, compiled once per dialect, run with parameters.

Also the word in which a merged operation says that one of its items is none of the usual ones (``ALONE``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, Table, bindparam
from sqlalchemy.dialects import postgresql, sqlite

Assignments = Callable[[Any], Mapping[str, Any]]
"""Given the ``excluded`` row (the one that could not be inserted): what the existing row becomes."""


class Alone(Enum):
    """See ``ALONE``."""

    ALONE = "alone"


ALONE: Final = Alone.ALONE
"""A merged operation's answer for an item that needs more than its few set-wise statements: nothing was decided,
and the caller submits the general operation by itself. Merged operations of workers never wait for a flight's row
(SKIP LOCKED), so that a batch, which holds many, cannot deadlock with the general operations, which do wait."""


def many(name: str) -> Any:
    """A parameter holding a list, for ``column.in_``; the compiled form does not depend on the list's length."""
    return bindparam(name, expanding=True)


class Upsert:
    """INSERT … ON CONFLICT (key) DO NOTHING, or DO UPDATE where ``when`` holds, for either database.

    ``values`` are SQL expressions for columns that are not given as parameters. ``source`` is a query that brings
    the rows instead, in the order of the table's columns.
    """

    def __init__(
        self,
        table: Table,
        key: str,
        update: Assignments | None = None,
        *,
        when: ColumnElement[bool] | None = None,
        values: Mapping[str, Any] | None = None,
        source: Select[Any] | None = None,
    ) -> None:
        self._statements: dict[str, sqlite.Insert | postgresql.Insert] = {}
        for dialect, insert in (("sqlite", sqlite.insert), ("postgresql", postgresql.insert)):
            statement = insert(table)
            if values:
                statement = statement.values(**values)
            if source is not None:
                statement = statement.from_select(table.columns.keys(), source)
            if update is None:
                statement = statement.on_conflict_do_nothing(index_elements=[key])
            else:
                changes = dict(update(statement.excluded))
                statement = statement.on_conflict_do_update(index_elements=[key], set_=changes, where=when)
            self._statements[dialect] = statement
        # With RETURNING, SQLAlchemy sends a list of rows as one INSERT instead of one after another.
        self._returning = {
            dialect: statement.returning(table.c[key]) for dialect, statement in self._statements.items()
        }

    def run(
        self, connection: Connection, parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]]
    ) -> None:
        connection.execute(self._statements[connection.dialect.name], parameters)

    def written(self, connection: Connection, parameters: Sequence[Mapping[str, Any]]) -> set[str]:
        """Run for rows with distinct keys, in their order; the keys of those that were inserted or updated."""
        if not parameters:
            return set()
        return set(connection.execute(self._returning[connection.dialect.name], parameters).scalars())
