"""StatefulSets: one pod with one volume for each server of a platform's own.

What holds a store is replaced in place: its pod keeps its name and its volume, and is away for as long as it
takes to start again. Sizes and classes of volumes are fixed when they are made: a StatefulSet cannot change
them, and the API server says so.
"""

from __future__ import annotations

import hashlib
import json

from reelplane_plan.render.manifests import pod, servers
from reelplane_plan.render.manifests.child import Manifest
from reelplane_plan.render.manifests.names import head, object_name, selector
from reelplane_plan.servers import EmbeddedServer
from reelplane_plan.types import Facts, Plan, Workload


def stateful_set(workload: Workload, server: EmbeddedServer, plan: Plan, facts: Facts) -> Manifest:
    made = servers.build(workload, server, plan)
    volumes = [*made.secrets, *map(pod.empty, made.scratch)]
    if server.volume is None:
        volumes.append(pod.empty(servers.DATA))
    spec: Manifest = {
        "serviceName": object_name(workload),
        "replicas": 1,
        "selector": {"matchLabels": selector(workload, plan)},
        "revisionHistoryLimit": 2,
        "persistentVolumeClaimRetentionPolicy": {
            "whenDeleted": "Retain" if plan.cluster.keep_volumes else "Delete",
            "whenScaled": "Retain",
        },
        "template": pod.template(
            workload,
            plan,
            containers=[made.container],
            volumes=volumes,
            content_hash=_digest(made.container),
            user=made.user,
        ),
    }
    if server.volume is not None:
        spec["volumeClaimTemplates"] = [_claim(server.volume, workload, plan)]
    return {**head("apps/v1", "StatefulSet", workload, plan, facts), "spec": spec}


def _claim(size: str, workload: Workload, plan: Plan) -> Manifest:
    spec: Manifest = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": size}},
    }
    if plan.cluster.storage_class:
        spec["storageClassName"] = plan.cluster.storage_class
    return {"metadata": {"name": servers.DATA, "labels": selector(workload, plan)}, "spec": spec}


def _digest(container: Manifest) -> str:
    return hashlib.sha256(json.dumps(container.get("args"), sort_keys=True).encode()).hexdigest()[:16]
