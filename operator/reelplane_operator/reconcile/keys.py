"""What things are called: keys of the queue, identities of children, and the labels and annotations we read.

All of them are interned: a thousand platforms have some fifteen thousand children whose kinds, namespaces and
owners are the same few strings.
"""

from __future__ import annotations

from sys import intern
from typing import Any, Final, NamedTuple

from reelplane_crds.kinds import API_VERSION

MANAGER: Final = "reelplane"
"""Our field manager, and the value of the label that says an object is ours."""
MANAGED_BY: Final = "app.kubernetes.io/managed-by"
OURS: Final = f"{MANAGED_BY}={MANAGER}"
"""Selects our children."""
OWNER_LABEL: Final = "reelplane.io/owner"
"""On every child: ``VideoPipeline.shorts``."""
OPT_OUT: Final = "reelplane.io/reconcile"
"""On a child, with the value ``disabled``: it is neither applied nor pruned."""
GENERATED: Final = "reelplane.io/generated"
"""On a Secret that was made once. It is not pruned: a volume or a session may need it again."""
PAUSED: Final = "reelplane.io/paused"
"""On one of our objects, with the value ``true``: nothing of its children is written."""
REQUESTED_AT: Final = "reelplane.io/requestedAt"
"""On one of our objects: any change of it asks for a reconcile."""

PLATFORM: Final = "VideoPlatform"
PIPELINE: Final = "VideoPipeline"
POOL: Final = "ProxyPool"


class Key(NamedTuple):
    """One of our objects: what the queue holds and a reconcile is about."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"

    @property
    def subject(self) -> str:
        """How plans name it in the paths of their problems."""
        return f"{self.kind}/{self.name}"

    @property
    def label(self) -> str:
        """Value of ``OWNER_LABEL`` on its children."""
        return f"{self.kind}.{self.name}"


class ChildId(NamedTuple):
    """A child within the namespace of its owner."""

    api_version: str
    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


def key_of(obj: dict[str, Any], kind: str | None = None) -> Key:
    """The key of an object of ours. Lists leave out the kind of their items: then give it."""
    metadata = obj["metadata"]
    return Key(
        intern(kind or obj["kind"]), intern(metadata.get("namespace", "")), intern(str(metadata["name"]))
    )


def child_id(manifest: dict[str, Any]) -> ChildId:
    return ChildId(
        intern(manifest["apiVersion"]), intern(manifest["kind"]), intern(manifest["metadata"]["name"])
    )


def owner_of(labels: dict[str, str], namespace: str) -> Key | None:
    """Whose child an object with these labels is; None when it is not ours."""
    if labels.get(MANAGED_BY) != MANAGER:
        return None
    kind, _, name = labels.get(OWNER_LABEL, "").partition(".")
    return Key(intern(kind), intern(namespace), intern(name)) if kind and name else None


__all__ = [
    "API_VERSION",
    "GENERATED",
    "MANAGED_BY",
    "MANAGER",
    "OPT_OUT",
    "OURS",
    "OWNER_LABEL",
    "PAUSED",
    "PIPELINE",
    "PLATFORM",
    "POOL",
    "REQUESTED_AT",
    "ChildId",
    "Key",
    "child_id",
    "key_of",
    "owner_of",
]
