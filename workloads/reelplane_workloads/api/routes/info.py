"""What is behind a URL, without downloading it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from reelplane_workloads.api import problems, schemas, views
from reelplane_workloads.api.answers import Header
from reelplane_workloads.api.bounded import Bounded
from reelplane_workloads.api.hot import accepted
from reelplane_workloads.api.intake import Queued
from reelplane_workloads.api.replies import (
    Reply,
    introduced,
    json_reply,
    limited_as,
    principal_of,
    services_of,
)
from reelplane_workloads.api.services import Services
from reelplane_workloads.core.errors import Code, Problem

router = APIRouter(tags=["info"])

REMEMBERED = 256
"""Infos in one process's memory: they are some kilobytes each."""
LOOK_EVERY = 2.0
"""Seconds between looks at the database while waiting, in case the event that ends the wait never comes."""
_CACHEABLE: tuple[Header, ...] = ((b"cache-control", b"private, max-age=60"),)


class Infos(Bounded[str, tuple[dict[str, Any], float]]):
    """Infos by URL key, each with the monotonic second at which its time is up."""

    __slots__ = ()

    def fresh(self, url_key: str) -> dict[str, Any] | None:
        entry = self.get(url_key)
        return entry[0] if entry is not None and time.monotonic() < entry[1] else None


@router.get(
    "/v1/info",
    summary="What is behind a URL",
    response_model=None,
    responses={
        200: {
            "description": "Title, duration, formats and more, as the site tells it.",
            "content": {"application/json": {"schema": {"type": "object"}}},
        },
        202: {
            "model": schemas.AcceptedJob,
            "description": "It takes longer: look at the job (Location), or ask again.",
        },
        **problems.openapi(
            Code.UNAUTHORIZED,
            Code.MALFORMED_URL,
            Code.UNSUPPORTED_SCHEME,
            Code.PRIVATE_ADDRESS,
            Code.UNSUPPORTED_SITE,
            Code.LOGIN_REQUIRED,
            Code.RATE_LIMITED,
            Code.UNAVAILABLE,
        ),
    },
)
async def info(
    request: Request,
    url: Annotated[str, Query(description="The page's URL.", examples=["https://example.com/v/1"])],
) -> Reply:
    """Cached for 1 h. Only what is not cached counts against the limit (10 a minute by default), and waits at most
    20 s for an extraction, which goes before all downloads."""
    services = services_of(request)
    principal_of(request)  # whoever needs a key needs it for cached answers too
    wanted = services.reader.info(url)
    infos: Infos = request.app.state.infos
    found = infos.fresh(wanted.url_key)
    if found is None:
        found = await services.cache.get_info(wanted.url_key)
    if found is None:
        owner = introduced(request)
        outcome = await services.intake.info(wanted, limited_as(request, owner), lambda: owner)
        if isinstance(outcome, Queued):
            waited = await _wait(services, outcome, owner)
            if waited is None:
                return Reply(accepted(outcome, []))
            outcome = waited
        found = outcome
        with contextlib.suppress(Problem):
            await services.cache.put_info(wanted.url_key, found, services.document.retention.info)
    if services.settings.memory_cache_ttl:
        infos.put(wanted.url_key, (found, time.monotonic() + services.settings.memory_cache_ttl))
    return json_reply(found, headers=_CACHEABLE)


async def _wait(services: Services, queued: Queued, principal: str) -> dict[str, Any] | None:
    """The info when its job is done, or None when that takes too long. Raises the Problem with which it failed."""
    with (
        contextlib.suppress(TimeoutError),
        contextlib.closing(services.cache.subscribe(queued.flight_id)) as events,
    ):
        async with asyncio.timeout(services.settings.info_wait):
            while not services.draining.is_set():
                try:
                    event = await events.next(LOOK_EVERY)
                    if event is not None and event.get("state") not in views.TERMINAL:
                        continue
                except StopAsyncIteration:  # the last word was said, and the row not seen yet
                    await asyncio.sleep(0.1)
                job = await services.repository.job(queued.job_id, principal)
                if job is None:
                    return None
                match views.state(job):
                    case "done":
                        return job.flight.result or {}
                    case "failed":
                        raise problems.from_code(job.flight.error_code, job.flight.error_detail)
                    case "cancelled":
                        return None
    return None
