"""An older release's database is taken over in place, by many processes at once, while that release runs on it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, text

from reelplane_crds.runtime import ServerRef
from reelplane_workloads.core.errors import Code, Problem
from reelplane_workloads.store.database import Database
from reelplane_workloads.store.engines import open_engines
from reelplane_workloads.store.migrate import migrate
from reelplane_workloads.store.model import ExtractorCount

BEAT = """
    INSERT INTO workers (id, worker_class, host, capacity, busy, draining, seen_at)
    VALUES ('old', 'download', 'h', 2, 1, false, 1e12)
    ON CONFLICT (id) DO UPDATE SET busy = excluded.busy, seen_at = excluded.seen_at
"""
"""The heartbeat of the release before, which knows of no extractor."""


@pytest.fixture
def first_release(database_url: str) -> Iterator[Engine]:
    """The tables as the first release made them, with a worker of it."""
    engines = open_engines(ServerRef(url=database_url))
    with engines.write.connect() as connection:
        migrate(connection)
        for statement in (
            "DROP TABLE tallies",
            "DROP TABLE schema_additions",
            "ALTER TABLE workers DROP COLUMN extractor",
            BEAT,
        ):
            connection.execute(text(statement))
        connection.commit()
    yield engines.write
    engines.dispose()


async def test_an_older_database_is_completed_in_place_and_both_releases_work_on_it(
    first_release: Engine, open_store: Any
) -> None:
    store = open_store()
    assert [(row.id, row.extractor) for row in await store.repo.workers()] == [("old", "")]
    await store.repo.heartbeat(
        "new", worker_class="download", host="h", capacity=2, busy=0, draining=False, extractor="2026.10.26"
    )
    await store.repo.put_tally("new.0", {("2026.10.26", "Vimeo"): (1, 0)})
    with first_release.connect() as connection:
        connection.execute(text(BEAT))
        connection.commit()
    assert {row.id: row.extractor for row in await store.repo.workers()} == {"old": "", "new": "2026.10.26"}
    # What the release before looks at when it starts: it still takes the database for its own.
    assert await store.rows("SELECT version FROM schema_version") == [(1,)]
    assert (await store.accept()).created_flight


async def test_many_processes_complete_an_older_database_at_once(
    first_release: Engine, database_url: str
) -> None:
    ref = ServerRef(url=database_url)
    opened = await asyncio.gather(*(asyncio.to_thread(Database.open, ref) for _ in range(12)))
    for database in opened:
        await database.ping()
        await database.close()


async def test_many_processes_make_a_new_database_at_once(database_url: str) -> None:
    ref = ServerRef(url=database_url)
    opened = await asyncio.gather(*(asyncio.to_thread(Database.open, ref) for _ in range(12)))
    for database in opened:
        await database.close()


async def test_a_newer_release_that_only_added_is_worked_with_and_another_version_is_refused(
    store: Any, database_url: str
) -> None:
    await store.sql("UPDATE schema_additions SET number = 99")
    await (await asyncio.to_thread(Database.open, ServerRef(url=database_url))).close()
    assert await store.rows("SELECT number FROM schema_additions") == [(99,)]
    await store.sql("UPDATE schema_version SET version = 99")
    with pytest.raises(Problem, match="schema version 99") as refused:
        await asyncio.to_thread(Database.open, ServerRef(url=database_url))
    assert refused.value.code is Code.INTERNAL


async def test_tallies_of_the_last_hour_add_up_by_version_and_site(store: Any) -> None:
    await store.repo.put_tally("w1.0", {("a", "Vimeo"): (1, 0), ("a", "Youtube"): (2, 1)})
    await store.sql("UPDATE tallies SET written_at = written_at - 3000")
    await store.repo.put_tally("w1.1", {("a", "Vimeo"): (1, 1)})
    await store.repo.put_tally("w2.0", {("b", "Vimeo"): (0, 4)})
    await store.repo.put_tally("w2.0", {("b", "Vimeo"): (0, 5)})
    assert await store.repo.extractors() == [
        ExtractorCount("a", "Vimeo", 2, 1),
        ExtractorCount("a", "Youtube", 2, 1),
        ExtractorCount("b", "Vimeo", 0, 5),
    ]
    await store.sql("UPDATE tallies SET written_at = written_at - 1000")
    assert await store.repo.extractors() == [
        ExtractorCount("a", "Vimeo", 1, 1),
        ExtractorCount("b", "Vimeo", 0, 5),
    ]
    await store.sql("UPDATE tallies SET written_at = written_at - 7200")
    await store.repo.purge()
    assert await store.rows("SELECT count(*) FROM tallies") == [(0,)]


async def test_a_flight_that_backs_off_asks_for_a_worker_before_it_is_due(store: Any) -> None:
    flight = await store.running()
    await store.repo.fail(flight.id, flight.attempt, Problem(Code.ORIGIN_RESET, "it broke off"))
    await store.sql("UPDATE flights SET not_before = not_before + 100")
    backlog = await store.repo.backlog()
    assert (backlog.delayed, backlog.demand, backlog.total) == (1, 0, 0)
    await store.sql("UPDATE flights SET not_before = not_before - 80")
    backlog = await store.repo.backlog()
    assert (backlog.delayed, backlog.demand, backlog.total) == (1, 1, 0)
