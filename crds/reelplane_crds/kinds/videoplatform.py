"""VideoPlatform: the services that all pipelines of one platform share, and what extraction may reach."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from reelplane_crds.kinds.common import (
    AGE,
    API_VERSION,
    OURS,
    READY,
    REASON,
    RECOMMENDED,
    ApiModel,
    Column,
    Definition,
    DeletionPolicy,
    Kube,
    Many,
    Resource,
    SecretKeyRef,
    SecretRef,
)
from reelplane_crds.kinds.forms import Cidr, ExtractorVersion, HostName, Labels, Port
from reelplane_crds.kinds.gateway import Gateway
from reelplane_crds.kinds.platform_stores import (
    Cache,
    Database,
    EmbeddedCache,
    EmbeddedDatabase,
    EmbeddedObjects,
    EmbeddedQueue,
    Objects,
    Queue,
    Storage,
)
from reelplane_crds.kinds.pods import Images, PodOverrides
from reelplane_crds.kinds.status import Copies, Figure, Inventory, Share, Status, Time
from reelplane_crds.kinds.values import Between, Duration, Rate
from reelplane_crds.rules import Rule, exactly_one, keys_not_under, ordered


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
    """How many copies of the API run: on a cluster between min and max by processor load, on one machine min, which
    share one listening socket."""
    pods: PodOverrides | None = None
    """What the API's pods are given on a cluster, beyond spec.pods."""
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


class Canary(ApiModel):
    """How a new version of the extractor is tried before all workers get it."""

    jobs: Annotated[int, Field(ge=1, le=10000)] = 20
    """Jobs that one worker does with the new version before it is judged, by failures per site."""
    window: Annotated[Duration, Between("1s", "24h")] = Duration("15m")
    """Longest time until it is judged by the jobs it had so far."""


class Extractor(ApiModel):
    """Which extractor runs, and what it is given beside the URL."""

    version: ExtractorVersion | None = None
    """Version of yt-dlp on a cluster, e.g. 2026.10.26: its image is copied in beside the workers. A new one goes to
    one worker first, then to all or back. Not set: the one inside the workers' image."""
    canary: Canary = Canary()
    """How a new version is tried before all workers get it."""
    cookies_from: SecretRef | None = None
    """A Secret of Netscape cookie files, each under its site's host name (example.com). A file is used for its
    site only."""


class Metrics(ApiModel):
    """How Prometheus finds the platform's figures, on a cluster with ServiceMonitors."""

    rules: ClassVar = (
        keys_not_under(
            "labels",
            RECOMMENDED,
            OURS,
            right="{labels: {release: prometheus}}",
            wrong="{labels: {app.kubernetes.io/part-of: mine}}",
        ),
    )

    labels: Labels = Field(default={})
    """Labels of the ServiceMonitors: what your Prometheus selects them by, e.g. release: prometheus."""


class VideoPlatformSpec(ApiModel):
    """The wanted platform. An empty spec is a whole platform, on one machine or for development on a cluster."""

    rules: ClassVar = (
        Rule(
            cel="!has(self.gateway) || has(self.domain)",
            holds=lambda spec: spec.gateway is None or spec.domain is not None,
            message="a gateway serves a domain: set domain, too",
            right="{domain: reels.example.com, gateway: {class: traefik}}",
            wrong="{gateway: {class: traefik}}",
            field="gateway",
        ),
    )

    domain: HostName | None = None
    """Public name of the platform. On a cluster an Ingress or HTTPRoute leads from it to the API; the name itself is
    yours to point at the cluster."""
    gateway: Gateway | None = None
    """What carries requests for the domain into a cluster. Not set: an Ingress of the default class."""
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
    storage: Storage = Storage()
    """Volumes of the stores that run here, on a cluster."""
    egress: Egress = Egress()
    """What extraction may reach."""
    extractor: Extractor = Extractor()
    """Which extractor runs, and what it is given beside the URL."""
    images: Images = Images()
    """Images of the pods, for registries of your own."""
    pods: PodOverrides | None = None
    """What all pods of the platform are given on a cluster: the API's, the stores' and the workers'."""
    metrics: Metrics = Metrics()
    """How Prometheus finds the platform's figures."""
    deletion_policy: DeletionPolicy = "Delete"
    """What becomes of the platform's children on a cluster when it is deleted. Orphan: they run on, on their own."""


class CanaryStatus(ApiModel):
    """The trial that goes on."""

    version: ExtractorVersion
    """Version that is tried."""
    since: Time
    """When its worker began."""
    jobs: Figure = 0
    """Jobs it has done."""
    failed: Figure = 0
    """Those that failed."""


class ExtractorStatus(ApiModel):
    """How far the renewal of the extractor is."""

    current: ExtractorVersion | None = None
    """Version that workers run. Not set: the one inside their image."""
    canary: CanaryStatus | None = None
    """The trial that goes on."""
    rejected: Annotated[Many[ExtractorVersion], Field(max_length=8), Kube(list_type="atomic")] = ()
    """Versions that were tried and taken back, oldest first; they are not tried again."""


class VideoPlatformStatus(Status):
    """The platform as it was last seen."""

    url: Annotated[str, Field(max_length=2048)] | None = None
    """Where the API and its page answer."""
    api: Copies | None = None
    """Ready and wanted copies of the API, e.g. 2/2."""
    workers: Copies | None = None
    """Ready and wanted workers of all pipelines, e.g. 12/12."""
    queue: Figure | None = None
    """Jobs waiting and running."""
    hit_rate: Share | None = None
    """Share of requests answered without an extraction, e.g. 98.2%."""
    pipelines: Annotated[int, Field(ge=0, le=10000)] | None = None
    """Number of pipelines that use this platform."""
    extractor: ExtractorStatus | None = None
    """How far the renewal of the extractor is."""
    inventory: Inventory = ()
    """Children that were made for the platform, in the order in which they are applied."""


class VideoPlatform(Resource):
    """The shared services of one platform: API, cache, queue, database, objects, and what extraction may reach."""

    definition: ClassVar = Definition(
        plural="videoplatforms",
        short="vplat",
        columns=(
            READY,
            Column("URL", "string", ".status.url"),
            Column("API", "string", ".status.api"),
            Column("Workers", "string", ".status.workers"),
            Column("Queue", "integer", ".status.queue"),
            Column("Hit", "string", ".status.hitRate"),
            AGE,
            REASON,
        ),
    )

    api_version: Literal["reelplane.io/v1alpha1"] = API_VERSION
    kind: Literal["VideoPlatform"] = "VideoPlatform"
    spec: VideoPlatformSpec
    """What is wanted."""
    status: VideoPlatformStatus | None = None
    """What was last seen; written by Reelplane."""
