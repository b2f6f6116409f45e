"""A plan's children as they shall be on the server: owned, in their namespace, and known by their hash. Pure.

What a reconcile needs most of the time is small: names, hashes, and how many pods must be there. Only what is to
be written needs its manifest, so the two are made together and kept apart.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from sys import intern
from typing import Any

from reelplane_operator.reconcile.keys import API_VERSION, GENERATED, ChildId, child_id
from reelplane_operator.reconcile.observed import Declared
from reelplane_plan.render.manifests.child import Child, Manifest

_WORKLOADS = frozenset({"Deployment", "StatefulSet"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """A child that shall be there."""

    id: ChildId
    digest: str
    """Hash of the manifest and of what is generated."""
    generate: Mapping[str, int] = field(default_factory=dict)
    """Bytes by key of a Secret that is made once."""
    least: int | None = None
    """Pods that must be available, of a Deployment or StatefulSet; None for other kinds."""


@dataclass(frozen=True, slots=True)
class Made:
    """The children of one owner, in the order in which they may be applied, and their manifests."""

    wanted: tuple[Wanted, ...] = ()
    manifests: Mapping[ChildId, Manifest] = field(default_factory=dict)


def orphans(owner: Declared) -> bool:
    """Whether its children stay when it goes."""
    return bool(owner.spec.get("deletionPolicy") == "Orphan")


def make(children: Iterable[Child], owner: Declared) -> Made:
    """Children with namespace and ownerReference: garbage collection is Kubernetes' own, no finalizer is needed."""
    reference = {
        "apiVersion": API_VERSION,
        "kind": owner.key.kind,
        "name": owner.key.name,
        "uid": owner.uid,
        "controller": True,
        # A deletion of the owner in the foreground must not wait for a Deployment's slow end.
        "blockOwnerDeletion": False,
    }
    manifests: dict[ChildId, Manifest] = {}
    generate: dict[ChildId, dict[str, int]] = {}
    for child in children:
        metadata: dict[str, Any] = {**child.manifest["metadata"], "namespace": owner.key.namespace}
        if not orphans(owner):
            metadata["ownerReferences"] = [reference]
        if child.generate:
            metadata["annotations"] = {**metadata.get("annotations", {}), GENERATED: "true"}
        manifest = {**child.manifest, "metadata": metadata}
        name = child_id(manifest)
        manifests[name] = manifest
        generate[name] = dict(child.generate)
    floors = _floors(manifests.values())
    wanted = tuple(
        Wanted(name, _digest(manifest, generate[name]), generate[name], _least(name, manifest, floors))
        for name, manifest in manifests.items()
    )
    return Made(wanted, manifests)


def _least(name: ChildId, manifest: Manifest, floors: Mapping[tuple[str, str], int]) -> int | None:
    if name.kind not in _WORKLOADS:
        return None
    least: int = floors.get((name.kind, name.name), manifest["spec"].get("replicas", 1))
    return least


def _floors(manifests: Iterable[Manifest]) -> dict[tuple[str, str], int]:
    """The least number of pods that an autoscaler among the children leaves its target."""
    floors = {}
    for manifest in manifests:
        spec = manifest.get("spec") or {}
        target = spec.get("scaleTargetRef")
        if target:
            # Where nothing is said, KEDA counts from 0 and the HorizontalPodAutoscaler from 1.
            keda = manifest["kind"] == "ScaledObject"
            least = spec.get("minReplicaCount", 0) if keda else spec.get("minReplicas", 1)
            floors[(target.get("kind", "Deployment"), target["name"])] = least
    return floors


def _digest(manifest: Manifest, generate: Mapping[str, int]) -> str:
    text = json.dumps([manifest, dict(generate)], sort_keys=True, separators=(",", ":"))
    return intern(hashlib.sha256(text.encode()).hexdigest()[:16])
