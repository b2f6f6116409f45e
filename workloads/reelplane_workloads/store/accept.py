"""Accepting requests: the known medium or info, or a job on the one active flight for the URL.

Runs over all requests that gathered for one commit: whatever their number, the distinct URLs among them are
looked up once, missing flights are created once, and the jobs go in as one list. A hundred thousand followers
of one flight therefore cost little more than their rows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from reelplane_crds.runtime import Retention
from reelplane_workloads.core.errors import Code, Problem

from . import rows
from .faults import RETRY_AFTER
from .model import Accepted, FlightKind, FlightState, Medium, Options, Priority
from .schema import flights, jobs, media, now, urls
from .statements import Upsert, many

EXTEND_EVERY = 3600.0
"""Seconds between two extensions of a medium's expiry: a popular one is not rewritten at each request."""

_ROUNDS = 8
"""A flight may end between our finding and our joining it, as often as it takes another process to end one."""

# Locked, so that the flight cannot end between being found and its job being there; shared, so that accepting
# processes do not wait for each other. (SQLite has its one writer.)
_ACTIVE = (
    select(flights.c.active_key, flights.c.id)
    .where(flights.c.active_key.in_(many("keys")))
    .order_by(flights.c.active_key)
    .with_for_update(read=True)
)
_KNOWN = (
    select(urls.c.url_key, (media.c.expires_at < now() + bindparam("stale")).label("stale"), media)
    .join_from(urls, media, urls.c.identity == media.c.identity)
    .where(urls.c.url_key.in_(many("keys")), urls.c.expires_at > now(), media.c.expires_at > now())
)
_INFOS = (
    select(flights.c.url_key, flights.c.result)
    .where(
        flights.c.url_key.in_(many("keys")),
        flights.c.kind == FlightKind.INFO.value,
        flights.c.state == FlightState.DONE.value,
        flights.c.finished_at > now() - bindparam("within"),
    )
    .order_by(flights.c.finished_at)
)
_EXTEND_MEDIA = (
    update(media).where(media.c.identity.in_(many("of"))).values(expires_at=now() + bindparam("retention"))
)
_EXTEND_URLS = (
    update(urls).where(urls.c.url_key.in_(many("keys"))).values(expires_at=now() + bindparam("retention"))
)
_NEW_FLIGHT = Upsert(
    flights,
    "active_key",
    values={
        "not_before": now(),
        "created_at": now(),
        "attempt": 0,
        "failures": 0,
        "state": FlightState.QUEUED.value,
    },
)
_NEW_JOB = Upsert(
    jobs,
    "id",
    lambda new: {"cancelled_at": None, "created_at": new.created_at},
    when=jobs.c.cancelled_at.is_not(None),
    values={"created_at": now()},
)


@dataclass(frozen=True, slots=True)
class Request:
    principal: str
    kind: FlightKind
    url: str
    url_key: str
    options: Options
    priority: Priority


@dataclass(frozen=True, slots=True)
class Work:
    """What a flight is created from."""

    kind: FlightKind
    url: str
    options: Options
    priority: Priority


@dataclass(frozen=True, slots=True)
class Joined:
    flight_id: str
    created: bool


@dataclass(frozen=True, slots=True)
class Resolved:
    """What became of URL keys: each is in exactly one of these."""

    media: Mapping[str, Medium]
    infos: Mapping[str, dict[str, Any]]
    joined: Mapping[str, Joined]


class Acceptor:
    """The merged operation behind Repository.accept."""

    def __init__(self, retention: Retention) -> None:
        self._retention = retention

    def __call__(self, connection: Connection, requests: Sequence[Request]) -> list[Accepted]:
        first: dict[str, Request] = {}
        for request in requests:
            first.setdefault(request.url_key, request)
        works = {key: Work(r.kind, r.url, r.options, r.priority) for key, r in first.items()}
        found = resolve(connection, works, self._retention)
        answers: list[Accepted] = []
        new_jobs: list[dict[str, Any]] = []
        for request in requests:
            flight = found.joined.get(request.url_key)
            if flight is None:
                medium, info = found.media.get(request.url_key), found.infos.get(request.url_key)
                answers.append(Accepted(medium=medium, info=info))
                continue
            job = job_row(
                principal=request.principal,
                flight_id=flight.flight_id,
                url=request.url,
                options=rows.dump_options(request.options),
            )
            new_jobs.append(job)
            created = flight.created and first[request.url_key] is request
            answers.append(Accepted(job_id=job["id"], flight_id=flight.flight_id, created_flight=created))
        add_jobs(connection, new_jobs)
        return answers


def job_row(
    *,
    principal: str,
    flight_id: str,
    url: str,
    options: str,
    parent_id: str = "",
    position: int = 0,
) -> dict[str, Any]:
    """The parameters of one job for ``add_jobs``; ``options`` as ``rows.dump_options`` spells them."""
    return {
        "id": rows.job_id(principal, flight_id, parent_id),
        "principal": principal,
        "flight_id": flight_id,
        "parent_id": parent_id,
        "position": position,
        "url": rows.storable(url),
        "options": options,
    }


def add_jobs(connection: Connection, new_jobs: Sequence[Mapping[str, Any]]) -> None:
    """Insert jobs; one that exists stays as it is, one that was cancelled is revived."""
    if new_jobs:
        _NEW_JOB.run(connection, new_jobs)


def resolve(connection: Connection, works: Mapping[str, Work], retention: Retention) -> Resolved:
    """For each URL key: what is known, or else the active flight for it, created where there is none.

    Flights are looked up (and held) before what they bring: a flight that ends in between has then already left it
    to be found, and nothing is extracted twice.
    """
    keys = sorted(works)
    active = _active(connection, keys)
    media = _known(connection, keys, retention.media)
    joined = {key: Joined(active[key], created=False) for key in keys if key in active and key not in media}
    missing = [key for key in keys if key not in active and key not in media]
    infos = _infos(connection, [key for key in missing if works[key].kind is FlightKind.INFO], retention.info)
    missing = [key for key in missing if key not in infos]
    for _ in range(_ROUNDS):
        if not missing:
            return Resolved(media, infos, joined)
        created = {key: rows.new_flight_id() for key in missing}
        # In the order of the keys, so that two processes creating the same flights cannot deadlock.
        _NEW_FLIGHT.run(connection, [_flight_row(created[key], key, works[key]) for key in missing])
        for key, flight_id in _active(connection, missing).items():
            joined[key] = Joined(flight_id, created=flight_id == created[key])
        missing = [key for key in missing if key not in joined]
    raise Problem(
        Code.UNAVAILABLE, "flights for this URL end faster than they are joined", retry_after=RETRY_AFTER
    )


def _flight_row(flight_id: str, url_key: str, work: Work) -> dict[str, object]:
    return {
        "id": flight_id,
        "kind": work.kind.value,
        "url_key": url_key,
        "active_key": url_key,
        "url": rows.storable(work.url),
        "options": rows.dump_options(work.options),
        "priority": int(work.priority),
    }


def _active(connection: Connection, keys: Sequence[str]) -> dict[str, str]:
    return {row.active_key: row.id for row in connection.execute(_ACTIVE, {"keys": keys})}


def _known(connection: Connection, keys: Sequence[str], retention: float) -> dict[str, Medium]:
    parameters = {"keys": keys, "stale": retention - EXTEND_EVERY}
    found = connection.execute(_KNOWN, parameters).mappings().all()
    stale = [row for row in found if row["stale"]]
    if stale:
        connection.execute(
            _EXTEND_MEDIA, {"of": sorted({row["identity"] for row in stale}), "retention": retention}
        )
        connection.execute(
            _EXTEND_URLS, {"keys": sorted(row["url_key"] for row in stale), "retention": retention}
        )
        found = connection.execute(_KNOWN, parameters).mappings().all()
    return {row["url_key"]: rows.medium_of(row) for row in found}


def known(connection: Connection, url_key: str) -> Medium | None:
    """See Repository.known. Extends nothing: it is a read."""
    row = connection.execute(_KNOWN, {"keys": [url_key], "stale": 0.0}).mappings().first()
    return None if row is None else rows.medium_of(row)


def _infos(connection: Connection, keys: Sequence[str], within: float) -> dict[str, dict[str, Any]]:
    if not keys:
        return {}
    found = connection.execute(_INFOS, {"keys": keys, "within": within})
    return {row.url_key: json.loads(row.result) for row in found}  # the newest comes last


def recent_info(connection: Connection, url_key: str, within: float) -> dict[str, Any] | None:
    """See Repository.recent_info."""
    return _infos(connection, [url_key], within).get(url_key)
