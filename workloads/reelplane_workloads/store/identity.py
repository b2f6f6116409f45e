"""Stage two of single flight: several URLs turn out to be one video, and one flight brings it in.

The lease is a row of ``identities``; its holder is active and follows nobody, so that there are no chains and
no cycles. A flight that finds the lease taken by an active flight follows it; one whose holder has ended (which
frees the lease in the same transaction) takes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, bindparam, delete, select, update

from reelplane_workloads.core.errors import Code, Problem

from .endings import end, end_known, held, held_now, let_go, wanted_itself
from .faults import RETRY_AFTER
from .model import FlightState
from .schema import flights, identities, media, now
from .statements import ALONE, Alone, Upsert, many

Entrance = Literal["lead", "follow", "known", "fenced"]

_ROUNDS = 5
"""The lease can change hands between two of our statements only when its holder ends; five in a row is no chance."""

_KNOWN = select(media.c.identity).where(media.c.identity.in_(many("keys")), media.c.expires_at > now())
_LEASED = select(identities.c.identity).where(identities.c.identity.in_(many("keys")))
_TAKE_LEASE = Upsert(identities, "identity")
_HOLDER = (
    select(flights.c.id, flights.c.state)
    .join_from(identities, flights, identities.c.flight_id == flights.c.id)
    .where(identities.c.identity == bindparam("key"))
    # A share of the holder's row: it cannot end before we follow it.
    .with_for_update(read=True, of=flights)
)
_DROP_LEASE = delete(identities).where(
    identities.c.identity == bindparam("key"), identities.c.flight_id == bindparam("holder")
)
_LEAD = update(flights).where(flights.c.id == bindparam("flight_id")).values(identity=bindparam("key"))
# What a flight leads is what it holds the lease of, and it holds one.
_LEAD_ALL = (
    update(flights)
    .where(flights.c.id.in_(many("ids")))
    .values(
        identity=select(identities.c.identity).where(identities.c.flight_id == flights.c.id).scalar_subquery()
    )
)
_FOLLOW = (
    update(flights)
    .where(flights.c.id == bindparam("flight_id"))
    .values(
        state=FlightState.FOLLOWING.value,
        worker=None,
        claimed_at=None,
        leader=bindparam("holder"),
        identity=bindparam("key"),
    )
)


@dataclass(frozen=True, slots=True)
class Entering:
    flight_id: str
    fence: int
    identity: str


def enter_new(connection: Connection, entering: Sequence[Entering]) -> list[Entrance | Alone]:
    """The merged form of ``enter``: leads the identities that are new to everyone; whatever else is ALONE."""
    held_flights = held_now(connection, [item.flight_id for item in entering])
    leaders: dict[str, Entering] = {}
    entered: set[str] = set()
    for item in entering:
        free = held_flights.get(item.flight_id) == (item.fence, None)
        if free and item.flight_id not in entered and leaders.setdefault(item.identity, item) is item:
            entered.add(item.flight_id)
    if not leaders:
        return [ALONE] * len(entering)
    # Seen first, so that the insert waits for nobody who is about to free a lease while holding flights.
    leased = set(connection.execute(_LEASED, {"keys": list(leaders)}).scalars())
    new = [
        {"identity": identity, "flight_id": leaders[identity].flight_id}
        for identity in sorted(leaders.keys() - leased)
    ]
    won = _TAKE_LEASE.written(connection, new)
    known: set[str] = set()
    if won:
        connection.execute(_LEAD_ALL, {"ids": [leaders[identity].flight_id for identity in won]})
        # Asked only now that the leases are ours. What is known ends its flight, which leads until then.
        known = set(connection.execute(_KNOWN, {"keys": list(won)}).scalars())
    lead = won - known
    return [
        "lead" if item.identity in lead and leaders[item.identity] is item else ALONE for item in entering
    ]


def enter(connection: Connection, flight_id: str, fence: int, identity: str) -> Entrance:
    """See Repository.enter_identity."""
    row = held(connection, flight_id, fence)
    if row is None:
        return "fenced"
    if row["identity"] not in (None, identity):
        # An earlier attempt saw another video behind the URL; who waits for that one must not wait for this.
        let_go(connection, flight_id)
        if not wanted_itself(connection, flight_id):
            # Only those it has just let go still wanted it: it had led on for their sake.
            end(connection, [flight_id], FlightState.CANCELLED, Code.CANCELLED)
            return "fenced"
    for _ in range(_ROUNDS):
        _TAKE_LEASE.run(connection, {"identity": identity, "flight_id": flight_id})
        holder = connection.execute(_HOLDER, {"key": identity}).mappings().first()
        if holder is None:
            continue
        if holder["id"] == flight_id:
            # Asked only now that the lease is ours: nobody else can be about to publish the medium.
            if connection.execute(_KNOWN, {"keys": [identity]}).first() is not None:
                end_known(connection, row, identity)
                return "known"
            connection.execute(_LEAD, {"flight_id": flight_id, "key": identity})
            return "lead"
        if holder["state"] in (FlightState.QUEUED, FlightState.RUNNING):
            connection.execute(_FOLLOW, {"flight_id": flight_id, "holder": holder["id"], "key": identity})
            return "follow"
        connection.execute(_DROP_LEASE, {"key": identity, "holder": holder["id"]})
    raise Problem(Code.UNAVAILABLE, "the lease of this video changes hands too fast", retry_after=RETRY_AFTER)
