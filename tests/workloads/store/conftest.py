"""A store on each of the two databases, and the few words in which the tests talk about it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from reelplane_crds.runtime import Retention, ServerRef
from reelplane_workloads.store.database import Database
from reelplane_workloads.store.model import (
    Accepted,
    Flight,
    FlightKind,
    Medium,
    Options,
    Priority,
)
from reelplane_workloads.store.repository import Repository


class Store:
    """One process's repository on the database under test, with short cuts for what is not being tested."""

    def __init__(self, url: str, retention: Retention | None = None) -> None:
        self.url = url
        self.db = Database.open(ServerRef(url=url))
        self.repo = Repository(self.db, retention or Retention(), max_attempts=3, backoff=2, lease=10)

    async def accept(
        self, url_key: str = "u1", principal: str = "ann", *, playlist: bool = False, info: bool = False
    ) -> Accepted:
        return await self.repo.accept(
            principal=principal,
            kind=FlightKind.INFO if info else FlightKind.DOWNLOAD,
            url=f"http://example.com/{url_key}",
            url_key=url_key,
            options=Options(playlist=playlist),
            priority=Priority.HIGH if info else Priority.NORMAL,
        )

    async def running(
        self, url_key: str = "u1", principal: str = "ann", worker: str = "w1", **kind: bool
    ) -> Flight:
        """A flight for ``url_key`` that ``worker`` has claimed; its id and fence are what a worker goes on with."""
        accepted = await self.accept(url_key, principal, **kind)
        assert accepted.flight_id is not None
        return await self.claimed(accepted.flight_id, worker)

    async def claimed(self, flight_id: str, worker: str = "w1") -> Flight:
        await self.heartbeat(worker)
        claim = await self.repo.claim(flight_id, worker)
        assert claim is not None
        return claim.flight

    async def landed(self, url_key: str = "u1", identity: str = "site:1", principal: str = "ann") -> Flight:
        """A flight that brought in ``identity``."""
        flight = await self.running(url_key, principal)
        assert await self.repo.enter_identity(flight.id, flight.attempt, identity) == "lead"
        assert await self.repo.complete(flight.id, flight.attempt, medium(identity)) is not None
        return flight

    async def heartbeat(self, worker: str = "w1") -> None:
        await self.repo.heartbeat(
            worker, worker_class="download", host="h", capacity=2, busy=0, draining=False
        )

    async def sql(self, statement: str, **parameters: Any) -> None:
        await self.db.write(lambda connection: connection.execute(text(statement), parameters))

    async def rows(self, statement: str, **parameters: Any) -> list[tuple[Any, ...]]:
        return await self.db.read(
            lambda connection: [tuple(row) for row in connection.execute(text(statement), parameters)]
        )

    async def state(self, flight_id: str) -> str:
        ((state,),) = await self.rows("SELECT state FROM flights WHERE id = :id", id=flight_id)
        return str(state)

    async def silence(self, worker: str, seconds: float = 60) -> None:
        """Make ``worker`` look as if it had said nothing, and claimed nothing, for so long."""
        await self.sql("UPDATE workers SET seen_at = seen_at - :s WHERE id = :w", s=seconds, w=worker)
        await self.sql(
            "UPDATE flights SET claimed_at = claimed_at - :s WHERE worker = :w", s=seconds, w=worker
        )

    async def later(self, seconds: float) -> None:
        """Let so much time pass: every moment that is written down lies that much further back."""
        for table, columns in _TIMES.items():
            moved = ", ".join(f"{column} = {column} - :s" for column in columns)
            await self.sql(f"UPDATE {table} SET {moved}", s=seconds)


_TIMES = {
    "flights": ("claimed_at", "not_before", "created_at", "started_at", "finished_at"),
    "media": ("created_at", "expires_at"),
    "urls": ("expires_at",),
    "objects": ("touched_at", "condemned_at"),
    "jobs": ("created_at", "cancelled_at"),
    "workers": ("seen_at",),
}


def medium(identity: str = "site:1", key: str | None = None) -> Medium:
    return Medium(
        identity=identity,
        key=key or f"ab/{identity.replace(':', '-')}.mp4",
        content_type="video/mp4",
        size=3_000_000_000,
        duration=12.5,
        width=1920,
        height=1080,
        title=f"Title of {identity}",
        extractor="Site",
        webpage_url="http://example.com/watch",
    )


@pytest.fixture(name="medium")
def medium_fixture() -> Callable[..., Medium]:
    return medium


@pytest.fixture(scope="session")
def one_postgres(postgres_server: str) -> str:
    """URL of one database for all these tests: making one takes longer than most of them."""
    name = f"store{time.time_ns()}"
    with psycopg.connect(postgres_server + "postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return postgres_server + name


@pytest.fixture
def empty_postgres(one_postgres: str) -> Iterator[str]:
    yield one_postgres
    with psycopg.connect(one_postgres, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an empty database, once of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}"
    url: str = request.getfixturevalue("empty_postgres")
    return url


@pytest.fixture
async def store_at() -> AsyncIterator[Callable[..., Store]]:
    """Opens stores by URL, and closes them in the end."""
    opened: list[Store] = []

    def open_one(url: str, retention: Retention | None = None) -> Store:
        opened.append(Store(url, retention))
        return opened[-1]

    yield open_one
    for store in opened:
        await store.db.close()


@pytest.fixture
def open_store(database_url: str, store_at: Callable[..., Store]) -> Callable[..., Store]:
    """Opens further stores on the same database, as other processes would have them."""
    return lambda retention=None: store_at(database_url, retention)


@pytest.fixture
def store(open_store: Callable[..., Store]) -> Store:
    return open_store()


@pytest.fixture
def start_process() -> Iterator[Callable[[str, Sequence[str]], subprocess.Popen[str]]]:
    """Starts a program of the folder ``processes``; whatever still runs is killed at the end, by its handle."""
    started: list[subprocess.Popen[str]] = []

    def start(program: str, arguments: Sequence[str]) -> subprocess.Popen[str]:
        path = Path(__file__).parent / "processes" / f"{program}.py"
        process = subprocess.Popen(
            [sys.executable, str(path), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
