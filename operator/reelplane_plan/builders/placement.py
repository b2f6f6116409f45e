"""Where pods may run and what they ask of nodes: our own choice, then the platform's overrides, then the ones of
the workload. Maps are merged key by key and the more specific one wins; tolerations only permit, so they add up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from reelplane_crds.kinds import pods
from reelplane_crds.kinds.pods import PodOverrides
from reelplane_crds.kinds.values import Quantity
from reelplane_crds.kinds.videopipeline import DownloadWorkers
from reelplane_plan.placement import Placement, Resources, Toleration
from reelplane_plan.types import Facts

SERVING = "reelplane-serving"
BATCH = "reelplane-batch"
"""PriorityClasses of the installation: what answers people goes before what works for them later."""

_SPOT = (
    ("karpenter.sh/capacity-type", "spot"),
    ("eks.amazonaws.com/capacityType", "SPOT"),
    ("cloud.google.com/gke-spot", "true"),
    ("kubernetes.azure.com/scalesetpriority", "spot"),
)
"""Labels, and taints of the same name, by which Karpenter, EKS, GKE and AKS mark nodes that may be taken away."""


def build(
    overrides: Sequence[PodOverrides | None], own: Placement, resources: Resources
) -> tuple[Placement, Resources]:
    """``overrides`` from the most general to the most specific one; None where there is none."""
    given = [each for each in overrides if each is not None]
    tolerations = [*own.tolerations, *(_toleration(each) for one in given for each in one.tolerations)]
    classes = [one.priority_class for one in given if one.priority_class]
    placed = replace(
        own,
        labels=_merged(own.labels, (one.labels for one in given)),
        annotations=_merged(own.annotations, (one.annotations for one in given)),
        node_selector=_merged(own.node_selector, (one.node_selector for one in given)),
        tolerations=tuple(dict.fromkeys(tolerations)),
        priority_class=classes[-1] if classes else own.priority_class,
    )
    return placed, _resources(given, resources)


def own(facts: Facts, priority_class: str) -> Placement:
    """What a workload has when nobody says anything."""
    return Placement(priority_class=priority_class if facts.priority_classes else None)


def on_spot(placed: Placement) -> Placement:
    """On nodes that may be taken away, where there are any: they are looked for first and put up with."""
    taints = tuple(Toleration(key=key, value=value, effect="NoSchedule") for key, value in _SPOT)
    return replace(placed, tolerations=(*placed.tolerations, *taints), preferred=_SPOT)


def wants_gpu(workers: DownloadWorkers, facts: Facts) -> bool:
    """A cluster that is known to have no GPU gives the work to processors, unless it shall wait for one."""
    return workers.class_ == "Gpu" and not (facts.gpu == "absent" and workers.fallback == "Cpu")


def on_gpu(workers: DownloadWorkers, placed: Placement, resources: Resources) -> tuple[Placement, Resources]:
    """On nodes with GPUs, which are usually tainted with the name of what they offer."""
    gpu = workers.gpu
    taint = Toleration(key=gpu.resource, operator="Exists", effect="NoSchedule")
    return (
        replace(placed, tolerations=(*placed.tolerations, taint), runtime_class=gpu.runtime_class),
        replace(resources, devices={gpu.resource: gpu.count}),
    )


def _merged(base: Mapping[str, str], further: Iterable[Mapping[str, str]]) -> dict[str, str]:
    merged = dict(base)
    for each in further:
        merged |= each
    return merged


def _toleration(each: pods.Toleration) -> Toleration:
    return Toleration(each.key, each.operator, each.value, each.effect, each.toleration_seconds)


def _resources(given: Sequence[PodOverrides], default: Resources) -> Resources:
    """The API server refuses a limit below the request. Where only one of them is given, the other follows it;
    where they come from different places and do not fit, the limit is raised."""
    cpu = _last(one.resources.cpu for one in given)
    memory = _last(one.resources.memory for one in given)
    limit = _last(one.resources.memory_limit for one in given)
    wanted = memory or min(default.memory, limit or default.memory, key=_bytes)
    return replace(
        default,
        cpu=cpu or default.cpu,
        memory=wanted,
        memory_limit=max(limit or default.memory_limit, wanted, key=_bytes),
    )


def _last(values: Iterable[str | None]) -> str | None:
    return next((str(each) for each in reversed(list(values)) if each is not None), None)


def _bytes(quantity: str) -> int:
    return Quantity(quantity).bytes
