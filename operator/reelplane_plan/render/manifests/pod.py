"""The pod template that all workloads share: who it runs as, where it may run, what overrides add to it.

Every pod fits the ``restricted`` Pod Security Standard and has a read-only root; what must be written to is an
emptyDir or a volume.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from reelplane_plan.placement import Placement, Resources, Toleration
from reelplane_plan.render.manifests.child import Manifest
from reelplane_plan.render.manifests.names import labels, object_name, selector, theirs
from reelplane_plan.types import Plan, Workload

NONROOT = 65532
"""``nonroot`` of the distroless images; any number but 0 would do."""
HASH = "reelplane.io/content-hash"


def template(
    workload: Workload,
    plan: Plan,
    *,
    containers: Sequence[Manifest],
    volumes: Sequence[Manifest],
    content_hash: str,
    init: Sequence[Manifest] = (),
    user: int = NONROOT,
) -> Manifest:
    """The template of ``workload``'s pods; a changed ``content_hash`` rolls them."""
    placed = workload.placement
    spec: Manifest = {
        "serviceAccountName": object_name(workload),
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        # The first process of a namespace gets no signal that it has no handler for: told to stop while it still
        # loads its code, it would stay for the whole grace period. In a shared one the first is the pod's own.
        "shareProcessNamespace": True,
        "terminationGracePeriodSeconds": workload.policy.settle + workload.policy.grace,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": user,
            "runAsGroup": user,
            "fsGroup": user,
            # Without it every start walks through all files of a volume.
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        **_placed(placed),
    }
    if plan.cluster.pull_secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in plan.cluster.pull_secrets]
    if workload.role == "api":
        spec["topologySpreadConstraints"] = _spread(selector(workload, plan))
    if init:
        spec["initContainers"] = list(init)
    spec["containers"] = list(containers)
    spec["volumes"] = list(volumes)
    return {
        "metadata": {
            "labels": theirs(placed.labels) | labels(workload, plan),
            "annotations": {**placed.annotations, HASH: content_hash},
        },
        "spec": spec,
    }


def container(name: str, image: str, plan: Plan, **fields: object) -> Manifest:
    """A container with what all of ours have in common."""
    made: Manifest = {"name": name, "image": image}
    if plan.cluster.pull_policy:
        made["imagePullPolicy"] = plan.cluster.pull_policy
    security = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    return {**made, **fields, "securityContext": security}


def resources(wanted: Resources) -> Manifest:
    devices = {name: str(count) for name, count in wanted.devices.items()}
    return {
        "requests": {"cpu": wanted.cpu, "memory": wanted.memory, **devices},
        "limits": {"memory": wanted.memory_limit, **devices},
    }


_STARTS = 900
"""Seconds for a start: a workload waits for its stores, whose volumes and images may take minutes to come."""


def probes(
    ready: Callable[[], Manifest],
    alive: Callable[[], Manifest],
    *,
    started: Callable[[], Manifest] | None = None,
    patience: int = 3,
) -> dict[str, Manifest]:
    """Of what the three make; it has ``started`` when it is ready, unless that is said otherwise. Startup and
    readiness wait ``patience`` seconds for their answer. A slow start is waited for (``_STARTS``), and a busy process
    gets 30 s of silence before it is started again.
    """
    every = 2
    return {
        "startupProbe": {
            **(started or ready)(),
            "periodSeconds": every,
            "timeoutSeconds": patience,
            "failureThreshold": _STARTS // every,
        },
        "readinessProbe": {**ready(), "periodSeconds": 5, "timeoutSeconds": patience, "failureThreshold": 3},
        "livenessProbe": {**alive(), "periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 3},
    }


def empty(name: str) -> Manifest:
    return {"name": name, "emptyDir": {}}


def _placed(placed: Placement) -> Manifest:
    spec: Manifest = {}
    if placed.node_selector:
        spec["nodeSelector"] = dict(placed.node_selector)
    if placed.tolerations:
        spec["tolerations"] = [_toleration(each) for each in placed.tolerations]
    if placed.preferred:
        spec["affinity"] = {
            "nodeAffinity": {
                "preferredDuringSchedulingIgnoredDuringExecution": [
                    {
                        "weight": 100,
                        "preference": {
                            "matchExpressions": [{"key": label, "operator": "In", "values": [value]}]
                        },
                    }
                    for label, value in placed.preferred
                ]
            }
        }
    if placed.priority_class:
        spec["priorityClassName"] = placed.priority_class
    if placed.runtime_class:
        spec["runtimeClassName"] = placed.runtime_class
    return spec


def _toleration(each: Toleration) -> Manifest:
    fields = {
        "key": each.key,
        "operator": each.operator,
        "value": each.value,
        "effect": each.effect,
        "tolerationSeconds": each.seconds,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _spread(matched: dict[str, str]) -> list[Manifest]:
    """Over zones, then over nodes, as far as there are any: a cluster of one node still serves."""
    return [
        {
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": dict(matched)},
            # During a rollout the old pods, which are about to go, do not count.
            "matchLabelKeys": ["pod-template-hash"],
        }
        for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
    ]
