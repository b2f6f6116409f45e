"""What was answered is on the disk, and several processes may write the same file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reelplane_crds.runtime import ServerRef
from reelplane_workloads.core.errors import Problem
from reelplane_workloads.store.database import Database


async def test_nothing_accepted_is_lost_when_the_process_is_killed(
    database_url: str, store: Any, start_process: Callable[..., Any]
) -> None:
    process = start_process("accept_forever", [database_url])

    def kill_in_the_middle() -> list[str]:
        accepted = [process.stdout.readline().strip() for _ in range(200)]
        process.kill()
        # What it had printed up to its death counts as well, a line cut off in the middle does not.
        return accepted + [line for line in process.stdout.read().splitlines() if len(line) == 32]

    accepted = await asyncio.to_thread(kill_in_the_middle)
    committed = {job_id for (job_id,) in await store.rows("SELECT id FROM jobs")}
    assert len(accepted) >= 200
    assert set(accepted) <= committed
    due = {flight.id for flight in (await store.repo.sweep()).dispatch}
    assert due == {flight_id for (flight_id,) in await store.rows("SELECT flight_id FROM jobs")}


async def test_sqlite_reaches_the_disk_with_every_commit(tmp_path: Path) -> None:
    db = Database.open(ServerRef(url=f"sqlite:///{tmp_path / 'store.db'}"))
    settings = await db.write(
        lambda c: [c.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("synchronous", "journal_mode")]
    )
    await db.close()
    assert settings == [2, "wal"]


@pytest.mark.parametrize("times", [3])
async def test_processes_that_start_at_once_agree_on_the_tables(database_url: str, times: int) -> None:
    for _ in range(times):
        opened = await asyncio.gather(
            *(asyncio.to_thread(Database.open, ServerRef(url=database_url)) for _ in range(6))
        )
        for db in opened:
            await db.ping()
            await db.close()


async def test_a_newer_releases_tables_are_refused(database_url: str, store: Any) -> None:
    await store.sql("UPDATE schema_version SET version = 99")
    with pytest.raises(Problem, match="schema version 99, this release knows 1"):
        Database.open(ServerRef(url=database_url))


async def test_state_survives_closing_and_opening(store: Any, open_store: Callable[..., Any]) -> None:
    answer = await store.accept()
    await store.db.close()
    again = open_store()
    assert (await again.repo.job(answer.job_id, "ann")).flight.id == answer.flight_id
