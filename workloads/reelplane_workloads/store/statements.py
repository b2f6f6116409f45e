"""Building blocks of statements: built once at import, compiled once per dialect, run with parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, CursorResult, Table, bindparam
from sqlalchemy.dialects import postgresql, sqlite

Assignments = Callable[[Any], Mapping[str, Any]]
"""Given the ``excluded`` row (the one that could not be inserted): what the existing row becomes."""


def many(name: str) -> Any:
    """A parameter holding a list, for ``column.in_``; the compiled form does not depend on the list's length."""
    return bindparam(name, expanding=True)


class Upsert:
    """INSERT … ON CONFLICT (key) DO NOTHING, or DO UPDATE where ``when`` holds, for either database.

    ``values`` are SQL expressions for columns that are not given as parameters.
    """

    def __init__(
        self,
        table: Table,
        key: str,
        update: Assignments | None = None,
        *,
        when: ColumnElement[bool] | None = None,
        values: Mapping[str, Any] | None = None,
    ) -> None:
        self._statements: dict[str, sqlite.Insert | postgresql.Insert] = {}
        for dialect, insert in (("sqlite", sqlite.insert), ("postgresql", postgresql.insert)):
            statement = insert(table)
            if values:
                statement = statement.values(**values)
            if update is None:
                statement = statement.on_conflict_do_nothing(index_elements=[key])
            else:
                changes = dict(update(statement.excluded))
                statement = statement.on_conflict_do_update(index_elements=[key], set_=changes, where=when)
            # rowcount says whether a row was written; SQLAlchemy keeps it for INSERT only when asked.
            self._statements[dialect] = statement.execution_options(preserve_rowcount=True)

    def run(
        self, connection: Connection, parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]]
    ) -> CursorResult[Any]:
        return connection.execute(self._statements[connection.dialect.name], parameters)
