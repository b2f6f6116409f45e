"""VideoPipeline: what may come in, how it is extracted, which workers do it, and how long results are kept."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from reelplane_crds.kinds.common import (
    AGE,
    API_VERSION,
    READY,
    REASON,
    ApiModel,
    Column,
    Definition,
    DeletionPolicy,
    Kube,
    Resource,
)
from reelplane_crds.kinds.forms import Name
from reelplane_crds.kinds.pods import Gpu, PodOverrides
from reelplane_crds.kinds.status import Copies, Figure, Inventory, Share, Status
from reelplane_crds.kinds.values import Between, Duration, Quantity
from reelplane_crds.rules import ordered


class UrlSource(ApiModel):
    """Videos fetched from a URL."""

    max_size: Annotated[Quantity, Between("1Ki", "100Gi")] = Quantity("500Mi")
    """Largest file that is downloaded; a larger one ends as too_large."""
    max_duration: Annotated[Duration, Between("1s", "24h")] = Duration("10m")
    """Longest video that is downloaded; a longer one ends as too_long."""
    max_height: Annotated[int, Field(ge=144, le=4320)] = 1080
    """Tallest picture in pixels that is chosen among what the site offers."""
    playlist_items: Annotated[int, Field(ge=1, le=1000)] = 50
    """Entries of a playlist that become jobs; the rest is left out."""


class Sources(ApiModel):
    """Where videos come from."""

    url: UrlSource = UrlSource()
    """Videos fetched from a URL."""


class DownloadWorkers(ApiModel):
    """Workers that extract and download."""

    rules: ClassVar = (ordered("min", "max", right="{min: 0, max: 50}", wrong="{min: 5, max: 4}"),)

    min: Annotated[int, Field(ge=0, le=1000)] = 1
    """Workers that always run. 0 lets them stop when there is nothing to do."""
    max: Annotated[int, Field(ge=1, le=1000)] = 4
    """Workers that may run when jobs wait."""
    queue_length_per_worker: Annotated[int, Field(ge=1, le=1000)] = 5
    """Jobs, waiting and running, per worker that scaling aims at: 40 jobs ask for 8 workers at 5."""
    concurrency: Annotated[int, Field(ge=1, le=50)] = 2
    """Jobs one worker runs at once."""
    job_timeout: Annotated[Duration, Between("1s", "24h")] = Duration("10m")
    """Longest time one job may take; then it ends as job_timeout."""
    max_attempts: Annotated[int, Field(ge=1, le=10)] = 3
    """How often a job is tried in all when failures may pass."""
    drain_timeout: Annotated[Duration, Between("1s", "24h")] | None = None
    """How long a stopping worker lets running jobs finish before it hands them back to the queue. Not set: 20s on one
    machine, where a person waits; jobTimeout on a cluster, where nobody does."""
    proxies: Name | None = None
    """ProxyPool that extraction goes out through. Not set: directly."""
    spot: bool = False
    """Whether workers run on a cluster's spot nodes, which cost less and may be taken away: their jobs then go back
    to the queue."""
    class_: Literal["Cpu", "Gpu"] = Field(default="Cpu", alias="class")
    """Gpu: each worker gets the GPUs that gpu names, on nodes that have them."""
    gpu: Gpu = Gpu()
    """GPUs of one worker of class Gpu."""
    fallback: Literal["Cpu", "Wait"] = "Cpu"
    """Where no node has the GPUs: Cpu runs the workers without, Wait lets their pods wait for one."""
    pods: PodOverrides | None = None
    """What these workers' pods are given on a cluster, beyond the platform's spec.pods."""


class Workers(ApiModel):
    """Worker classes of the pipeline."""

    download: DownloadWorkers = DownloadWorkers()
    """Workers that extract and download."""


class Extraction(ApiModel):
    """How the extractor fetches. The defaults suit most sites."""

    rules: ClassVar = (
        ordered(
            "bufferSize",
            "chunkSize",
            convert="quantity",
            right="{bufferSize: 16Ki, chunkSize: 10Mi}",
            wrong="{bufferSize: 20Mi, chunkSize: 10Mi}",
        ),
    )

    concurrent_fragments: Annotated[int, Field(ge=1, le=32)] = 4
    """Fragments of one segmented video that are fetched at once."""
    chunk_size: Annotated[Quantity, Between("64Ki", "1Gi")] = Quantity("10Mi")
    """Size of the ranges a plain file is fetched in; sites slow down longer ones."""
    buffer_size: Annotated[Quantity, Between("1Ki", "64Mi")] = Quantity("16Ki")
    """Size of one read from the network."""
    retries: Annotated[int, Field(ge=0, le=20)] = 3
    """Further tries of a request inside one attempt."""
    fragment_retries: Annotated[int, Field(ge=0, le=20)] = 3
    """Further tries of a fragment inside one attempt."""
    socket_timeout: Annotated[Duration, Between("1s", "5m")] = Duration("20s")
    """How long a silent connection is waited for."""
    impersonate: bool = True
    """Whether requests look like a browser's at sites that answer only to browsers."""


class Retention(ApiModel):
    """How long results are kept."""

    media: Annotated[Duration, Between("1s", "87600h")] = Duration("720h")
    """How long after its last request a published video is kept."""
    jobs: Annotated[Duration, Between("1s", "8760h")] = Duration("1h")
    """How long a finished job can be asked for."""
    info: Annotated[Duration, Between("1s", "168h")] = Duration("1h")
    """How long extracted info is served from the cache."""
    failures: Annotated[Duration, Between("1s", "1h")] = Duration("30s")
    """How long a failure is remembered, so that the same URL is not tried again at once."""


class VideoPipelineSpec(ApiModel):
    """The wanted pipeline."""

    platform: Annotated[Name, Kube(immutable=True)]
    """VideoPlatform of the same namespace whose API, queue and stores this pipeline uses."""
    sources: Sources = Sources()
    """Where videos come from, and what they may measure."""
    workers: Workers = Workers()
    """How many workers run, and how they treat a job."""
    extraction: Extraction = Extraction()
    """How the extractor fetches."""
    retention: Retention = Retention()
    """How long results are kept."""
    drain: bool = False
    """Whether all workers shall finish what they run and go. Jobs wait in the queue meanwhile."""
    deletion_policy: DeletionPolicy = "Delete"
    """What becomes of the pipeline's children on a cluster when it is deleted. Orphan: they run on, on their own."""


class VideoPipelineStatus(Status):
    """The pipeline as it was last seen."""

    workers: Copies | None = None
    """Ready and wanted workers, e.g. 12/12."""
    queue: Figure | None = None
    """Jobs waiting and running: the figure that scaling follows."""
    hit_rate: Share | None = None
    """Share of requests answered without an extraction, e.g. 98.2%."""
    inventory: Inventory = ()
    """Children that were made for the pipeline, in the order in which they are applied."""


class VideoPipeline(Resource):
    """What may come in, how it is extracted, which workers do it, and how long results are kept."""

    definition: ClassVar = Definition(
        plural="videopipelines",
        short="vp",
        columns=(
            READY,
            Column("Workers", "string", ".status.workers"),
            Column("Queue", "integer", ".status.queue"),
            Column("Hit", "string", ".status.hitRate"),
            AGE,
            REASON,
        ),
    )

    api_version: Literal["reelplane.io/v1alpha1"] = API_VERSION
    kind: Literal["VideoPipeline"] = "VideoPipeline"
    spec: VideoPipelineSpec
    """What is wanted."""
    status: VideoPipelineStatus | None = None
    """What was last seen; written by Reelplane."""
