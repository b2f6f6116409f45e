"""VideoPlatform: the services that all pipelines of one platform share, and what extraction may reach."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from reelplane_crds.kinds.common import (
    AGE,
    API_VERSION,
    READY,
    ApiModel,
    Cidr,
    Column,
    Definition,
    HostName,
    Kube,
    Many,
    Port,
    Resource,
    SecretKeyRef,
    SecretRef,
    Status,
    UrlFrom,
)
from reelplane_crds.kinds.values import Between, Duration, Form, Quantity, Rate
from reelplane_crds.rules import Rule, exactly_one, ordered


class Replicas(ApiModel):
    """How many copies run."""

    rules: ClassVar = (ordered("min", "max", right="{min: 2, max: 10}", wrong="{min: 3, max: 2}"),)

    min: Annotated[int, Field(ge=1, le=1000)] = 2
    """Copies that always run. Two or more survive the death of one without an error to any client."""
    max: Annotated[int, Field(ge=1, le=1000)] = 10
    """Copies that may run when load asks for more."""


class RateLimits(ApiModel):
    """What one client may ask for; answers from the cache are free."""

    info: Rate = Rate("10/min")
    """Extractions without download (GET /v1/info) per client: so many in a time, e.g. 10/min, 1/s, 100/h."""
    download: Rate = Rate("3/min")
    """New downloads per client. Known videos and downloads already running cost nothing."""


class Api(ApiModel):
    """The HTTP API and its page."""

    rules: ClassVar = (
        Rule(
            cel="self.anonymous || has(self.apiKeysFrom)",
            holds=lambda api: api.anonymous or api.api_keys_from is not None,
            message="without anonymous clients, apiKeysFrom must say who may come in",
            right="{anonymous: false, apiKeysFrom: {secret: reels-keys, key: keys}}",
            wrong="{anonymous: false}",
            field="anonymous",
        ),
    )

    replicas: Replicas = Replicas()
    """How many copies of the API run. On one machine they share one listening socket."""
    port: Port = 8080
    """TCP port the API listens on."""
    rate_limits: RateLimits = RateLimits()
    """What one client may ask for in a time."""
    trusted_proxies: Annotated[Many[Cidr], Field(max_length=64), Kube(list_type="set")] = ()
    """Address ranges whose X-Forwarded-For is believed. Empty: the peer's own address is the client's."""
    anonymous: bool = True
    """Whether a client without an API key is served, known again by a signed cookie."""
    api_keys_from: SecretKeyRef | None = None
    """Where API keys stand: lines of a client's name and the SHA-256 (hex) of its key, one space between."""
    media_url_ttl: Annotated[Duration, Between("1m", "168h")] = Field(
        default=Duration("1h"), alias="mediaUrlTTL"
    )
    """How long a signed media link stays valid."""
    media_delivery: Literal["Redirect", "Stream"] = "Redirect"
    """How media reaches clients: Redirect sends them to a signed URL of the object store, Stream passes it through."""
    info_wait: Annotated[Duration, Between("1s", "2m")] = Duration("20s")
    """How long GET /v1/info waits for an extraction before it answers 202: ask again."""


class EmbeddedCache(ApiModel):
    """A Valkey server of the platform's own, without a file: it may vanish at any moment."""

    memory: Annotated[Quantity, Between("16Mi", "1Ti")] = Quantity("512Mi")
    """Memory it may hold before it evicts what was used least."""


class Cache(ApiModel):
    """Answers that may vanish at any moment. Exactly one of embedded and external."""

    rules: ClassVar = (exactly_one("embedded", "external", right="{embedded: {}}"),)

    embedded: EmbeddedCache | None = None
    """Run a Valkey server here."""
    external: UrlFrom | None = None
    """Use a Redis or Valkey server that is run elsewhere (redis:// or rediss://)."""


class EmbeddedQueue(ApiModel):
    """A Valkey server of the platform's own, with an append-only file; it never evicts."""


class Queue(ApiModel):
    """What dispatches jobs to workers. It must not evict; its loss is repaired from the database."""

    rules: ClassVar = (exactly_one("embedded", "external", right="{embedded: {}}"),)

    embedded: EmbeddedQueue | None = None
    """Run a Valkey server here: write {} to choose it."""
    external: UrlFrom | None = None
    """Use a Redis or Valkey server that is run elsewhere, with maxmemory-policy noeviction."""


class EmbeddedDatabase(ApiModel):
    """SQLite in the platform's state folder: one machine only."""


class Database(ApiModel):
    """Where accepted jobs are committed: the one store that must not be lost."""

    rules: ClassVar = (exactly_one("embedded", "postgres", right="{embedded: {}}"),)

    embedded: EmbeddedDatabase | None = None
    """SQLite on this machine: write {} to choose it."""
    postgres: UrlFrom | None = None
    """Use a PostgreSQL server (postgresql://user:password@host/database)."""


class EmbeddedObjects(ApiModel):
    """A folder in the platform's state folder: one machine only."""

    size: Annotated[Quantity, Between("16Mi", "1Pi")] = Quantity("50Gi")
    """Bytes it may hold; publishing beyond them is refused as disk_full."""


class S3(ApiModel):
    """A bucket of S3 or of a server that speaks its protocol."""

    rules: ClassVar = (
        Rule(
            cel="has(self.accessKeyFrom) == has(self.secretKeyFrom)",
            holds=lambda s3: (s3.access_key_from is None) == (s3.secret_key_from is None),
            message="accessKeyFrom and secretKeyFrom come together, or neither for the instance's own credentials",
            right="{bucket: reels, region: us-west-2}",
            wrong="{bucket: reels, region: us-west-2, accessKeyFrom: {secret: reels-s3, key: access}}",
            field="accessKeyFrom",
        ),
    )

    bucket: Annotated[
        str, Form(r"^[a-z0-9][-.a-z0-9]{1,61}[a-z0-9]$", 63, "a bucket name", "reels-us-west-2")
    ]
    """Name of the bucket; it must exist."""
    region: Annotated[str, Form(r"^[a-z0-9][-a-z0-9]*$", 32, "a region", "us-west-2")]
    """Region of the bucket; part of every signature, also for servers that have but one."""
    endpoint: (
        Annotated[
            str,
            Form(
                r"^https?://[^\s/@]+$",
                256,
                "a URL",
                "http://10.0.0.5:9000",
                "http or https, host and port only",
            ),
        ]
        | None
    ) = None
    """URL of a server that speaks S3. Not set: AWS."""
    prefix: Annotated[
        str, Form(r"^([-_.a-zA-Z0-9]+/)*$", 256, "a key prefix", "media/", "empty, or ending with '/'")
    ] = ""
    """What every key starts with, so that several platforms can share a bucket; ends with '/'."""
    access_key_from: SecretKeyRef | None = None
    """Where the access key id stands. Not set: the instance's own credentials (IRSA, Pod Identity, a profile)."""
    secret_key_from: SecretKeyRef | None = None
    """Where the secret access key stands."""


class Objects(ApiModel):
    """Where published media is kept. Exactly one of embedded and s3."""

    rules: ClassVar = (exactly_one("embedded", "s3", right="{embedded: {size: 50Gi}}"),)

    embedded: EmbeddedObjects | None = None
    """Keep media in a folder on this machine."""
    s3: S3 | None = None
    """Keep media in an S3 bucket."""


class Origin(ApiModel):
    """A private origin: an address range or a host name, and a port."""

    rules: ClassVar = (exactly_one("cidr", "host", right="{host: media.internal.example.com, port: 443}"),)

    cidr: Cidr | None = None
    """Address range that may be reached, e.g. 10.20.0.0/16."""
    host: HostName | None = None
    """Host name that may be reached, whatever addresses it has."""
    port: Port | None = None
    """The one port that may be reached there. Not set: any port."""


class Egress(ApiModel):
    """What extraction may reach. Public addresses are reached on the listed ports, private ones only when allowed."""

    allow: Annotated[Many[Origin], Field(max_length=64), Kube(list_type="atomic")] = ()
    """Private origins (loopback, private and link-local ranges) that extraction may reach. None by default."""
    ports: Annotated[Many[Port], Field(min_length=1, max_length=32), Kube(list_type="set")] = (
        80,
        443,
        8080,
        8443,
    )
    """Ports of public origins that may be reached. A private origin's port stands in allow."""
    isolation: Literal["Auto", "Required", "Disabled"] = "Auto"
    """Cutting the extraction process off from every other way out. Required: where the system cannot do it jobs
    are refused; Auto: it is logged and the job runs; Disabled: it is not tried."""


class Extractor(ApiModel):
    """What the extractor is given beside the URL."""

    cookies_from: SecretRef | None = None
    """A Secret of Netscape cookie files, each under its site's host name (example.com). A file is used for its
    site only."""


class VideoPlatformSpec(ApiModel):
    """The wanted platform. An empty spec is a whole platform on one machine."""

    api: Api = Api()
    """The HTTP API and its page."""
    cache: Cache = Cache(embedded=EmbeddedCache())
    """Answers that may vanish at any moment."""
    queue: Queue = Queue(embedded=EmbeddedQueue())
    """What dispatches jobs to workers; must not evict."""
    database: Database = Database(embedded=EmbeddedDatabase())
    """Where accepted jobs are committed; must not be lost."""
    objects: Objects = Objects(embedded=EmbeddedObjects())
    """Where published media is kept."""
    egress: Egress = Egress()
    """What extraction may reach."""
    extractor: Extractor = Extractor()
    """What the extractor is given beside the URL."""


class VideoPlatformStatus(Status):
    """The platform as it was last seen."""

    url: Annotated[str, Field(max_length=2048)] | None = None
    """Where the API and its page answer."""
    api: Annotated[str, Field(max_length=16)] | None = None
    """Ready and wanted copies of the API, e.g. 2/2."""
    pipelines: Annotated[int, Field(ge=0, le=10000)] | None = None
    """Number of pipelines that use this platform."""


class VideoPlatform(Resource):
    """The shared services of one platform: API, cache, queue, database, objects, and what extraction may reach."""

    definition: ClassVar = Definition(
        plural="videoplatforms",
        short="vplat",
        columns=(READY, Column("URL", "string", ".status.url"), Column("API", "string", ".status.api"), AGE),
    )

    api_version: Literal["reelplane.io/v1alpha1"] = API_VERSION
    kind: Literal["VideoPlatform"] = "VideoPlatform"
    spec: VideoPlatformSpec
    """What is wanted."""
    status: VideoPlatformStatus | None = None
    """What was last seen; written by Reelplane."""
