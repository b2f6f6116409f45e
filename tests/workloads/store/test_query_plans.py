"""Looks for a playlist's items use the partial index: a viral URL has a hundred thousand jobs and no playlist."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Select
from sqlalchemy.dialects import sqlite

from reelplane_crds.runtime import ServerRef
from reelplane_workloads.store import purge, views
from reelplane_workloads.store.database import Database


@pytest.mark.parametrize(
    "statement",
    [purge._OVER, views._ITEMS],
    ids=["purge", "items of a job"],
)
async def test_items_are_found_by_index(statement: Select[Any], tmp_path: Path) -> None:
    db = Database.open(ServerRef(url=f"sqlite:///{tmp_path / 'db'}"))
    try:
        sql = str(statement.compile(dialect=sqlite.dialect(), compile_kwargs={"render_postcompile": True}))
        count = sql.count("?")
        plan = await db.read(
            lambda c: [row[3] for row in c.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", ("1",) * count)]
        )
    finally:
        await db.close()
    assert any("jobs_parent" in step for step in plan), plan
