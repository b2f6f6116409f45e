"""What the hub has written into a region, kept in the operator's own namespace until it is cleared away there.

A finalizer would keep this knowledge in the RegionDeployment, and would hold its namespace hostage whenever the
operator is gone first. So the hub keeps a record instead: one ConfigMap per region, written before the first
object is. A record whose RegionDeployment no longer exists is work to do, after a restart as well.

    RegionDeployment ──► record (ConfigMap) ──► objects in the region ──► status
    gone             ──► record says what and where ──► deleted there ──► record removed
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

LABEL = "reelplane.io/region-record"
_KEY = "record.json"


@dataclass(frozen=True, slots=True, order=True)
class Written:
    """One object in the region."""

    api_version: str
    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Record:
    namespace: str
    """Of the RegionDeployment."""
    name: str
    uid: str
    """Of the RegionDeployment: a new one of the same name inherits nothing."""
    secret: str | None
    """Secret of that namespace with the kubeconfig; None: the hub's own cluster."""
    key: str
    target: str
    """Namespace in the region."""
    policy: str
    """``Delete`` or ``Orphan``."""
    objects: tuple[Written, ...]

    @property
    def object_name(self) -> str:
        """Of the ConfigMap: a digest, since two names of 63 characters do not fit into one."""
        digest = hashlib.sha256(f"{self.namespace}/{self.name}".encode()).hexdigest()[:16]
        return f"reelplane-region-{digest}"

    def manifest(self, operator_namespace: str) -> dict[str, Any]:
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": self.object_name,
                "namespace": operator_namespace,
                "labels": {LABEL: "true", "app.kubernetes.io/managed-by": "reelplane"},
            },
            "data": {_KEY: json.dumps(asdict(self), sort_keys=True)},
        }


def parse(config_map: dict[str, Any]) -> Record:
    """Raises ValueError for a ConfigMap that is no record: somebody edited it."""
    where = config_map["metadata"]["name"]
    try:
        data = json.loads(config_map["data"][_KEY])
        objects = tuple(Written(**each) for each in data.pop("objects"))
        return Record(**data, objects=objects)
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(f"ConfigMap {where} is not a region's record: {error}") from error
