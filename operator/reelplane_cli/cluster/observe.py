"""What a cluster says about a platform, read in one go: objects, pods, events, and the platform's own figures.

Everything is asked for at once, with one label selector, so that a screen costs a dozen requests however large
the platform is. Nothing is judged here: ``summary`` and ``problems`` do that, on the value that is returned.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime

from reelplane_cli.cluster.objects import (
    GROUP_VERSION,
    MANAGED,
    OPERATOR,
    PART_OF,
    Json,
    name_of,
    spec,
    title,
)
from reelplane_cli.cluster.session import Session
from reelplane_cli.errors import Failure
from reelplane_cli.exits import NOT_RUNNING, WRONG_INPUT

_CHILDREN = (
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("v1", "Pod"),
    ("v1", "PersistentVolumeClaim"),
    ("keda.sh/v1alpha1", "ScaledObject"),
    ("autoscaling/v2", "HorizontalPodAutoscaler"),
)
FIGURES_TIMEOUT = 5.0
"""Seconds that the platform's own figures are waited for."""


@dataclass(frozen=True, slots=True)
class Observed:
    """A platform as it was seen at ``now``."""

    now: datetime
    platform: Json
    pipelines: list[Json]
    regions: list[Json]
    deployments: list[Json]
    stateful_sets: list[Json]
    pods: list[Json]
    claims: list[Json]
    scalers: list[Json]
    """ScaledObjects and HorizontalPodAutoscalers."""
    events: list[Json]
    """Of the objects above, oldest first."""
    figures: Json | None
    """GET /v1/status of the platform; None when nobody answers."""
    why_no_figures: str
    unseen: frozenset[str]
    """Kinds that this person may not list."""

    @property
    def workloads(self) -> list[Json]:
        return [*self.deployments, *self.stateful_sets]


async def platforms(session: Session, name: str | None) -> list[Json]:
    """The platform of that name, or all of the namespace. Raises Failure when there is none."""
    if name is not None:
        kind, _, wanted = name.rpartition("/")
        if kind and kind.lower() not in ("videoplatform", "videoplatforms", "vplat"):
            raise Failure(
                f"{name!r} is not a VideoPlatform", "status shows platforms: name one", code=WRONG_INPUT
            )
        found = await session.get(GROUP_VERSION, "VideoPlatform", wanted)
        items = [found] if found else []
    else:
        items = sorted(await session.ours("VideoPlatform"), key=name_of)
    if not items:
        what = f"VideoPlatform {name!r} does not exist" if name else "there is no VideoPlatform"
        raise Failure(
            f"{what} in namespace {session.namespace!r}",
            "`kubectl get videoplatforms -A` lists all; -n chooses the namespace",
            code=NOT_RUNNING,
        )
    return items


async def observe(session: Session, platform: Json) -> Observed:
    """Read all there is to say about ``platform``."""
    name = name_of(platform)
    selector = f"{PART_OF}={name},{MANAGED}"
    listed, pipelines, regions, events, (figures, why) = await asyncio.gather(
        asyncio.gather(*(session.listed(version, kind, selector) for version, kind in _CHILDREN)),
        session.ours("VideoPipeline"),
        session.ours("RegionDeployment"),
        session.listed("events.k8s.io/v1", "Event"),
        read_figures(session, name),
    )
    deployments, stateful_sets, pods, claims, scaled, autoscaled = listed
    pipelines = [each for each in pipelines if spec(each).get("platform") == name]
    regions = [each for each in regions if spec(each).get("platform") == name]
    known = [
        platform,
        *pipelines,
        *regions,
        *deployments,
        *stateful_sets,
        *pods,
        *claims,
        *scaled,
        *autoscaled,
    ]
    return Observed(
        now=datetime.now(UTC),
        platform=platform,
        pipelines=sorted(pipelines, key=name_of),
        regions=sorted(regions, key=name_of),
        deployments=sorted(deployments, key=name_of),
        stateful_sets=sorted(stateful_sets, key=name_of),
        pods=sorted(pods, key=name_of),
        claims=sorted(claims, key=name_of),
        scalers=sorted([*scaled, *autoscaled], key=name_of),
        events=_about(events, known),
        figures=figures,
        why_no_figures=why,
        unseen=frozenset(session.unseen),
    )


async def read_figures(session: Session, platform: str) -> tuple[Json | None, str]:
    """The platform's own word on queue, workers and cache, and why there is none."""
    from reelplane_operator.cluster.errors import ClusterError  # noqa: PLC0415 - only with the extra

    try:
        figures = await session.cluster.service_json(
            session.namespace, f"{platform}-api", "http", "/v1/status", FIGURES_TIMEOUT
        )
    except ClusterError as error:
        return None, str(error)
    return figures, ""


async def operator_pods(session: Session) -> list[Json]:
    """Pods of the operator, wherever it is installed; empty when this person may not look there."""
    from reelplane_operator.cluster.errors import ClusterError  # noqa: PLC0415 - only with the extra
    from reelplane_operator.cluster.resources import resource  # noqa: PLC0415

    try:
        return await session.cluster.list(resource("v1", "Pod"), None, f"app.kubernetes.io/name={OPERATOR}")
    except ClusterError:
        return []


def moment(event: Json) -> str:
    """When an event was last seen; events of both generations have it in different places."""
    series = event.get("series") or {}
    return str(
        series.get("lastObservedTime")
        or event.get("eventTime")
        or event.get("deprecatedLastTimestamp")
        or event.get("metadata", {}).get("creationTimestamp")
        or ""
    )


def _about(events: list[Json], items: list[Json]) -> list[Json]:
    titles = {title(item) for item in items}
    known = [
        event
        for event in events
        if f"{event.get('regarding', {}).get('kind')}/{event.get('regarding', {}).get('name')}" in titles
    ]
    return sorted(known, key=moment)
