"""``accept_forever.py <database url>``: accept distinct requests, print each job's id once ``accept`` returned.

Meant to be killed in the middle: whatever was printed must be in the database.
"""

from __future__ import annotations

import asyncio
import itertools
import sys

from reelplane_crds.runtime import Retention, ServerRef
from reelplane_workloads.store.database import Database
from reelplane_workloads.store.model import FlightKind, Options, Priority
from reelplane_workloads.store.repository import Repository


async def main(url: str) -> None:
    repository = Repository(Database.open(ServerRef(url=url)), Retention())
    numbers = itertools.count()

    async def client() -> None:
        for n in numbers:
            accepted = await repository.accept(
                principal="ann",
                kind=FlightKind.DOWNLOAD,
                url=f"http://example.com/{n}",
                url_key=f"key-{n}",
                options=Options(),
                priority=Priority.NORMAL,
            )
            print(accepted.job_id)

    await asyncio.gather(*(client() for _ in range(8)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
