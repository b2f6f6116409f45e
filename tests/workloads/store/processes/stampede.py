"""``stampede.py <database url> <name> <count> <keys>``: when told to, accept ``count`` requests for few URLs at once.

Says "ready", waits for a line, then prints one JSON object: how many flights it was told it created, and the
flight each URL key led to.
"""

from __future__ import annotations

import asyncio
import json
import sys

from reelplane_crds.runtime import Retention, ServerRef
from reelplane_workloads.store.database import Database
from reelplane_workloads.store.model import FlightKind, Options, Priority
from reelplane_workloads.store.repository import Repository


async def main(url: str, name: str, count: int, keys: int) -> None:
    database = Database.open(ServerRef(url=url))
    repository = Repository(database, Retention())
    print("ready")
    await asyncio.to_thread(sys.stdin.readline)
    accepted = await asyncio.gather(
        *(
            repository.accept(
                principal=f"{name}-{n}",
                kind=FlightKind.DOWNLOAD,
                url=f"http://example.com/{n % keys}",
                url_key=f"key-{n % keys}",
                options=Options(),
                priority=Priority.NORMAL,
            )
            for n in range(count)
        )
    )
    flights = {f"key-{n % keys}": answer.flight_id for n, answer in enumerate(accepted)}
    print(
        json.dumps(
            {
                "created": sum(answer.created_flight for answer in accepted),
                "flights": flights,
                "jobs": len({answer.job_id for answer in accepted}),
            }
        )
    )
    await database.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
