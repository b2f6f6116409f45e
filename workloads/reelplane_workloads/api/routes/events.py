"""Progress as server-sent events."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse

from reelplane_workloads.api import problems
from reelplane_workloads.api.progress import LAST_ID, Stream
from reelplane_workloads.api.replies import header_of, services_of
from reelplane_workloads.api.routes.downloads import JobId, own
from reelplane_workloads.core.errors import Code

router = APIRouter(tags=["downloads"])

_STREAM: dict[str, Any] = {
    "description": "Events: `job` (the job as it is now), `progress` (phase, percent, bytes, speed, eta), `items` (a "
    "playlist whose items changed), and one last `done`, `failed` or `cancelled` with the whole job.",
    "content": {
        "text/event-stream": {
            "example": "event: progress\n"
            'data: {"state":"running","phase":"downloading","percent":41.5,"speed":2100000.0,"eta":3.2}\n\n'
        }
    },
}


@router.get(
    "/v1/downloads/{job_id}/events",
    summary="Follow a job",
    response_class=Response,
    responses={
        200: _STREAM,
        204: {"description": "You have seen the last event (Last-Event-ID): do not reconnect."},
        **problems.openapi(Code.UNAUTHORIZED, Code.JOB_NOT_FOUND, Code.UNAVAILABLE),
    },
)
async def follow(request: Request, job_id: JobId) -> Response:
    """Begins with a snapshot, so nothing is missed by reconnecting; ends after the job's last event.

    A comment is sent after 15 s of silence. When the process stops, the stream ends with `retry: 1000`: reconnect.
    """
    services = services_of(request)
    job = await own(request, job_id)
    if header_of(request, b"last-event-id") == LAST_ID.encode():
        return Response(status_code=204)
    return StreamingResponse(
        Stream(services, job).events(),
        media_type="text/event-stream",
        # x-accel-buffering: nginx must pass each event on as it comes.
        headers={"cache-control": "no-cache, no-transform", "x-accel-buffering": "no"},
    )
