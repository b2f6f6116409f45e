"""Which running jobs a change would interrupt. Pure.

A worker that is replaced or taken away takes no new jobs and finishes those it runs, for as long as its drain
timeout; a job that is not done by then goes back to the queue and starts over with another worker. So a job is
interrupted only where its worker's pods are replaced (their template changes) or go, and where they may drain for
less time than a job may take. Both times are read from the document that the running workers read.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reelplane_cli.cluster.objects import Json, labels, name_of, spec
from reelplane_cli.text import span

_COMPONENT = "app.kubernetes.io/component"


@dataclass(frozen=True, slots=True)
class Jobs:
    """Jobs that run now: in all, and by the pod that runs them."""

    running: int
    by_pod: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Interruption:
    """A workload whose pods are replaced or go. ``jobs``: how many may be interrupted at most."""

    workload: str
    jobs: int
    why: str

    def __str__(self) -> str:
        return f"{self.workload} {self.why}"


def jobs_of(figures: Json | None) -> Jobs | None:
    """From GET /v1/status; None when nobody answered."""
    if figures is None:
        return None
    workers = figures.get("workers") or ()
    by_pod = {str(each.get("id")): int(each.get("busy") or 0) for each in workers}
    running = (figures.get("queue") or {}).get("running")
    return Jobs(sum(by_pod.values()) if running is None else int(running), by_pod)


def interruptions(
    changes: Iterable[tuple[Json | None, Json | None]], config_maps: Iterable[Json], jobs: Jobs | None
) -> Iterator[Interruption]:
    """``changes`` are pairs of a live object and what it would be (None: deleted); ``config_maps`` are live."""
    documents = {name_of(each): _document(each) for each in config_maps}
    for live, would_be in changes:
        if live is None or not _replaced(live, would_be):
            continue
        if live.get("kind") == "StatefulSet":
            yield Interruption(
                name_of(live), 0, "restarts its pod: what it serves is away for seconds, accepted jobs wait"
            )
        elif live.get("kind") == "Deployment" and labels(live).get(_COMPONENT) == "worker":
            yield _worker(live, would_be, jobs, documents.get(name_of(live), {}))


def _worker(live: Json, would_be: Json | None, jobs: Jobs | None, document: Json) -> Interruption:
    name = name_of(live)
    # Pods of a Deployment are named <name>-<template hash>-<random>: neither part has a dash.
    busy = sum(count for pod, count in (jobs.by_pod if jobs else {}).items() if pod.rsplit("-", 2)[0] == name)
    what = "replaces its workers" if would_be and spec(would_be).get("replicas") != 0 else "loses its workers"
    grace = int(spec(live).get("template", {}).get("spec", {}).get("terminationGracePeriodSeconds") or 30)
    settings = document.get("worker") or {}
    drain = min(int(settings.get("drain_timeout") or grace), grace)
    longest = int(settings.get("job_timeout") or 0)
    if longest and drain >= longest:
        return Interruption(name, 0, f"{what}: each finishes what it runs first, for up to {span(drain)}")
    limit = f", of {span(longest)} that a job may take" if longest else ""
    return Interruption(
        name,
        busy,
        f"{what} after {span(drain)}{limit}: jobs that are not done by then go back to the queue and start over",
    )


def _replaced(live: Json, would_be: Json | None) -> bool:
    """Whether pods that run now would go."""
    if would_be is None or spec(would_be).get("replicas") == 0:
        return True
    return bool(spec(live).get("template") != spec(would_be).get("template"))


def _document(config_map: Json) -> dict[str, Any]:
    """The runtime document that the running pods read."""
    try:
        found = json.loads((config_map.get("data") or {}).get("runtime.json", "{}"))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
