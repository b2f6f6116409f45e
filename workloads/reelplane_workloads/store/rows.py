"""Between rows and the nouns of ``model``: pure, and the only place that knows how options and results are spelled."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import asdict
from functools import lru_cache
from typing import Any

from sqlalchemy import RowMapping

from .model import Flight, FlightKind, FlightState, Medium, Options, Priority


def new_flight_id() -> str:
    """32 hex digits nobody can guess."""
    return uuid.uuid4().hex


def job_id(principal: str, flight_id: str, parent_id: str = "") -> str:
    """32 hex digits that are the same for the same request: accepting is idempotent by the primary key alone.

    Flight ids are random, so that a job's id says nothing and cannot be guessed.
    """
    text = "\0".join((principal, flight_id, parent_id))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


# Options are immutable, and a platform sees few different ones.
@lru_cache(maxsize=1024)
def dump_options(options: Options) -> str:
    return json.dumps(asdict(options), separators=(",", ":"), sort_keys=True)


@lru_cache(maxsize=1024)
def load_options(text: str) -> Options:
    return Options(**json.loads(text))


def storable(text: str) -> str:
    """Text that both databases can hold: PostgreSQL refuses NUL, both drivers refuse lone surrogates.

    Titles and messages come from strangers' pages and may hold either.
    """
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def dump_result(result: dict[str, Any]) -> str:
    return storable(json.dumps(result, separators=(",", ":"), ensure_ascii=False))


def flight_of(row: RowMapping | Mapping[str, Any], prefix: str = "") -> Flight:
    """The flight in a row of ``flights``, or in a join whose labels start with ``prefix``."""
    result = row[prefix + "result"]
    return Flight(
        id=row[prefix + "id"],
        kind=FlightKind(row[prefix + "kind"]),
        url_key=row[prefix + "url_key"],
        url=row[prefix + "url"],
        options=load_options(row[prefix + "options"]),
        priority=Priority(row[prefix + "priority"]),
        state=FlightState(row[prefix + "state"]),
        attempt=row[prefix + "attempt"],
        worker=row[prefix + "worker"],
        leader=row[prefix + "leader"],
        identity=row[prefix + "identity"],
        not_before=row[prefix + "not_before"],
        error_code=row[prefix + "error_code"],
        error_detail=row[prefix + "error_detail"],
        result=None if result is None else json.loads(result),
        created_at=row[prefix + "created_at"],
        started_at=row[prefix + "started_at"],
        finished_at=row[prefix + "finished_at"],
    )


def medium_of(row: RowMapping, prefix: str = "") -> Medium:
    """The medium in a row of ``media``, or in a join whose labels start with ``prefix``."""
    return Medium(
        identity=row[prefix + "identity"],
        key=row[prefix + "object_key"],
        content_type=row[prefix + "content_type"],
        size=row[prefix + "size"],
        duration=row[prefix + "duration"],
        width=row[prefix + "width"],
        height=row[prefix + "height"],
        title=row[prefix + "title"],
        extractor=row[prefix + "extractor"],
        webpage_url=row[prefix + "webpage_url"],
        expires_at=row[prefix + "expires_at"],
    )
