"""A PostgreSQL database may have been made without a locale, as ``initdb`` does where none is set."""

from __future__ import annotations

import psycopg

from reelplane_crds.runtime import ServerRef
from reelplane_workloads.store.database import Database


async def test_a_database_without_an_encoding_of_its_own_serves_all_the_same(postgres_url: str) -> None:
    base, _, name = postgres_url.rpartition("/")
    plain = f"{name}_ascii"
    with psycopg.connect(f"{base}/postgres", autocommit=True) as admin:
        admin.execute(
            f"CREATE DATABASE \"{plain}\" ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0"  # type: ignore[arg-type]
        )
        try:
            database = Database.open(ServerRef(url=f"{base}/{plain}"))
            await database.close()
        finally:
            admin.execute(f'DROP DATABASE "{plain}" WITH (FORCE)')  # type: ignore[arg-type]
