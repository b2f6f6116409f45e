"""The nouns of the download path, as values; ``schema`` has the tables, ``repository`` what is done to them.

- A **job** is what one principal asked for. Only that principal sees or cancels it.
- A **flight** is the work: one extraction and download (or one info extraction) of one URL with one set of
  options. All jobs for the same thing follow one flight; at most one active flight exists per ``url_key``.
- A **medium** is the result, under its canonical identity. Several URLs may lead to one identity.
- A **fence** is a flight's attempt number. It rises with each claim, and only its holder may publish.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any, Literal


class FlightState(StrEnum):
    QUEUED = "queued"
    """Waiting for a worker; ``not_before`` may lie in the future after a failed attempt."""
    RUNNING = "running"
    """Claimed by a worker whose heartbeat is fresh."""
    FOLLOWING = "following"
    """Turned out to be the identity that another active flight brings in; ends as that one ends."""
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def active(self) -> bool:
        return self in (FlightState.QUEUED, FlightState.RUNNING, FlightState.FOLLOWING)


class FlightKind(StrEnum):
    DOWNLOAD = "download"
    INFO = "info"


class Priority(IntEnum):
    """Lower runs first. A person waits on info, a person watches a download, nobody watches a playlist's tail."""

    HIGH = 0
    NORMAL = 1
    LOW = 2


@dataclass(frozen=True, slots=True)
class Options:
    """What may be chosen per job. Part of a flight's key, so that other options never get another's result."""

    format: Literal["video", "audio"] = "video"
    max_height: int | None = None
    """Pixels; None: as the pipeline's limit allows."""
    playlist: bool = False
    item: int | None = None
    """1-based position in a playlist whose entries have no URL of their own."""


@dataclass(frozen=True, slots=True)
class Medium:
    identity: str
    key: str
    """Object key, content-addressed: ``<first 2 hex>/<sha256 hex>.<ext>``."""
    content_type: str
    size: int
    duration: float | None
    """Seconds."""
    width: int | None
    height: int | None
    title: str
    extractor: str
    webpage_url: str
    expires_at: float = 0.0
    """Seconds since the epoch by the database's clock."""


@dataclass(frozen=True, slots=True)
class Flight:
    id: str
    kind: FlightKind
    url_key: str
    url: str
    """As the first client sent it (trimmed): normalisation serves the key only."""
    options: Options
    priority: Priority
    state: FlightState
    attempt: int
    """The fence: number of claims so far."""
    worker: str | None = None
    leader: str | None = None
    identity: str | None = None
    not_before: float = 0.0
    error_code: str | None = None
    error_detail: str | None = None
    result: dict[str, Any] | None = None
    """Info flights: the info. Playlist flights: ``{"playlist": {"title": …, "count": …}}``."""
    created_at: float = 0.0
    started_at: float | None = None
    finished_at: float | None = None


@dataclass(frozen=True, slots=True)
class JobView:
    """A job with what its owner may know of the flight it follows (its leader's, when that one follows)."""

    id: str
    principal: str
    url: str
    options: Options
    created_at: float
    cancelled: bool
    flight: Flight
    medium: Medium | None
    items: tuple[JobView, ...] = ()
    """The set of jobs, for a playlist; empty for a single video and inside items."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """What ``Repository.accept`` committed. Exactly one of ``medium``, ``info`` and ``job_id`` is set."""

    medium: Medium | None = None
    info: dict[str, Any] | None = None
    job_id: str | None = None
    flight_id: str | None = None
    created_flight: bool = False
    """True for the one request that must dispatch the flight (and pays the download token)."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A flight handed to a worker. ``flight.attempt`` is its fence."""

    flight: Flight


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a playlist as the extractor listed it."""

    url: str
    url_key: str
    options: Options
    title: str = ""


@dataclass(frozen=True, slots=True)
class Backlog:
    """The scaling signal of one flight class: what is due plus what runs."""

    waiting: int
    running: int
    delayed: int = 0
    """Backing off: not yet due."""
    soon: int = 0
    """Those of the delayed that are due within ``SOON``."""

    @property
    def total(self) -> int:
        """What the queue should hold: due or running."""
        return self.waiting + self.running

    @property
    def demand(self) -> int:
        """What workers are wanted for, and what scaling follows."""
        return self.waiting + self.running + self.soon


SOON = 30.0
"""Seconds ahead of which a delayed flight asks for a worker: KEDA's default polling interval. A flight that is due
before the autoscaler looks again counts now, so that a platform whose only jobs back off is not scaled to zero under
them; one that is due later is seen by the next look in time."""


@dataclass(frozen=True, slots=True)
class WorkerRow:
    id: str
    worker_class: str
    host: str
    capacity: int
    busy: int
    draining: bool
    seen_ago: float
    """Seconds since its last heartbeat by the database's clock."""
    extractor: str = ""
    """Version of the extractor it runs; empty: not known."""


@dataclass(frozen=True, slots=True)
class ExtractorCount:
    """How one extractor version did on one site."""

    version: str
    site: str
    done: int
    """Attempts to which it brought what was asked."""
    failed: int
    """Attempts whose failure it is to blame for (``core.errors.blames_extractor``)."""


@dataclass(frozen=True, slots=True)
class SweepResult:
    """What a sweep found: flights to dispatch (again) and flights that ended."""

    dispatch: tuple[Flight, ...] = ()
    ended: tuple[Flight, ...] = field(default=())
