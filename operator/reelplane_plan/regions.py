"""The resources of one region: what the hub declares for all, with the region's overrides in their place.

Each override replaces the platform's field whole, so that a union never ends up with two of its fields. What
comes out is what a person would have applied in that cluster: type, name, labels and spec. Secrets are not part
of it: references stay inside a namespace, and so the region's Secrets are the region's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reelplane_crds.kinds import ProxyPool, RegionDeployment, Resource, VideoPipeline, VideoPlatform
from reelplane_crds.kinds.regiondeployment import WorkersOverride

REGION_LABEL = "reelplane.io/region"
_REPLACED = ("domain", "gateway", "cache", "queue", "database", "objects", "storage", "egress", "images")
"""Fields of the platform that an override of the same name replaces."""


def resolve(
    platform: VideoPlatform,
    pipelines: Sequence[VideoPipeline],
    pools: Sequence[ProxyPool],
    region: RegionDeployment,
) -> list[dict[str, Any]]:
    """The objects to apply in ``region``: the pools in use, the platform, its pipelines, each sorted by name."""
    ours = sorted((each for each in pipelines if each.spec.platform == platform.metadata.name), key=_by_name)
    used = {each.spec.workers.download.proxies for each in ours}
    found = sorted((each for each in pools if each.metadata.name in used), key=_by_name)
    return [
        *(_written(pool, _spec(pool), region) for pool in found),
        _written(platform, _platform(platform, region), region),
        *(_written(each, _pipeline(each, region), region) for each in ours),
    ]


def _platform(platform: VideoPlatform, region: RegionDeployment) -> dict[str, Any]:
    spec, overrides = _spec(platform), region.spec.overrides
    wanted = overrides.model_dump(mode="json", by_alias=True, exclude_unset=True)
    spec |= {field: wanted[field] for field in _REPLACED if wanted.get(field) is not None}
    if overrides.api and overrides.api.replicas:
        spec["api"] = {**spec.get("api", {}), "replicas": wanted["api"]["replicas"]}
    return spec


def _pipeline(pipeline: VideoPipeline, region: RegionDeployment) -> dict[str, Any]:
    spec = _spec(pipeline)
    for each in region.spec.overrides.pipelines:
        if each.name == pipeline.metadata.name and each.workers:
            workers = spec.setdefault("workers", {})
            bounds = _bounds(pipeline, each.workers)
            workers["download"] = {**workers.get("download", {}), **bounds}
    return spec


def _bounds(pipeline: VideoPipeline, override: WorkersOverride) -> dict[str, int]:
    """Where one bound alone is given and does not fit the pipeline's other one, the given one counts."""
    workers = pipeline.spec.workers.download
    least = workers.min if override.min is None else override.min
    most = workers.max if override.max is None else override.max
    return {
        "min": min(least, most) if override.min is None else least,
        "max": max(least, most) if override.max is None else most,
    }


def _spec(item: VideoPlatform | VideoPipeline | ProxyPool) -> dict[str, Any]:
    """As it was written: what was left to a default is the region's operator's to fill in."""
    spec: dict[str, Any] = item.spec.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return spec


def _written(
    item: VideoPlatform | VideoPipeline | ProxyPool, spec: dict[str, Any], region: RegionDeployment
) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": item.metadata.name}
    if namespace := region.spec.namespace or region.metadata.namespace:
        metadata["namespace"] = namespace
    metadata["labels"] = {**item.metadata.labels, REGION_LABEL: region.spec.region}
    return {"apiVersion": item.api_version, "kind": item.kind, "metadata": metadata, "spec": spec}


def _by_name(item: Resource) -> str:
    return item.metadata.name
