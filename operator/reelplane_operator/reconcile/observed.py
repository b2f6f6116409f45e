"""Objects of the API server, cut down to what a decision needs.

A Deployment with its managedFields is some 12 KiB of JSON, of which a reconcile reads a dozen numbers. Bodies are
never kept: a thousand platforms with their children fit into a few megabytes (``make bench`` says how many).
Pure: objects as they were received in, small values out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from sys import intern
from typing import Any

from reelplane_operator.cluster.fields import fingerprint
from reelplane_operator.reconcile.keys import (
    GENERATED,
    MANAGER,
    OPT_OUT,
    PAUSED,
    REQUESTED_AT,
    Key,
    key_of,
    owner_of,
)

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Declared:
    """One of our objects as it was last seen."""

    key: Key
    uid: str
    version: int
    """resourceVersion: a later one is greater (Kubernetes 1.35 made that a promise)."""
    generation: int
    created: str
    deleting: bool
    paused: bool
    requested_at: str
    spec: Object
    status: Object
    secrets: frozenset[str]
    """Names of the Secrets that its spec refers to for their values."""

    @property
    def platform(self) -> str | None:
        """The platform that it belongs to, for kinds that name one."""
        return self.spec.get("platform")

    @property
    def pool(self) -> str | None:
        """The ProxyPool that it uses."""
        found: str | None = self.spec.get("workers", {}).get("download", {}).get("proxies")
        return found

    def asks_the_same_as(self, other: Declared) -> bool:
        """Whether nothing changed that a reconcile acts upon; its status is compared apart."""
        return (self.uid, self.generation, self.deleting, self.paused, self.requested_at) == (
            other.uid,
            other.generation,
            other.deleting,
            other.paused,
            other.requested_at,
        )


@dataclass(frozen=True, slots=True)
class Rollout:
    """How far a Deployment or StatefulSet is. Numbers are pods."""

    generation: int
    observed: int
    """Generation that its controller has acted on."""
    wanted: int
    current: int
    updated: int
    ready: int
    available: int
    problem: str = ""
    """Why it does not get on, in its controller's words; empty when it does."""


@dataclass(frozen=True, slots=True)
class ChildState:
    """A child as it was last seen."""

    owner: Key
    uid: str
    version: int
    fingerprint: str | None
    """Of the fields that are ours (cluster.fields); None when none is."""
    owner_uid: str | None
    """uid in its controller's ownerReference."""
    opt_out: bool
    generated: bool
    """A Secret that was made once and is never overwritten."""
    deleting: bool
    rollout: Rollout | None

    def differs_from(self, other: ChildState) -> bool:
        """Whether something changed that a reconcile acts upon or reports."""
        return (self.uid, self.fingerprint, self.owner_uid, self.opt_out, self.deleting, self.rollout) != (
            other.uid,
            other.fingerprint,
            other.owner_uid,
            other.opt_out,
            other.deleting,
            other.rollout,
        )


def declared(obj: Object, kind: str | None = None) -> Declared:
    """One of our objects; ``kind`` for items of a list, which do not say it."""
    metadata = obj["metadata"]
    annotations = metadata.get("annotations") or {}
    spec = obj.get("spec") or {}
    return Declared(
        key=key_of(obj, kind),
        uid=metadata["uid"],
        version=int(metadata["resourceVersion"]),
        generation=metadata.get("generation", 1),
        created=metadata.get("creationTimestamp", ""),
        deleting="deletionTimestamp" in metadata,
        paused=annotations.get(PAUSED) == "true",
        requested_at=annotations.get(REQUESTED_AT, ""),
        spec=spec,
        status=obj.get("status") or {},
        secrets=frozenset(_secrets(spec)),
    )


def child(obj: Object) -> ChildState | None:
    """A child of ours; None when its labels do not say so. Metadata alone is enough, but for rollouts."""
    metadata = obj["metadata"]
    annotations = metadata.get("annotations") or {}
    owner = owner_of(metadata.get("labels") or {}, metadata.get("namespace", ""))
    if owner is None:
        return None
    references = metadata.get("ownerReferences") or ()
    return ChildState(
        owner=owner,
        uid=metadata["uid"],
        version=int(metadata["resourceVersion"]),
        fingerprint=fingerprint(obj, MANAGER),
        owner_uid=next((intern(each["uid"]) for each in references if each.get("controller")), None),
        opt_out=annotations.get(OPT_OUT) == "disabled",
        generated=annotations.get(GENERATED) == "true",
        deleting="deletionTimestamp" in metadata,
        rollout=_rollout(obj),
    )


def _rollout(obj: Object) -> Rollout | None:
    spec, status = obj.get("spec"), obj.get("status") or {}
    if spec is None or "template" not in spec:
        return None
    return Rollout(
        generation=obj["metadata"].get("generation", 0),
        observed=status.get("observedGeneration", 0),
        wanted=spec.get("replicas", 1),
        current=status.get("replicas", 0),
        updated=status.get("updatedReplicas", 0),
        ready=status.get("readyReplicas", 0),
        available=status.get("availableReplicas", 0),
        problem=_problem(status.get("conditions") or ()),
    )


def _problem(conditions: Any) -> str:
    """A Deployment says that it is stuck in two ways: pods cannot be made, or they do not become ready in time."""
    for each in conditions:
        kind, status = each.get("type"), each.get("status")
        if (kind, status) == ("ReplicaFailure", "True") or (kind, status) == ("Progressing", "False"):
            return str(each.get("message") or each.get("reason") or kind)
    return ""


def _secrets(node: Any) -> Iterator[str]:
    """Names under ``secret`` in a spec. A gateway's certificate is for the gateway to read, not for us."""
    if isinstance(node, Mapping):
        for field, value in node.items():
            if field == "secret" and isinstance(value, str):
                yield value
            elif field != "tls":
                yield from _secrets(value)
    elif isinstance(node, list):
        for each in node:
            yield from _secrets(each)
