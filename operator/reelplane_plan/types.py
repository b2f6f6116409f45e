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

from reelplane_crds.kinds import ProxyPool, VideoPipeline, VideoPlatform
from reelplane_crds.runtime import RuntimeDocument
from reelplane_plan.scale import ScalingRule

Target = Literal["local", "cluster"]


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
class Facts:
    """What was observed about the target before planning."""

    target: Target
    layout: Layout
    secrets: Mapping[str, Mapping[str, SecretText]] = field(default_factory=dict)
    """Secrets that exist: name -> key -> value."""
    python: str = "python"
    """The interpreter that runs the workloads."""
    valkey_server: str = "valkey-server"
    image: str = "reelplane/workloads"
    """Image of the workloads, for a cluster."""
    valkey_image: str = "valkey/valkey:9.1"
    namespace: str | None = None


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
    """None: the runtime makes 32 random bytes (hex) once and keeps them across restarts."""


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
    """How many of a workload run. Without a rule it is ``replicas`` for good."""

    replicas: int = 1
    rule: ScalingRule | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """How a workload is started and stopped."""

    after: tuple[str, ...] = ()
    """Names of the workloads of which one instance must be ready before this one starts."""
    drain_stage: int = 0
    """Stages are drained in ascending order, each only when the one before is gone."""
    grace: int = 10
    """Seconds between the request to stop and the end of patience."""
    nice: int = 0
    """Added to the process's niceness, so that serving goes before fetching on a small machine."""


@dataclass(frozen=True, slots=True)
class Resources:
    """What the scheduler of a cluster is told; Kubernetes quantities. No CPU limit: throttling serves nobody."""

    cpu: str = "250m"
    memory: str = "256Mi"
    memory_limit: str = "512Mi"


@dataclass(frozen=True, slots=True)
class ValkeyServer:
    """An embedded Valkey: which parts it plays decides what it may evict and what it must keep."""

    parts: tuple[Literal["cache", "queue"], ...]
    memory: int
    """Bytes of ``maxmemory``."""

    @property
    def eviction(self) -> str:
        """A queue never evicts. A cache evicts anything; one that shares the server only what has a TTL."""
        if "queue" not in self.parts:
            return "allkeys-lfu"
        return "volatile-lfu" if "cache" in self.parts else "noeviction"

    @property
    def durable(self) -> bool:
        return "queue" in self.parts


@dataclass(frozen=True, slots=True)
class Workload:
    """One kind of process of the platform, at whatever number of instances."""

    name: str
    """Unique in the plan: ``api``, ``download``, ``valkey``, ``cache``, ``queue``."""
    owner: str
    """Name of the resource it belongs to: first part of its name on a cluster."""
    role: Literal["api", "worker", "store"]
    config: Config | None = None
    server: ValkeyServer | None = None
    endpoint: Endpoint | None = None
    probe: Probe = HTTP
    scale: Scale = Scale()
    policy: Policy = Policy()
    resources: Resources = Resources()


@dataclass(frozen=True, slots=True)
class Plan:
    """What shall run. Carry it out only when ``problems`` is empty."""

    platform: str = ""
    pipeline: str = ""
    target: Target = "local"
    endpoint: Endpoint | None = None
    """Where clients reach the API."""
    workloads: tuple[Workload, ...] = ()
    problems: tuple[Problem, ...] = ()
    notes: tuple[Note, ...] = ()

    @property
    def secrets(self) -> tuple[SecretFile, ...]:
        """All secret files of the plan, each once, by name."""
        files = {file.name: file for each in self.workloads if each.config for file in each.config.secrets}
        return tuple(files[name] for name in sorted(files))
