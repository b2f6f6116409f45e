"""The runtime document: the one file from which a workload learns everything it must know.

The planner resolves VideoPlatform, VideoPipeline and ProxyPool into one document per workload; the local
runtime writes it into the state folder, the operator into a ConfigMap. A workload reads no other
configuration: no environment variables, no defaults of its own that a person would have to guess.

Secrets never stand in the document: it names files (``*_file``) that the runtime mounts or writes with mode
0600. Durations are seconds, sizes are bytes, times of day do not occur.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class RuntimeModel(BaseModel):
    """Base of all parts of the document: frozen, and an unknown key is an error, not a surprise."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ServerRef(RuntimeModel):
    """A server reached by URL. ``url`` holds no password; ``password_file`` names a file that does."""

    url: str
    """``unix:///path/to.sock``, ``redis://host:6379/0``, ``rediss://…``, ``sqlite:////abs/path.db`` or ``postgresql://…``."""
    password_file: Path | None = None


class FolderObjects(RuntimeModel):
    kind: Literal["folder"] = "folder"
    root: Path
    capacity: int | None = None
    """Bytes the folder may hold before publishing is refused as ``disk_full``; None: as the disk allows."""


class S3Objects(RuntimeModel):
    kind: Literal["s3"] = "s3"
    bucket: str
    region: str
    endpoint: str | None = None
    """URL of an S3-compatible server; None means AWS."""
    prefix: str = ""
    access_key_file: Path | None = None
    secret_key_file: Path | None = None
    """Both None: the instance's own credentials (IRSA, Pod Identity, profile)."""


class Stores(RuntimeModel):
    """Where state lives. ``queue`` must not evict and ``cache`` may vanish, also when one server plays both."""

    cache: ServerRef
    queue: ServerRef
    database: ServerRef
    objects: Annotated[FolderObjects | S3Objects, Field(discriminator="kind")]


class Rate(RuntimeModel):
    """``count`` events in ``per`` seconds, GCRA: evenly refilled, at most ``count`` at once."""

    count: int = Field(ge=1)
    per: int = Field(ge=1)


class ApiSettings(RuntimeModel):
    info_rate: Rate = Rate(count=10, per=60)
    download_rate: Rate = Rate(count=3, per=60)
    trusted_proxies: tuple[str, ...] = ()
    """CIDRs whose X-Forwarded-For is believed; empty: the peer's address is the client's."""
    anonymous: bool = True
    """Whether a client without an API key is given an id in a signed cookie."""
    api_keys_file: Path | None = None
    """Lines of ``<principal> <sha256 of the key, hex>``."""
    signing_key_file: Path
    """32 or more random bytes, hex: signs cookies and folder media URLs; the same for all API processes."""
    media_url_ttl: int = 3600
    """Seconds a signed media URL stays valid (S1.9: 1 h)."""
    media_delivery: Literal["redirect", "stream"] = "redirect"
    info_wait: int = 20
    """Seconds GET /v1/info waits for an extraction before it answers 202."""
    memory_cache_entries: int = 10_000
    memory_cache_ttl: int = 30
    """Seconds an answer may be served from the process's own memory; 0 turns the layer off."""
    public_url: str | None = None
    """Scheme and host that clients use, for absolute links; None: relative links."""


class SourceLimits(RuntimeModel):
    """What a URL source may bring in."""

    max_size: int = 500 * 2**20
    max_duration: int = 600
    max_height: int = 1080
    playlist_items: int = 50


class OriginAllow(RuntimeModel):
    """A private origin that extraction may reach: an address range or a host name, and a port (None: any)."""

    cidr: str | None = None
    host: str | None = None
    port: int | None = None


class ProxyEndpoint(RuntimeModel):
    name: str
    """What logs, metrics and status call it; never holds credentials."""
    url: str
    """``http://host:port`` or ``socks5://host:port``, without credentials."""
    credentials_file: Path | None = None
    """A file holding ``user:password``."""


class ProxyPoolSettings(RuntimeModel):
    name: str
    endpoints: tuple[ProxyEndpoint, ...] = ()
    country: str | None = None
    """ISO 3166-1 alpha-2 country of the egress; part of a video's identity, since sites answer by country."""
    max_failures: int = 3
    """Failures in a row for one extractor before the endpoint is banned for that extractor."""
    ban_for: int = 1800
    when_exhausted: Literal["Fail", "Direct"] = "Fail"
    health_url: str | None = None
    health_interval: int = 60


class EgressSettings(RuntimeModel):
    """How the extraction child reaches the internet: through the guard, and by no other way."""

    allow: tuple[OriginAllow, ...] = ()
    ports: tuple[int, ...] = (80, 443, 8080, 8443)
    """Ports of public origins; private origins carry their own in ``allow``."""
    isolation: Literal["auto", "required", "off"] = "auto"
    """``required`` refuses to run a job where the OS cannot cut the child off; ``auto`` logs and goes on."""
    proxies: ProxyPoolSettings | None = None


class ExtractorSettings(RuntimeModel):
    """The embedded yt-dlp. Figures are S1.4's: 2-3 times faster than the defaults there."""

    path: Path
    """Folder that holds yt-dlp and its helpers: renewed without touching the platform's own environment."""
    version: str = ""
    """What this worker reports as the version it runs; empty: as the folder itself says."""
    concurrent_fragments: int = 4
    http_chunk_size: int = 10 * 2**20
    buffer_size: int = 16 * 2**10
    retries: int = 3
    fragment_retries: int = 3
    socket_timeout: int = 20
    impersonate: bool = True
    cookies_dir: Path | None = None
    """Folder of ``<site>.txt`` Netscape cookie files; a site's file is used for its hosts only."""


class WorkerSettings(RuntimeModel):
    worker_class: str = "download"
    concurrency: int = Field(default=2, ge=1, le=50)
    """Jobs one process runs at once (S0.5: one server holds 10-50)."""
    job_timeout: int = 600
    max_attempts: int = 3
    backoff: int = 2
    """Seconds before the first retry; doubled for each further one."""
    heartbeat: int = 3
    lease: int = 10
    """Seconds without a heartbeat after which a worker's jobs are given to others."""
    drain_timeout: int = 20
    """Seconds a stopping worker lets running jobs finish before it hands them back."""
    work_dir: Path
    socket_dir: Path
    """Where the egress guard puts its Unix socket: a path short enough for one (107 bytes on Linux)."""
    memory_limit: int = 2 * 2**30
    """Bytes of address space beyond the interpreter's own that an extraction child may map."""


class Retention(RuntimeModel):
    media: int = 30 * 86400
    """Seconds after its last request for which a published object is kept."""
    jobs: int = 3600
    """Seconds a finished job can be asked for (S1.1: 1 h)."""
    info: int = 3600
    """Seconds extracted info is cached (S1.6: 1 h)."""
    failures: int = 30
    """Seconds a failure is remembered for the same URL."""


class RuntimeDocument(RuntimeModel):
    """Everything one workload of one platform needs; see the module's docstring."""

    schema_version: Literal[1] = 1
    platform: str
    pipeline: str
    workload: str
    role: Literal["api", "worker"]
    stores: Stores
    api: ApiSettings | None = None
    worker: WorkerSettings | None = None
    sources: SourceLimits = SourceLimits()
    egress: EgressSettings = EgressSettings()
    extractor: ExtractorSettings | None = None
    retention: Retention = Retention()

    def dump(self) -> str:
        """The document as the text that is written to disk: stable, so that its hash tells a change."""
        return json.dumps(self.model_dump(mode="json"), indent=2, sort_keys=True) + "\n"

    @classmethod
    def load(cls, path: Path) -> RuntimeDocument:
        """Read a document. Raises OSError, or pydantic.ValidationError naming the field."""
        return cls.model_validate_json(path.read_bytes())
