"""An observed platform as the one small object that ``-o json`` prints and ``screen`` shows. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reelplane_cli.cluster.objects import (
    Json,
    conditions,
    holds,
    name_of,
    of_owner,
    seconds_since,
    selected_by,
    spec,
    status,
)
from reelplane_cli.cluster.observe import Observed, moment
from reelplane_cli.cluster.problems import is_ready, problems, replicas
from reelplane_crds.kinds.videoplatform import VideoPlatformSpec

_EVENTS = 6
"""Events on one screen; warnings go first when there are more."""
_RECENT = 3600.0
"""Seconds after which an event is no longer news."""


def summarise(seen: Observed) -> Json:
    """The stable shape of ``kubectl reelplane status -o json``: times are seconds, counts are numbers."""
    platform = seen.platform
    figures = seen.figures or {}
    cache = figures.get("cache") or {}
    return {
        "platform": {
            "name": name_of(platform),
            "namespace": platform["metadata"].get("namespace", ""),
            "ready": is_ready(seen),
            "paused": holds(platform, "Paused"),
            "url": status(platform).get("url"),
            "generation": platform["metadata"].get("generation"),
            "observedGeneration": status(platform).get("observedGeneration"),
            "ageSeconds": _age(platform, seen),
        },
        "conditions": [_condition(each, seen) for each in conditions(platform)],
        "serving": list(_serving(seen)),
        "pipelines": [_pipeline(each, seen) for each in seen.pipelines],
        "queue": figures.get("queue"),
        "hitRate": cache.get("hitRate"),
        "downloads": figures.get("downloads"),
        "proxies": figures.get("proxies"),
        "extractor": status(platform).get("extractor"),
        "extractors": figures.get("extractors") or [],
        "rollouts": [_rollout(each) for each in seen.workloads if _is_rolling(each)],
        "regions": [_region(each, seen) for each in seen.regions],
        "events": _events(seen),
        "problems": [each.as_dict() for each in problems(seen)],
        "unseen": sorted(seen.unseen),
    }


def _age(item: Json, seen: Observed) -> int | None:
    age = seconds_since(item["metadata"].get("creationTimestamp"), seen.now)
    return None if age is None else int(age)


def _condition(found: Json, seen: Observed) -> Json:
    since = seconds_since(found.get("lastTransitionTime"), seen.now)
    return {
        "type": found.get("type", ""),
        "status": found.get("status", ""),
        "reason": found.get("reason", ""),
        "message": found.get("message", ""),
        "sinceSeconds": None if since is None else int(since),
    }


_STORES: Json = VideoPlatformSpec().model_dump(mode="json", by_alias=True, exclude_none=True)
"""What a platform has that names no stores: the API server leaves unions as they were written."""


def _serving(seen: Observed) -> Iterator[Json]:
    """The API and the stores: what runs here with its pods, what runs elsewhere by name."""
    wanted, name = spec(seen.platform), name_of(seen.platform)
    by_name = {name_of(each): each for each in seen.workloads}
    copies = wanted.get("api", {}).get("replicas", {})
    bounds = f"{copies['min']} to {copies['max']} copies" if {"min", "max"} <= set(copies) else ""
    yield _part("api", by_name.get(f"{name}-api"), bounds)
    for part in ("cache", "queue", "database", "objects"):
        chosen = wanted.get(part) or _STORES[part]
        if "embedded" in chosen:
            size = (chosen["embedded"] or {}).get("memory") or (chosen["embedded"] or {}).get("size")
            detail = " ".join(["embedded", *([str(size)] if size else [])])
            yield _part(part, by_name.get(f"{name}-{part}"), detail)
        else:
            yield {"part": part, "ready": None, "wanted": None, "detail": _elsewhere(chosen)}


def _part(part: str, workload: Json | None, detail: str) -> Json:
    ready, wanted = replicas(workload) if workload else (0, None)
    return {"part": part, "ready": ready, "wanted": wanted, "detail": detail}


def _elsewhere(chosen: Json) -> str:
    if bucket := chosen.get("s3"):
        return f"s3 {bucket.get('bucket')} ({bucket.get('endpoint') or bucket.get('region')})"
    kind = next(iter(chosen), "")
    reference = (chosen.get(kind) or {}).get("urlFrom") or {}
    where = f" by Secret {reference.get('secret')}, key {reference.get('key')}" if reference else ""
    return f"{kind}{where}"


def _pipeline(pipeline: Json, seen: Observed) -> Json:
    name = name_of(pipeline)
    workers = spec(pipeline).get("workers", {}).get("download", {})
    deployments = of_owner(seen.deployments, "VideoPipeline", name)
    figures = seen.figures or {}
    pods = {name_of(pod) for pod in seen.pods for each in deployments if selected_by(pod, each)}
    reporting = [each for each in figures.get("workers") or () if each.get("id") in pods]
    counts = [replicas(each) for each in deployments]
    return {
        "name": name,
        "ready": holds(pipeline, "Ready"),
        "paused": holds(pipeline, "Paused"),
        "drained": bool(spec(pipeline).get("drain")),
        "workers": {
            "ready": sum(ready for ready, _ in counts),
            "wanted": sum(wanted for _, wanted in counts),
            "min": workers.get("min"),
            "max": workers.get("max"),
            "busy": sum(int(each.get("busy", 0)) for each in reporting),
            "capacity": sum(int(each.get("capacity", 0)) for each in reporting),
            "draining": sum(bool(each.get("draining")) for each in reporting),
        },
        "queue": status(pipeline).get("queue"),
        "hitRate": status(pipeline).get("hitRate"),
        "proxies": workers.get("proxies"),
        "conditions": [_condition(each, seen) for each in conditions(pipeline)],
    }


def _is_rolling(workload: Json) -> bool:
    """Whether pods of an older template still run, or the controller has not looked at the newest one yet."""
    seen, wanted = status(workload), spec(workload).get("replicas", 1)
    if seen.get("observedGeneration", 0) < workload.get("metadata", {}).get("generation", 0):
        return True
    return int(seen.get("updatedReplicas", 0)) < int(wanted) or int(seen.get("replicas", 0)) > int(
        seen.get("updatedReplicas", 0)
    )


def _rollout(workload: Json) -> Json:
    told = status(workload)
    updated, total = int(told.get("updatedReplicas") or 0), int(told.get("replicas") or 0)
    return {
        "object": f"{workload['kind']}/{name_of(workload)}",
        "updated": updated,
        "wanted": int(spec(workload).get("replicas", 1)),
        "old": max(total - updated, 0),
    }


def _region(region: Json, seen: Observed) -> Json:
    told = status(region)
    silent = seconds_since(told.get("lastContactTime"), seen.now)
    ready = next((each for each in conditions(region) if each.get("type") == "Ready"), {})
    return {
        "name": name_of(region),
        "region": spec(region).get("region"),
        "role": spec(region).get("role", "Primary"),
        "weight": spec(region).get("weight", 0),
        "ready": ready.get("status", "Unknown"),
        "reason": ready.get("reason", ""),
        "workers": told.get("workers"),
        "queue": told.get("queue"),
        "silentSeconds": None if silent is None else int(silent),
    }


def _events(seen: Observed) -> list[Json]:
    """The news of the last hour, newest last; warnings push out the rest when there is too much."""
    recent = [(event, seconds_since(moment(event), seen.now)) for event in seen.events]
    news = [(event, age) for event, age in recent if age is not None and age < _RECENT]
    keep = sorted(news, key=lambda each: (each[0].get("type") == "Warning", -each[1]))[-_EVENTS:]
    return [_event(event, age) for event, age in sorted(keep, key=lambda each: -each[1])]


def _event(event: Json, age: float) -> Json:
    about: dict[str, Any] = event.get("regarding") or {}
    count = (event.get("series") or {}).get("count") or event.get("deprecatedCount") or 1
    return {
        "ageSeconds": int(age),
        "type": event.get("type", "Normal"),
        "object": f"{about.get('kind')}/{about.get('name')}",
        "reason": event.get("reason", ""),
        "message": event.get("note", ""),
        "count": int(count),
    }
