"""Everything that goes wrong inside the framework, as problem+json."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from reelplane_workloads.api import problems
from reelplane_workloads.api.answers import Header
from reelplane_workloads.api.problems import HttpProblem
from reelplane_workloads.api.replies import Reply
from reelplane_workloads.core.errors import Code, Problem

log = logging.getLogger("reelplane.api")


def install(app: FastAPI) -> None:
    """Exceptions of routes become answers; those that nobody foresaw are raised on to ``edge``, which logs them."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(Exception, _unforeseen)


def reply(request: Request, problem: Problem) -> Reply:
    return Reply(problems.answer(problem, request.scope["state"]["request_id"]))


async def _problem(request: Request, error: Exception) -> Reply:
    problem = cast(Problem, error)
    if problem.code is Code.INTERNAL:
        log.error("%s", problem, extra={"request": request.scope["state"]["request_id"]})
    return reply(request, problem)


async def _http(request: Request, error: Exception) -> Reply:
    fault = cast(HTTPException, error)
    path = request.url.path[:200]
    if fault.status_code == 405:
        allowed = ", ".join(sorted(_methods(request)))
        headers: list[Header] = [(b"allow", allowed.encode())]
        problem = HttpProblem(
            405, f"{request.method[:20]} is not for {path}", way_out=f"Use {allowed}.", headers=headers
        )
    elif fault.status_code == 404:
        problem = HttpProblem(404, f"there is nothing at {path}", way_out="GET /docs lists what there is.")
    else:
        problem = HttpProblem(fault.status_code, str(fault.detail), headers=_raw(fault.headers))
    return reply(request, problem)


async def _validation(request: Request, error: Exception) -> Reply:
    first: dict[str, Any] = cast(RequestValidationError, error).errors()[0]
    field = ".".join(str(part) for part in first["loc"][1:]) or str(first["loc"][0])
    return reply(request, Problem(Code.INVALID_REQUEST, str(first["msg"]), field=field))


async def _unforeseen(request: Request, _error: Exception) -> Reply:
    return reply(request, Problem(Code.INTERNAL))


def _methods(request: Request) -> set[str]:
    """All methods of all routes for the path: the router reports those of the first one only."""
    allowed: set[str] = set()
    for route in request.app.state.routes:
        if route.matches(request.scope)[0] is not Match.NONE:
            allowed |= getattr(route, "methods", None) or set()
    return allowed


def _raw(headers: Mapping[str, str] | None) -> list[Header]:
    return [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
