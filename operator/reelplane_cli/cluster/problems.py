"""What is wrong with an observed platform, and what would be right. Pure.

The operator's own verdict (conditions) comes first, then what it cannot say itself: that it does not run, that
pods do not start, that volumes do not come, that nobody answers. One line per cause, not one per pod.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from reelplane_cli.cluster.objects import (
    RESTART_OPERATOR,
    Json,
    condition,
    holds,
    name_of,
    seconds_since,
    selected_by,
    spec,
    status,
    title,
)
from reelplane_cli.cluster.observe import Observed

_PATIENCE = 15.0
"""Seconds a change may wait for the operator before its silence is remarked upon."""

_WAITING = {
    "ErrImagePull": "check the image's name and tag (spec.images) and spec.images.pullSecrets",
    "ImagePullBackOff": "check the image's name and tag (spec.images) and spec.images.pullSecrets",
    "InvalidImageName": "write spec.images as registry/name:tag",
    "CrashLoopBackOff": "`kubectl reelplane logs` shows its last words",
    "CreateContainerConfigError": "a Secret or ConfigMap that the pod mounts is missing: `kubectl describe pod`",
    "CreateContainerError": "`kubectl describe pod` shows what the node refused",
    "RunContainerError": "`kubectl describe pod` shows what the node refused",
}
_ROOM = "add nodes or lower workers.max; `kubectl describe pod` shows which requirement no node meets"


@dataclass(frozen=True, slots=True)
class Trouble:
    """One cause: which object, a reason that programs may compare, what, and what would be right."""

    subject: str
    reason: str
    message: str
    fix: str = ""

    def as_dict(self) -> dict[str, str]:
        return {"object": self.subject, "reason": self.reason, "message": self.message, "fix": self.fix}


def problems(seen: Observed) -> list[Trouble]:
    """All causes, the operator's verdict first."""
    found: list[Trouble] = []
    for item in (seen.platform, *seen.pipelines, *seen.regions):
        found += _verdict(item, seen)
    for workload in seen.workloads:
        found += _pods(workload, seen)
        found += _refused(workload)
    found += [
        Trouble(
            title(claim), "VolumePending", "the volume has not come", "check spec.storage.class and its quota"
        )
        for claim in seen.claims
        if status(claim).get("phase") == "Pending"
    ]
    for scaler in seen.scalers:
        ready = condition(scaler, "Ready")
        if scaler["kind"] == "ScaledObject" and ready.get("status") == "False":
            found.append(
                Trouble(title(scaler), str(ready.get("reason", "NotReady")), str(ready.get("message", "")))
            )
    return [*found, *_figures(seen)]


def _verdict(item: Json, seen: Observed) -> Iterator[Trouble]:
    """What the operator says about one of our objects, or that it says nothing."""
    wanted, acted = item["metadata"].get("generation", 0), status(item).get("observedGeneration")
    age = seconds_since(item["metadata"].get("creationTimestamp"), seen.now) or 0.0
    paused = holds(item, "Paused")
    if acted is None:
        if age > _PATIENCE:
            message = "the operator has not looked at it yet"
            yield Trouble(title(item), "NotReconciled", message, f"is it running? `{RESTART_OPERATOR}`")
        return
    if acted < wanted and not paused:
        message = f"generation {wanted} is not taken up yet, {acted} is"
        yield Trouble(title(item), "ChangePending", message, f"if this stays: `{RESTART_OPERATOR}`")
    for kind in ("Stalled", "ExtractorRejected"):
        if holds(item, kind):
            yield _of_condition(item, kind)
    told = condition(item, "Ready")
    if told.get("reason") == "RegionUnreachable":
        yield _of_condition(item, "Ready")
    unready = told.get("status") == "False"
    if unready and not holds(item, "Stalled") and not holds(item, "Reconciling") and not paused:
        yield _of_condition(item, "Ready")


def _of_condition(item: Json, kind: str) -> Trouble:
    found = condition(item, kind)
    return Trouble(title(item), str(found.get("reason", kind)), str(found.get("message", "")))


def _pods(workload: Json, seen: Observed) -> Iterator[Trouble]:
    """Causes among the pods of one workload, each with the number of pods that share it."""
    causes: Counter[tuple[str, str]] = Counter()
    words: dict[tuple[str, str], str] = {}
    for pod in seen.pods:
        if not selected_by(pod, workload):
            continue
        for reason, message, fix in _of_pod(pod):
            causes[reason, fix] += 1
            words.setdefault((reason, fix), message)
    for (reason, fix), count in causes.items():
        pods = f"{count} pod{'s' if count > 1 else ''}"
        said = words[reason, fix]
        yield Trouble(title(workload), reason, f"{pods}: {said}" if said else pods, fix)


def _of_pod(pod: Json) -> Iterator[tuple[str, str, str]]:
    scheduled = condition(pod, "PodScheduled")
    if scheduled.get("reason") == "Unschedulable":
        yield "Unschedulable", str(scheduled.get("message", "")), _ROOM
    told = status(pod)
    for container in (*(told.get("initContainerStatuses") or ()), *(told.get("containerStatuses") or ())):
        waiting = (container.get("state") or {}).get("waiting") or {}
        if (reason := waiting.get("reason", "")) in _WAITING:
            yield reason, str(waiting.get("message", "")), _WAITING[reason]
        ended = (container.get("lastState") or {}).get("terminated") or {}
        if ended.get("reason") == "OOMKilled":
            fix = "raise pods.resources.memoryLimit, or lower workers.download.concurrency"
            yield "OOMKilled", f"{container.get('name', '')} ran out of memory", fix


def _refused(workload: Json) -> Iterator[Trouble]:
    failing = condition(workload, "ReplicaFailure")
    if failing.get("status") == "True":
        fix = "`kubectl describe resourcequota` and the namespace's Pod Security label say what is allowed"
        yield Trouble(title(workload), str(failing.get("reason", "")), str(failing.get("message", "")), fix)


def _figures(seen: Observed) -> Iterator[Trouble]:
    """What the platform's own figures say, or that it gives none although its API is up."""
    api = f"{name_of(seen.platform)}-api"
    if seen.figures is None:
        up = any(name_of(each) == api and status(each).get("readyReplicas") for each in seen.deployments)
        if up:
            fix = (
                "`kubectl reelplane logs` shows what the API says; to ask it you need `get` on services/proxy"
            )
            yield Trouble(f"Service/{api}", "NoAnswer", seen.why_no_figures, fix)
        return
    if seen.figures.get("cache") is None:
        message = "the API runs without its cache: slower, and nothing is lost"
        yield Trouble(title(seen.platform), "CacheAway", message, "runbooks/cache-lost.md")
    proxies = seen.figures.get("proxies") or {}
    if proxies.get("total") and not proxies.get("healthy"):
        message = f"none of {proxies['total']} proxies is healthy"
        yield Trouble(
            title(seen.platform), "ProxiesDown", message, "check the ProxyPool's Secret and its status"
        )


def is_ready(seen: Observed) -> bool:
    """Whether the platform and all its pipelines say Ready for what is wanted now."""
    return all(
        holds(item, "Ready") and status(item).get("observedGeneration") == item["metadata"].get("generation")
        for item in (seen.platform, *seen.pipelines)
    )


def replicas(workload: Json) -> tuple[int, int]:
    """Ready and wanted pods."""
    return int(status(workload).get("readyReplicas") or 0), int(spec(workload).get("replicas", 1))
