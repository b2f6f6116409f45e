"""Engines for the two databases: what differs between them is settled here, once, when a connection opens.

``Engines.write`` opens transactions that may write, ``Engines.read`` ones that may not. On SQLite the writer is
one connection whose transactions start with BEGIN IMMEDIATE, so that a lock is found taken before anything was
done; on PostgreSQL rows are locked by the statements themselves (READ COMMITTED and SELECT … FOR UPDATE).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from reelplane_crds.runtime import ServerRef

READERS = 4
"""Threads and connections for reading, per process: point reads by primary key, a few tens of microseconds each."""
POSTGRESQL_WRITERS = 4
"""Transactions one process has open at PostgreSQL at once, so that one that waits for a row holds up no other."""

_CONNECT_TIMEOUT = 3
_LOCK_TIMEOUT_MS = 5_000
_STATEMENT_TIMEOUT_MS = 15_000
_READ_BUSY_TIMEOUT_MS = 5_000


@dataclass(frozen=True, slots=True)
class Engines:
    write: Engine
    read: Engine
    writers: int
    """Threads that write. SQLite lets one transaction write at a time, so more would only wait."""
    mixed_batches: bool
    """Whether unlike operations share a transaction. On PostgreSQL they do not: their row locks, taken in
    arbitrary order, would deadlock with those of other processes."""

    def dispose(self) -> None:
        self.write.dispose()
        self.read.dispose()


def open_engines(ref: ServerRef) -> Engines:
    """Engines for ``ref``; nothing is connected yet. Raises ValueError for a URL that is neither database."""
    url = make_url(ref.url)
    match url.get_backend_name():
        case "sqlite":
            return _sqlite(url)
        case "postgresql":
            return _postgresql(url, ref)
        case other:
            raise ValueError(
                f"database url: {other!r} is not served here; use sqlite:////path or postgresql://…"
            )


def _sqlite(url: URL) -> Engines:
    # autocommit at the driver: the BEGIN is ours to write.
    write = create_engine(
        url, pool_size=1, max_overflow=0, pool_timeout=30, connect_args={"isolation_level": None}
    )
    read = create_engine(url, pool_size=READERS, max_overflow=0, connect_args={"isolation_level": None})

    @event.listens_for(write, "connect")
    def _prepare_writer(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        # FULL: a 202 must survive the loss of power, so every commit reaches the disk before it is answered.
        # busy_timeout 0: the writer retries by itself with jitter, which is fairer than SQLite's fixed steps.
        _pragmas(connection, journal_mode="WAL", synchronous="FULL", foreign_keys="ON", busy_timeout=0)

    @event.listens_for(read, "connect")
    def _prepare_reader(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        _pragmas(connection, query_only="ON", busy_timeout=_READ_BUSY_TIMEOUT_MS)

    @event.listens_for(write, "begin")
    def _begin_write(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    @event.listens_for(read, "begin")
    def _begin_read(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return Engines(write, read, writers=1, mixed_batches=True)


def _pragmas(connection: DBAPIConnection, **settings: str | int) -> None:
    cursor = connection.cursor()
    # journal_mode takes a lock when it changes the file; two processes may open a new file at once.
    cursor.execute("PRAGMA busy_timeout = 10000")
    for name, value in settings.items():
        cursor.execute(f"PRAGMA {name} = {value}")
    cursor.close()


def _postgresql(url: URL, ref: ServerRef) -> Engines:
    url = url.set(drivername="postgresql+psycopg")
    options = f"-c lock_timeout={_LOCK_TIMEOUT_MS} -c statement_timeout={_STATEMENT_TIMEOUT_MS}"
    arguments = {
        "connect_timeout": _CONNECT_TIMEOUT,
        "options": options,
        # A host that vanished without a word is noticed in this many milliseconds, not in TCP's two hours.
        "tcp_user_timeout": 10_000,
        "application_name": "reelplane",
        # A database that was made without a locale (SQL_ASCII) hands out bytes unless it is told.
        "client_encoding": "utf8",
    }
    write = create_engine(url, pool_size=POSTGRESQL_WRITERS, max_overflow=0, connect_args=arguments)
    read = create_engine(
        url,
        pool_size=READERS,
        max_overflow=0,
        connect_args=arguments,
        isolation_level="REPEATABLE READ",
        execution_options={"postgresql_readonly": True},
    )
    if ref.password_file is not None:
        password_file = ref.password_file

        def _login(_dialect: Any, _entry: Any, _args: Any, parameters: dict[str, Any]) -> None:
            # Read at every connect, so that a rotated secret is taken up without a restart.
            parameters["password"] = password_file.read_text().strip()

        for engine in (write, read):
            event.listen(engine, "do_connect", _login)
    return Engines(write, read, writers=POSTGRESQL_WRITERS, mixed_batches=False)
