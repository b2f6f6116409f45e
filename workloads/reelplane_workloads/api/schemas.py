"""The shapes of answers, for the API's documentation. ``views`` makes the answers; a test holds the two together."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

State = Literal["queued", "running", "done", "failed", "cancelled"]


class Media(BaseModel):
    """The result. The object itself is found at ``/v1/media/{key}``."""

    key: str = Field(description="Content-addressed: the same bytes have the same key everywhere.")
    url: str = Field(description="Plays. Signed, expires: take a fresh one from the job.")
    downloadUrl: str = Field(description="Is saved under the title. Signed, expires.")
    contentType: str
    size: int = Field(description="Bytes.")
    duration: float | None = Field(description="Seconds.")
    width: int | None = Field(description="Pixels; null for audio.")
    height: int | None
    title: str


class Hit(BaseModel):
    """The video is here already: no job is made, and no download token is used."""

    state: Literal["done"]
    media: Media


class Links(BaseModel):
    self: str
    events: str = Field(description="Server-sent events.")
    cancel: str = Field(description="DELETE it.")


class AcceptedJob(BaseModel):
    """The job is committed: it survives any process of the platform."""

    id: str
    state: Literal["queued"] = Field(description="As of acceptance; the job itself says how far it is.")
    links: Links


class Options(BaseModel):
    format: Literal["video", "audio"]
    maxHeight: int | None
    playlist: bool


class Progress(BaseModel):
    """The last event of a running job."""

    state: str
    phase: str = Field(default="", description="starting, extracting, downloading, processing.")
    percent: float | None = Field(default=None, description="0 to 100; null while the size is not known.")
    bytes: int = 0
    total: int | None = Field(default=None, description="Bytes; an estimate for fragmented media.")
    speed: float | None = Field(default=None, description="Bytes per second.")
    eta: float | None = Field(default=None, description="Seconds.")


class Job(BaseModel):
    id: str
    kind: Literal["download", "info"]
    state: State
    url: str
    options: Options
    createdAt: str
    startedAt: str | None
    finishedAt: str | None
    attempt: int = Field(description="How often work on it was begun.")
    links: Links
    progress: Progress | None = None
    media: Media | None = None
    info: dict[str, Any] | None = None
    error: dict[str, Any] | None = Field(default=None, description="A Problem; `instance` is the job's id.")
    playlist: dict[str, Any] | None = Field(default=None, description="Title and count, once listed.")
    counts: dict[str, int] | None = Field(
        default=None, description="A playlist's items by state, and their total."
    )
    items: list[Job] | None = Field(default=None, description="A playlist's jobs, in its order.")


class Jobs(BaseModel):
    jobs: list[Job]


class Queue(BaseModel):
    waiting: int
    running: int
    delayed: int = Field(description="Backing off after a failure; not due yet.")
    backlog: int = Field(
        description="What workers are wanted for, and what scaling follows: waiting, running, and delayed for 30 s at "
        "most."
    )


class Worker(BaseModel):
    id: str
    instance: str = Field(description="What the runtime calls it: on a cluster the name of its pod.")
    workerClass: str = Field(alias="class")
    busy: int
    capacity: int
    draining: bool
    extractor: str = Field(description="Version of the extractor it runs; empty: not known.")


class Cache(BaseModel):
    hits: dict[str, int] = Field(description="By the layer that answered: memory, valkey, database.")
    followers: int = Field(description="Requests that joined work already under way.")
    misses: int = Field(description="Requests that started new work.")
    hitRate: float | None = Field(
        description="Share of requests that started no new work, 0 to 1; null: none yet."
    )


class Proxies(BaseModel):
    healthy: int
    total: int
    bans: int = Field(
        description="Pairs of proxy and extractor, or proxy and health check, that are banned now."
    )


class Extractor(BaseModel):
    """Attempts of the last hour."""

    version: str
    site: str = Field(description="The extractor's name for it; `none`: it failed before one was chosen.")
    done: int
    failed: int = Field(description="By its own fault: see the last column of the error codes.")


class Status(BaseModel):
    """One second old at most."""

    platform: str
    queue: Queue
    workers: list[Worker]
    cache: Cache | None = Field(description="Null while Valkey is away.")
    downloads: dict[str, int] | None
    proxies: Proxies | None = Field(
        description="Null without a pool, and while no worker says how it stands."
    )
    extractors: list[Extractor]


class Readiness(BaseModel):
    ready: bool
    checks: dict[str, str] = Field(description="`ok`, or why not.")
