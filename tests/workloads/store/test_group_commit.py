"""Operations that share a commit succeed and fail each for itself."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import Connection, text

from reelplane_workloads.core.errors import Code, Problem
from reelplane_workloads.store import database

Make = Callable[..., Any]


def _beat(name: str) -> Callable[[Connection], str]:
    def operation(connection: Connection) -> str:
        connection.execute(
            text("INSERT INTO workers VALUES (:id, 'download', 'h', 1, 0, :no, 0, '')"),
            {"id": name, "no": False},
        )
        return name

    return operation


def _bad(connection: Connection) -> None:
    connection.execute(text("DELETE FROM workers"))
    raise LookupError("bad")


async def test_a_bad_operation_fails_alone_and_leaves_nothing_behind(store: Any) -> None:
    operations = [store.db.write(_bad if n % 10 == 5 else _beat(f"w{n}")) for n in range(100)]
    results = await asyncio.gather(*operations, return_exceptions=True)
    assert [n for n, result in enumerate(results) if isinstance(result, LookupError)] == list(
        range(5, 100, 10)
    )
    assert await store.rows("SELECT count(*) FROM workers") == [(90,)]


async def test_a_bad_item_of_a_merged_operation_fails_alone(store: Any) -> None:
    def handler(connection: Connection, names: Sequence[str]) -> list[str]:
        if "bad" in names:
            raise LookupError("bad")
        return [_beat(name)(connection) for name in names]

    names = ["a", "b", "bad", "c"]
    results = await asyncio.gather(
        *(store.db.write_merged(handler, name) for name in names), return_exceptions=True
    )
    assert [type(result) for result in results] == [str, str, LookupError, str]
    assert await store.rows("SELECT id FROM workers ORDER BY id") == [("a",), ("b",), ("c",)]


async def test_what_gathers_during_a_commit_is_merged(store: Any) -> None:
    sizes: list[int] = []
    started, release = threading.Event(), threading.Event()

    def handler(connection: Connection, items: Sequence[int]) -> Sequence[int]:
        sizes.append(len(items))
        if items == [0]:
            started.set()
            release.wait(10)
        return items

    first = asyncio.create_task(store.db.write_merged(handler, 0))
    await asyncio.to_thread(started.wait, 10)
    rest = [asyncio.create_task(store.db.write_merged(handler, n)) for n in range(1, 101)]
    await asyncio.sleep(0.05)
    if store.url.startswith("sqlite"):
        release.set()
    assert await asyncio.gather(*rest) == list(range(1, 101))
    release.set()
    assert await first == 0
    assert sum(sizes) == 101
    assert len(sizes) < 60


async def test_a_caller_that_gives_up_disturbs_nobody(store: Any) -> None:
    tasks = [asyncio.create_task(store.db.write(_beat(f"w{n}"))) for n in range(20)]
    await asyncio.sleep(0)
    tasks[3].cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(results[3], asyncio.CancelledError)
    assert [result for result in results if isinstance(result, str)] == [f"w{n}" for n in range(20) if n != 3]


async def test_closing_finishes_what_was_submitted(open_store: Make) -> None:
    store, other = open_store(), open_store()
    tasks = [asyncio.create_task(store.db.write(_beat(f"w{n}"))) for n in range(50)]
    await asyncio.sleep(0)
    await store.db.close()
    await asyncio.gather(*tasks)
    assert await other.rows("SELECT count(*) FROM workers") == [(50,)]
    with pytest.raises(Problem, match="being closed"):
        await store.accept()


async def test_a_loop_that_is_gone_does_not_stop_the_writer(store: Any) -> None:
    def abandon() -> None:
        async def submit() -> None:
            asyncio.ensure_future(store.db.write(_beat("orphan")))  # noqa: RUF006 - nobody is meant to wait
            await asyncio.sleep(0)

        asyncio.run(submit())

    await asyncio.to_thread(abandon)
    assert await store.db.write(_beat("w1")) == "w1"


async def test_beyond_the_bound_callers_are_told_to_come_back(store: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(database, "MAX_PENDING", 10)
    results = await asyncio.gather(*(store.accept("u1", f"p{n}") for n in range(200)), return_exceptions=True)
    refused = [result for result in results if isinstance(result, Problem)]
    assert refused
    assert {(problem.code, problem.retry_after) for problem in refused} == {(Code.UNAVAILABLE, 2)}
    assert await store.rows("SELECT count(*) FROM jobs") == [(200 - len(refused),)]


async def test_times_come_from_the_databases_clock(store: Any) -> None:
    await store.accept("u1")
    ((ago,),) = await store.rows(
        "SELECT extract(epoch from clock_timestamp()) - created_at FROM flights"
        if store.url.startswith("postgresql")
        else "SELECT strftime('%s', 'now') - created_at FROM flights"
    )
    assert -1.5 < float(ago) < 30
