"""The values of planning: what is desired, what was observed, and the plan made of both.

``Desired`` holds the validated resources, ``Facts`` what the caller observed about the place they shall run
in. A ``Plan`` is a set of typed ``Workload`` values plus the problems that keep it from being carried out and
the notes that a person should read. Renderers turn the workloads into processes or manifests; they decide
nothing.

Secret values travel as ``SecretText``, whose repr shows nothing, so that a plan may be printed and logged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from reelplane_crds.kinds import ProxyPool, RegionDeployment, VideoPipeline, VideoPlatform
from reelplane_crds.runtime import RuntimeDocument
from reelplane_plan.network import Reach, Route
from reelplane_plan.placement import Placement, Resources
from reelplane_plan.scale import ScalingRule
from reelplane_plan.servers import EmbeddedServer

Target = Literal["local", "cluster"]

KEDA = "keda.sh/ScaledObject"
HTTP_ROUTE = "gateway.networking.k8s.io/HTTPRoute"
SERVICE_MONITOR = "monitoring.coreos.com/ServiceMonitor"
"""Kinds of other projects that are used where a cluster serves them: entries of ``Facts.apis``."""


@dataclass(frozen=True, slots=True)
class SecretText:
    """A secret value. Compare and hash it, write it to its file; never format it."""

    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Desired:
    """The resources that were declared. Names are unique per kind: the loader refuses doubles."""

    platforms: tuple[VideoPlatform, ...] = ()
    pipelines: tuple[VideoPipeline, ...] = ()
    pools: tuple[ProxyPool, ...] = ()
    regions: tuple[RegionDeployment, ...] = ()


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a workload finds things at its target: absolute paths, none of which the planner touches."""

    secrets: Path
    """Folder of the secret files, readable by the workload only."""
    sockets: Path
    """Folder for Unix sockets; short, because a socket's path may have some 100 bytes."""
    database: Path
    """File of the embedded database."""
    objects: Path
    """Root of the embedded object store."""
    valkey: Path
    """Data folder of the embedded Valkey."""
    work: Path
    """Scratch space of the download workers."""
    extractor: Path
    """Folder that holds yt-dlp and its helpers."""


@dataclass(frozen=True, slots=True)
class Images:
    """Container images of a cluster: what the operator is configured with, unless a platform names its own."""

    workloads: str = "reelplane/workloads"
    extractor: str = "reelplane/extractor"
    """Without a tag: the tag is the version that a platform asks for."""
    valkey: str = "valkey/valkey:9.1"
    postgres: str = "postgres:18"
    s3: str = "versity/versitygw:v1.8.0"


@dataclass(frozen=True, slots=True)
class ExtractorStage:
    """How far the renewal of the extractor is: which version most workers run, and which one a canary tries.

    None as ``current``: the layer inside the workloads' image.
    """

    current: str | None = None
    canary: str | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What was observed about the target before planning."""

    target: Target
    layout: Layout
    secrets: Mapping[str, Mapping[str, SecretText]] = field(default_factory=dict)
    """Secrets that exist: name -> key -> value."""
    python: str = "python"
    """The interpreter that runs the workloads."""
    valkey_server: str = "valkey-server"
    namespace: str | None = None
    images: Images = Images()
    apis: frozenset[str] = frozenset()
    """Kinds of other projects that the cluster serves, as ``keda.sh/ScaledObject``."""
    gpu: Literal["present", "absent", "unknown"] = "unknown"
    """Whether some node offers GPUs."""
    priority_classes: bool = False
    """Whether the PriorityClasses of the installation exist."""
    extractor: ExtractorStage = ExtractorStage()


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that keeps the plan from being carried out: where, what, and what would be right."""

    path: str
    """``Kind/name: field.path``, as in ``VideoPipeline/shorts: spec.platform``."""
    message: str
    fix: str
    reason: str = "InvalidSpec"
    """Reason of the Stalled condition that says the same on a cluster (CamelCase)."""

    def __str__(self) -> str:
        return f"{self.path}: {self.message} ({self.fix})"


@dataclass(frozen=True, slots=True)
class Note:
    """Something a person should know that is not wrong."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


@dataclass(frozen=True, slots=True)
class SecretFile:
    """A file that must exist with mode 0600 before the workload starts."""

    name: str
    """File name inside ``Layout.secrets``, and key of the cluster's Secret."""
    content: SecretText | None
    """None: the runtime makes random bytes (hex) once and keeps them across restarts."""
    length: int = 32
    """How many bytes it makes."""


@dataclass(frozen=True, slots=True)
class Config:
    """What a workload reads: its runtime document and the secret files that the document names."""

    document: RuntimeDocument
    secrets: tuple[SecretFile, ...] = ()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a workload is reached by others."""

    name: str
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class HttpProbe:
    """Ready and alive when a GET answers 2xx."""

    ready: str = "/readyz"
    alive: str = "/healthz"


@dataclass(frozen=True, slots=True)
class PingProbe:
    """Ready and alive when a Valkey server on this Unix socket answers PING."""

    socket: Path


Probe = HttpProbe | PingProbe
HTTP = HttpProbe()


@dataclass(frozen=True, slots=True)
class Scale:
    """How many of a workload run. Without a rule and without a CPU target it is ``replicas`` for good."""

    replicas: int = 1
    """The least that run where something decides how many."""
    maximum: int | None = None
    """The most that run where something decides how many."""
    rule: ScalingRule | None = None
    """Follow the backlog."""
    cpu_target: int | None = None
    """Percent of the requested CPU that a cluster's autoscaler aims at, instead of following the backlog."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How a workload is started and stopped."""

    after: tuple[str, ...] = ()
    """Names of the workloads of which one instance must be ready before this one starts."""
    drain_stage: int = 0
    """Stages are drained in ascending order, each only when the one before is gone."""
    grace: int = 10
    """Seconds between the request to stop and the end of patience."""
    settle: int = 0
    """Seconds that a pod goes on serving before it is asked to stop, so that whoever sends to it learns of it."""
    nice: int = 0
    """Added to the process's niceness, so that serving goes before fetching on a small machine."""


@dataclass(frozen=True, slots=True)
class Workload:
    """One kind of process of the platform, at whatever number of instances."""

    name: str
    """Unique in the plan: ``api``, ``download``, ``download-canary``, ``valkey``, ``cache``, ``queue``,
    ``database``, ``objects``."""
    owner: str
    """Name of the resource it belongs to: first part of its name on a cluster."""
    role: Literal["api", "worker", "store"]
    config: Config | None = None
    server: EmbeddedServer | None = None
    endpoint: Endpoint | None = None
    probe: Probe = HTTP
    scale: Scale = Scale()
    policy: Policy = Policy()
    resources: Resources = field(default_factory=Resources)
    placement: Placement = field(default_factory=Placement)
    reach: Reach = field(default_factory=Reach)
    extractor: str | None = None
    """Version of the extractor that is copied in from its own image; None: the one in the workloads' image."""


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """What all manifests of a plan share."""

    images: Images = Images()
    pull_policy: str | None = None
    pull_secrets: tuple[str, ...] = ()
    storage_class: str | None = None
    """StorageClass of the servers' volumes; None: the cluster's default one."""
    keep_volumes: bool = False
    """Whether volumes stay when their server goes (deletionPolicy Orphan)."""
    monitor: Mapping[str, str] | None = None
    """Labels of ServiceMonitors; None: there are none, since no Prometheus operator serves that kind."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What shall run. Carry it out only when ``problems`` is empty."""

    platform: str = ""
    pipeline: str = ""
    target: Target = "local"
    endpoint: Endpoint | None = None
    """Where clients reach the API."""
    route: Route | None = None
    """The public way to it on a cluster; None: only its Service."""
    cluster: ClusterSettings = ClusterSettings()
    workloads: tuple[Workload, ...] = ()
    problems: tuple[Problem, ...] = ()
    notes: tuple[Note, ...] = ()

    @property
    def secrets(self) -> tuple[SecretFile, ...]:
        """All secret files of the plan, each once, by name."""
        files = {file.name: file for each in self.workloads if each.config for file in each.config.secrets}
        return tuple(files[name] for name in sorted(files))
