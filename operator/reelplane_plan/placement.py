"""Where a workload's pods may run and what they are given: the part of a workload that only a cluster reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Resources:
    """What the scheduler of a cluster is told; Kubernetes quantities. No CPU limit: throttling serves nobody."""

    cpu: str = "250m"
    memory: str = "256Mi"
    memory_limit: str = "512Mi"
    devices: Mapping[str, int] = field(default_factory=dict)
    """Extended resources, as ``nvidia.com/gpu``: whole ones, requested and limited alike."""


@dataclass(frozen=True, slots=True)
class Toleration:
    """A taint that pods put up with. No effect: all of them; no key with Exists: all taints."""

    key: str | None = None
    operator: Literal["Exists", "Equal"] = "Equal"
    value: str | None = None
    effect: str | None = None
    seconds: int | None = None
    """How long a NoExecute taint is put up with; None: for good."""


@dataclass(frozen=True, slots=True)
class Placement:
    """What a pod says about nodes, and nodes' owners about it."""

    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    node_selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[Toleration, ...] = ()
    preferred: tuple[tuple[str, str], ...] = ()
    """Node labels that are looked for first; any of them does, and none of them must be there."""
    priority_class: str | None = None
    runtime_class: str | None = None
