"""Blobs: announced before they are put, referred to by media, condemned before they are deleted.

The order makes deleting safe without a lock across the object store: a publisher touches the row, puts the
blob, then commits the medium; purge condemns only rows that no medium refers to and nobody touched for an
hour; a condemned key cannot be touched or published until its row is forgotten.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, bindparam, delete

from reelplane_workloads.core.errors import Code, Problem

from .database import Database
from .faults import RETRY_AFTER
from .schema import now, objects
from .statements import Upsert

_PATIENCE = 30.0
"""Seconds to wait for a deletion of the same key to end: deleting a page of 200 blobs takes a few."""
_POLL = 0.2

_TOUCH = Upsert(
    objects,
    "key",
    lambda new: {"size": new.size, "touched_at": now()},
    when=objects.c.condemned_at.is_(None),
    values={"touched_at": now()},
)
_FORGET = delete(objects).where(objects.c.key == bindparam("object_key"), objects.c.condemned_at.is_not(None))


def touched(connection: Connection, sizes: Mapping[str, int]) -> set[str]:
    """Touch the objects of these keys and sizes; the keys of those that were not condemned."""
    return _TOUCH.written(connection, [{"key": key, "size": sizes[key]} for key in sorted(sizes)])


def _touch_each(connection: Connection, items: Sequence[tuple[str, int]]) -> list[bool]:
    done = touched(connection, dict(items))
    return [key in done for key, _ in items]


def _condemned(key: str) -> Problem:
    return Problem(Code.UNAVAILABLE, f"object {key} is being deleted", retry_after=RETRY_AFTER)


async def touch(db: Database, key: str, size: int) -> None:
    """See Repository.touch_object."""
    deadline = time.monotonic() + _PATIENCE
    while not await db.write_merged(_touch_each, (key, size)):
        if time.monotonic() > deadline:
            raise _condemned(key)
        await asyncio.sleep(_POLL)


def publish(connection: Connection, key: str, size: int) -> None:
    """Renew the touch in the transaction that makes a medium refer to the object.

    Raises Problem(UNAVAILABLE) when the object was condemned meanwhile: its blob is gone or about to be.
    """
    if not touched(connection, {key: size}):
        raise _condemned(key)


def forget(connection: Connection, key: str) -> None:
    """See Repository.forget_object. A key that is not condemned is left alone."""
    connection.execute(_FORGET, {"object_key": key})
