"""Publishing a medium: the one ending that brings something, and the one that every successful download takes.

``complete`` is the general form. ``Publisher`` is its merged form for flights that nobody follows, which is nearly
all of them: its statements are as many for a batch as for one flight.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam

from . import objects, rows
from .endings import end, end_known, followed, held, held_now, put_urls
from .model import FlightState, Medium
from .schema import media, now
from .statements import ALONE, Alone, Upsert

_PUT_MEDIUM = Upsert(
    media,
    "identity",
    lambda new: {column.name: new[column.name] for column in media.columns if column.name != "identity"},
    values={"created_at": now(), "expires_at": now() + bindparam("retention")},
)


@dataclass(frozen=True, slots=True)
class Publication:
    flight_id: str
    fence: int
    medium: Medium


class Publisher:
    """The merged operation behind Repository.complete; ``retention`` is a medium's, in seconds."""

    def __init__(self, retention: float) -> None:
        self._retention = retention

    def __call__(
        self, connection: Connection, publications: Sequence[Publication]
    ) -> list[tuple[str, ...] | Alone]:
        usual = self._usual(connection, publications)
        ids = [publication.flight_id for publication in usual.values()]
        if ids:
            _PUT_MEDIUM.written(
                connection,
                [_media_row(usual[identity].medium, self._retention) for identity in sorted(usual)],
            )
            end(connection, ids, FlightState.DONE)
            put_urls(connection, ids)
        return [
            (publication.flight_id,) if usual.get(publication.medium.identity) is publication else ALONE
            for publication in publications
        ]

    def _usual(self, connection: Connection, publications: Sequence[Publication]) -> dict[str, Publication]:
        """By identity: what is held, leads, has no followers, and refers to an object that is not condemned."""
        held_flights = held_now(connection, [publication.flight_id for publication in publications])
        leading: dict[str, Publication] = {}
        for publication in publications:
            identity = publication.medium.identity
            if held_flights.get(publication.flight_id) == (publication.fence, identity):
                leading.setdefault(identity, publication)
        if not leading:
            return {}
        led = followed(connection, [publication.flight_id for publication in leading.values()])
        single = {
            identity: publication
            for identity, publication in leading.items()
            if publication.flight_id not in led
        }
        sizes = {publication.medium.key: publication.medium.size for publication in single.values()}
        touched = objects.touched(connection, sizes)
        return {
            identity: publication
            for identity, publication in single.items()
            if publication.medium.key in touched
        }


def complete(
    connection: Connection, flight_id: str, fence: int, medium: Medium, retention: float
) -> tuple[str, ...] | None:
    """See Repository.complete. Raises ValueError when the flight entered another identity than the medium's."""
    row = held(connection, flight_id, fence)
    if row is None:
        return None
    if row["identity"] not in (None, medium.identity):
        raise ValueError(f"flight {flight_id} entered {row['identity']!r}, its medium is {medium.identity!r}")
    objects.publish(connection, medium.key, medium.size)
    _PUT_MEDIUM.run(connection, _media_row(medium, retention))
    return end_known(connection, row, medium.identity)


def _media_row(medium: Medium, retention: float) -> dict[str, Any]:
    return {
        "identity": medium.identity,
        "object_key": medium.key,
        "content_type": medium.content_type,
        "size": medium.size,
        "duration": medium.duration,
        "width": medium.width,
        "height": medium.height,
        "title": rows.storable(medium.title),
        "extractor": rows.storable(medium.extractor),
        "webpage_url": rows.storable(medium.webpage_url),
        "retention": retention,
    }
