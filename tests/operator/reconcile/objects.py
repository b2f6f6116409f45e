"""Objects as an API server sends them, made by hand for tests of pure modules."""

from __future__ import annotations

from typing import Any

from reelplane_operator.reconcile.keys import GENERATED, OPT_OUT

Object = dict[str, Any]


def resource(kind: str, name: str, *, uid: str = "", version: int = 1, **spec: Any) -> Object:
    """One of our objects."""
    return {
        "apiVersion": "reelplane.io/v1alpha1",
        "kind": kind,
        "metadata": {
            "name": name,
            "namespace": "default",
            "uid": uid or f"uid-{name}",
            "resourceVersion": str(version),
            "generation": 1,
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": spec,
    }


def child(
    owner: str,
    kind: str,
    name: str,
    *,
    version: int = 1,
    uid: str = "",
    owner_uid: str | None = None,
    fields: Object | None = None,
    opt_out: bool = False,
    generated: bool = False,
) -> Object:
    """A child of ``owner`` (``VideoPlatform.reels``), with the fields that we own on it."""
    annotations = ({OPT_OUT: "disabled"} if opt_out else {}) | ({GENERATED: "true"} if generated else {})
    return {
        "apiVersion": "v1",
        "kind": kind,
        "metadata": {
            "name": name,
            "namespace": "default",
            "uid": uid or f"uid-{name}",
            "resourceVersion": str(version),
            "labels": {"app.kubernetes.io/managed-by": "reelplane", "reelplane.io/owner": owner},
            "annotations": annotations,
            "ownerReferences": [{"uid": owner_uid, "controller": True}] if owner_uid else [],
            "managedFields": [
                {"manager": "reelplane", "operation": "Apply", "fieldsV1": fields or {"f:data": {}}}
            ],
        },
    }
