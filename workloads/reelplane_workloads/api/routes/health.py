"""Whether the process lives, whether it can serve, what it counts, and how the platform is doing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import Response

from reelplane_workloads.api import problems, schemas
from reelplane_workloads.api.replies import Reply, json_reply, services_of
from reelplane_workloads.api.services import Services
from reelplane_workloads.core.errors import Code, Problem
from reelplane_workloads.core.metrics import QUEUE_JOBS, REGISTRY

router = APIRouter(tags=["platform"])

PATIENCE = 2.5
"""Seconds a check may take: a little more than the clients' own bound, so that their reason is heard."""


@router.get(
    "/v1/status",
    summary="The platform at a glance",
    response_model=None,
    responses={200: {"model": schemas.Status}, **problems.openapi(Code.UNAVAILABLE)},
)
async def status(request: Request) -> Reply:
    """Queue, workers, cache and downloads of the whole platform, not of this process alone. Public."""
    return json_reply(await request.app.state.status.current())


@router.get("/healthz", summary="Liveness", response_model=None)
async def healthz() -> Reply:
    """200 while the process answers at all; says nothing of its stores, whose absence a restart would not mend."""
    return json_reply({"status": "ok"})


@router.get(
    "/readyz",
    summary="Readiness",
    response_model=None,
    responses={200: {"model": schemas.Readiness}, 503: {"model": schemas.Readiness}},
)
async def readyz(request: Request) -> Reply:
    """200 when database, cache, queue and objects answer; 503 with the reasons otherwise, and while stopping."""
    services = services_of(request)
    checks = await check(services)
    failing = {name: outcome for name, outcome in checks.items() if outcome != "ok"}
    ready = not failing
    if ready:
        services.standing.well()
    elif not services.draining.is_set():
        said = "; ".join(f"{name}: {outcome}" for name, outcome in failing.items())
        services.standing.failing(said, kind=" ".join(failing))
    return json_reply({"ready": ready, "checks": checks}, 200 if ready else 503)


@router.get("/metrics", summary="Prometheus metrics of this process", response_class=Response)
async def metrics(request: Request) -> Response:
    """Of one process: scrape each on its own port. Carries no URL, id or title; keep it off a public gateway."""
    services = services_of(request)
    services.tally.fold(services.cache)
    try:
        # Sets the gauges of the queue, which on this process may have stood still since it was last asked.
        async with asyncio.timeout(PATIENCE):
            await request.app.state.status.current()
    except (Problem, TimeoutError):
        # Alerts take the highest of all processes: an old figure would keep them firing.
        QUEUE_JOBS.clear()
    return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_LATEST)


async def check(services: Services) -> dict[str, str]:
    """Each store's state: ``ok``, or why not."""
    names = ("database", "cache", "queue", "objects")
    outcomes = await asyncio.gather(
        _outcome(services.repository.ping()),
        _outcome(services.cache.ping()),
        _outcome(services.dispatcher.ping()),
        _outcome(services.objects.ping()),
    )
    checks = dict(zip(names, outcomes, strict=True))
    if services.draining.is_set():
        checks["process"] = "stopping"
    return checks


async def _outcome(call: Awaitable[object]) -> str:
    try:
        async with asyncio.timeout(PATIENCE):
            await call
    except Problem as problem:
        return problem.detail
    except TimeoutError:
        return "no answer in time"
    return "ok"
