"""Jobs: asked for (documented here, answered by ``hot``), listed, looked at, cancelled."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from reelplane_workloads.api import problems, schemas, views
from reelplane_workloads.api.hot import Hot
from reelplane_workloads.api.progress import shown
from reelplane_workloads.api.replies import Reply, json_reply, principal_of, services_of
from reelplane_workloads.api.services import Services
from reelplane_workloads.api.wanted import DownloadRequest
from reelplane_workloads.core.errors import Code, Problem
from reelplane_workloads.store.model import FlightState, JobView

router = APIRouter(tags=["downloads"])

JobId = Annotated[str, Path(description="As the 202 gave it.", max_length=64)]

_LINE: dict[str, Any] = {"schema": {"type": "string"}}
_REQUEST: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    **msgspec.json.schema_components([DownloadRequest])[1]["DownloadRequest"],
                    "description": "What to bring in. Unknown fields are refused; at most 16 KiB.",
                },
                "examples": {
                    "video": {"value": {"url": "https://example.com/watch?v=1"}},
                    "audio only": {"value": {"url": "https://example.com/watch?v=1", "format": "audio"}},
                    "at most 720 lines": {
                        "value": {"url": "https://example.com/watch?v=1", "maxHeight": 720}
                    },
                    "playlist": {"value": {"url": "https://example.com/list/7", "playlist": True}},
                },
            }
        },
    }
}


class _ByHot(Response):
    """Hands the request back to the layer in front of the framework."""

    def __init__(self, hot: Hot) -> None:
        super().__init__()
        self._hot = hot

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._hot.download(scope, receive, send)


@router.post(
    "/v1/downloads",
    summary="Ask for a video",
    response_model=None,
    openapi_extra=_REQUEST,
    responses={
        200: {"model": schemas.Hit, "description": "It is here already. Costs no download token."},
        202: {
            "model": schemas.AcceptedJob,
            "description": "A job was committed, or the one you have for this URL is given again. Joining work that "
            "is under way costs no download token; starting it does.",
            "headers": {
                "Location": {**_LINE, "description": "The job."},
                "RateLimit": {**_LINE, "description": 'Your budget, e.g. `"download";r=2;t=20`.'},
                "RateLimit-Policy": {**_LINE, "description": 'E.g. `"download";q=3;w=60`.'},
                "Set-Cookie": {
                    **_LINE,
                    "description": "Your client id, if you had neither that nor an API key.",
                },
            },
        },
        **problems.openapi(
            Code.UNAUTHORIZED,
            Code.INVALID_REQUEST,
            Code.MALFORMED_URL,
            Code.UNSUPPORTED_SCHEME,
            Code.PRIVATE_ADDRESS,
            Code.RATE_LIMITED,
            Code.UNAVAILABLE,
        ),
    },
)
async def ask(request: Request) -> Response:
    """All spellings of a URL that mean the same share one result and one download, whoever asks.

    A URL that failed a moment ago answers with that failure and says in Retry-After when it will be tried again.
    """
    return _ByHot(request.app.state.hot)


@router.get(
    "/v1/downloads",
    summary="List your jobs",
    response_model=None,
    responses={200: {"model": schemas.Jobs}, **problems.openapi(Code.UNAUTHORIZED, Code.UNAVAILABLE)},
)
async def listed(request: Request, limit: Annotated[int, Query(ge=1, le=100)] = 50) -> Reply:
    """Newest first, for as long as finished jobs are kept (1 h by default). Playlists stand without their items."""
    services, principal = services_of(request), principal_of(request)
    jobs = [] if principal is None else await services.repository.list_jobs(principal, limit)
    return json_reply({"jobs": [views.job(job, services.hits.sign) for job in jobs]})


@router.get(
    "/v1/downloads/{job_id}",
    summary="Look at a job",
    response_model=None,
    responses={
        200: {"model": schemas.Job},
        **problems.openapi(Code.UNAUTHORIZED, Code.JOB_NOT_FOUND, Code.UNAVAILABLE),
    },
)
async def look(request: Request, job_id: JobId) -> Reply:
    """State, progress while it runs, then the media or the error. A playlist shows its items and their counts."""
    services = services_of(request)
    job = await own(request, job_id)
    return json_reply(views.job(job, services.hits.sign, progress=await _progress(services, job)))


@router.delete(
    "/v1/downloads/{job_id}",
    summary="Cancel a job",
    status_code=204,
    response_class=Response,
    responses=problems.openapi(Code.UNAUTHORIZED, Code.JOB_NOT_FOUND, Code.UNAVAILABLE),
)
async def cancel(request: Request, job_id: JobId) -> Response:
    """Your job ends; the work itself stops with its last follower. Repeating it is fine. A playlist ends whole."""
    services = services_of(request)
    job = await own(request, job_id)
    found, stopped = await services.repository.cancel(job.id, job.principal)
    if not found:
        raise missing(job_id)
    with contextlib.suppress(Problem):  # hints: a worker that is not told asks the database
        await _tell(services, job, stopped)
    return Response(status_code=204)


async def own(request: Request, job_id: str) -> JobView:
    """The job, if it is the principal's. Raises Problem(JOB_NOT_FOUND): also another's does not exist for you."""
    principal = principal_of(request)
    job = None if principal is None else await services_of(request).repository.job(job_id, principal)
    if job is None:
        raise missing(job_id)
    return job


def missing(job_id: str) -> Problem:
    return Problem(Code.JOB_NOT_FOUND, f"you have no job {job_id[:64]!r}", field="id")


async def _tell(services: Services, job: JobView, stopped: tuple[str, ...]) -> None:
    flights = {one.flight.id: one.flight.url_key for one in _family(job)}
    for flight_id in stopped:
        await services.cache.tell_stop(flight_id)
        await services.cache.publish(flight_id, {"state": FlightState.CANCELLED.value})
    await services.cache.drop_flight([flights[flight_id] for flight_id in stopped if flight_id in flights])


def _family(job: JobView) -> Iterator[JobView]:
    yield job
    yield from job.items


async def _progress(services: Services, job: JobView) -> dict[str, Any] | None:
    if job.flight.state is not FlightState.RUNNING:
        return None
    with contextlib.suppress(Problem):  # without Valkey the job is shown without it
        event = await services.cache.last(job.flight.id)
        return None if event is None else shown(event)
    return None
