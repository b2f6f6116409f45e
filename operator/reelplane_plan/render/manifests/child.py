"""A child: one manifest of a plan, whose it is, and whether it is made once or kept as it is planned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class OwnerRef:
    """The resource that a child belongs to, and with which it goes."""

    kind: Literal["VideoPlatform", "VideoPipeline"]
    name: str


@dataclass(frozen=True, slots=True)
class Child:
    """One object of a cluster. It carries no ownerReferences: whoever applies it knows the owner's uid."""

    owner: OwnerRef
    manifest: Manifest
    generate: Mapping[str, int] = field(default_factory=dict)
    """Not empty: a Secret that is made once, with so many random bytes (hex) under each key, and never
    overwritten. The manifest then has no data."""
