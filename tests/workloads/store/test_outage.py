"""A database that is away, busy or full is said to be, and is used again as soon as it can be."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from reelplane_crds.runtime import Retention, ServerRef
from reelplane_workloads.core.errors import Code, Problem
from reelplane_workloads.store import database
from reelplane_workloads.store.database import Database
from reelplane_workloads.store.repository import Repository


async def test_a_server_that_does_not_listen_is_unavailable() -> None:
    with pytest.raises(Problem) as refused:
        Database.open(ServerRef(url="postgresql://reelplane@127.0.0.1:1/none"))
    assert (refused.value.code, refused.value.retry_after) == (Code.UNAVAILABLE, 2)


async def test_a_file_that_cannot_be_opened_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Problem) as refused:
        Database.open(ServerRef(url=f"sqlite:///{tmp_path / 'missing' / 'store.db'}"))
    assert refused.value.code is Code.UNAVAILABLE


def test_another_kind_of_database_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="mysql"):
        Database.open(ServerRef(url="mysql://localhost/x"))


def _close_postgres(url: str, closed: bool) -> None:
    """Let the server refuse this database and drop its connections, as a stopped one does; or let it in again."""
    base, name = url.rsplit("/", 1)
    with psycopg.connect(f"{base}/postgres", autocommit=True) as admin:
        admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS {"false" if closed else "true"}')
        if closed:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
            )


async def test_a_server_that_stops_is_unavailable_and_used_again_when_it_is_back(
    empty_postgres: str, store_at: Any
) -> None:
    store = store_at(empty_postgres)
    first = await store.accept("u1")
    await store.repo.known("u1")
    await asyncio.to_thread(_close_postgres, empty_postgres, True)
    try:
        for call in (store.accept("u2"), store.repo.known("u1"), store.repo.ping(), store.repo.sweep()):
            with pytest.raises(Problem) as refused:
                await call
            assert (refused.value.code, refused.value.retry_after) == (Code.UNAVAILABLE, 2)
    finally:
        await asyncio.to_thread(_close_postgres, empty_postgres, False)
    await store.repo.ping()
    assert (await store.accept("u1")).job_id == first.job_id
    assert (await store.accept("u2")).created_flight


async def test_connections_that_went_stale_are_replaced_without_a_word(
    empty_postgres: str, store_at: Any
) -> None:
    store = store_at(empty_postgres)
    await asyncio.gather(*(store.accept(f"u{n}") for n in range(10)))
    await asyncio.to_thread(_close_postgres, empty_postgres, True)
    await asyncio.to_thread(_close_postgres, empty_postgres, False)
    assert (await store.accept("new")).created_flight
    assert await store.repo.known("new") is None


async def test_after_an_outage_workers_are_given_a_lease_to_be_heard_again(
    empty_postgres: str, store_at: Any
) -> None:
    store = store_at(empty_postgres)
    repo = Repository(store.db, Retention(), lease=2)
    flight = await store.running(worker="w1")
    await asyncio.to_thread(_close_postgres, empty_postgres, True)
    with pytest.raises(Problem):
        await store.heartbeat("w1")
    await asyncio.to_thread(_close_postgres, empty_postgres, False)
    await store.silence("w1")
    assert (await repo.sweep()).dispatch == ()
    assert await repo.claim(flight.id, "w2") is None
    assert await repo.wanted(flight.id, flight.attempt)
    await asyncio.sleep(2.1)
    assert [due.id for due in (await repo.sweep()).dispatch] == [flight.id]


async def test_a_lock_that_is_held_too_long_is_unavailable(
    tmp_path: Path, store_at: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = store_at(f"sqlite:///{tmp_path / 'store.db'}")
    monkeypatch.setattr(database, "PATIENCE", 0.3)
    holder = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(Problem) as refused:
        await store.accept()
    assert refused.value.code is Code.UNAVAILABLE
    assert await store.repo.known("u1") is None  # who reads is not kept waiting
    monkeypatch.setattr(database, "PATIENCE", 30)
    waiting = asyncio.create_task(store.accept())
    await asyncio.sleep(0.2)
    holder.execute("ROLLBACK")
    assert (await waiting).created_flight


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = os.getuid() == 0 and (
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", folder], check=False).returncode == 0
    )
    if not mounted:
        pytest.skip("needs root and mount(2) to make a small file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


async def test_a_full_disk_is_said_to_be_full_and_nothing_accepted_is_lost(
    small_disk: Path, store_at: Any
) -> None:
    store = store_at(f"sqlite:///{small_disk / 'store.db'}")
    (small_disk / "ballast").write_bytes(bytes(300_000))
    accepted: list[str] = []

    async def fill() -> None:
        for n in range(5000):
            accepted.append((await store.accept(f"u{n}")).job_id)

    with pytest.raises(Problem) as refused:
        await fill()
    assert (refused.value.code, refused.value.retry_after) == (Code.DISK_FULL, 2)
    assert accepted
    (small_disk / "ballast").unlink()
    assert (await store.accept("more")).created_flight
    assert {job_id for (job_id,) in await store.rows("SELECT id FROM jobs")} >= set(accepted)


async def test_a_database_at_its_size_limit_is_said_to_be_full(tmp_path: Path, store_at: Any) -> None:
    store = store_at(f"sqlite:///{tmp_path / 'store.db'}")
    await store.db.write(lambda c: c.exec_driver_sql("PRAGMA max_page_count = 60").scalar())
    results = await asyncio.gather(*(store.accept(f"u{n}") for n in range(3000)), return_exceptions=True)
    assert {result.code for result in results if isinstance(result, Problem)} == {Code.DISK_FULL}


@pytest.fixture
def login(postgres_url: str) -> Iterator[str]:
    """URL for a role of its own that the server lets in by password only; the password is ``right``."""
    name = postgres_url.rsplit("/", 1)[1]
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        ((path,),) = admin.execute("SHOW hba_file").fetchall()
        admin.execute(f"CREATE ROLE \"{name}\" LOGIN SUPERUSER PASSWORD 'right'")
        hba, rules = Path(path), Path(path).read_text()
        hba.write_text(f'host all "{name}" 127.0.0.1/32 scram-sha-256\n{rules}')
        admin.execute("SELECT pg_reload_conf()")
        yield postgres_url.replace("reelplane@", f"{name}@")
        hba.write_text(rules)
        admin.execute("SELECT pg_reload_conf()")
        admin.execute(f'REASSIGN OWNED BY "{name}" TO reelplane')
        admin.execute(f'DROP ROLE "{name}"')


async def test_the_password_is_read_from_its_file_at_every_connect(login: str, tmp_path: Path) -> None:
    password = tmp_path / "password"
    ref = ServerRef(url=login, password_file=password)
    password.write_text("wrong\n")
    for _ in range(100):  # the server takes up its new rules a moment after it was told to
        with contextlib.suppress(Problem):
            await (await asyncio.to_thread(Database.open, ref)).close()
            await asyncio.sleep(0.1)
            continue
        break
    else:
        pytest.fail("a wrong password was let in")
    password.write_text("right\n")
    db = await asyncio.to_thread(Database.open, ref)
    await db.ping()
    await db.close()
