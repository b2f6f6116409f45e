"""Problems as HTTP answers: RFC 9457 problem+json with a stable code, the field and a way out.

``type`` is a relative reference into the page of error codes that the API itself serves, so it is right behind any
gateway and host name. ``instance`` is the request's id, the one that logs carry.
"""

from __future__ import annotations

import html
import json
import secrets
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from reelplane_workloads.api.answers import Answer, Header
from reelplane_workloads.core.errors import CATALOGUE, Code, Problem

MEDIA_TYPE = "application/problem+json"
TYPES = "/docs/errors"

DEFAULT_RETRY = 2
"""Seconds in Retry-After of a 503 that names none: what the clients of Valkey and the database need to reconnect."""


class HttpProblem(Problem):
    """A request that HTTP itself refuses (404 for a path, 405, 413, 415): the code is ``invalid_request``."""

    def __init__(
        self, status: int, detail: str, *, way_out: str | None = None, headers: Sequence[Header] = ()
    ) -> None:
        super().__init__(Code.INVALID_REQUEST, detail, way_out=way_out)
        self.status = status
        self.headers = tuple(headers)


class Limited(Problem):
    """429, with the headers that tell the client its budget (see ``limits``)."""

    def __init__(self, detail: str, *, retry_after: int, headers: Sequence[Header]) -> None:
        super().__init__(Code.RATE_LIMITED, detail, retry_after=retry_after)
        self.headers = tuple(headers)


def new_request_id() -> str:
    """16 hex digits: enough to find one request in the logs of a day."""
    return secrets.token_hex(8)


def status_of(problem: Problem) -> int:
    return problem.status if isinstance(problem, HttpProblem) else problem.entry.status


def document(problem: Problem, request_id: str) -> dict[str, Any]:
    """The members of the problem+json object."""
    status = status_of(problem)
    body: dict[str, Any] = {
        "type": f"{TYPES}#{problem.code.value}",
        "title": HTTPStatus(status).phrase if isinstance(problem, HttpProblem) else problem.entry.title,
        "status": status,
        "detail": problem.detail,
        "code": problem.code.value,
    }
    if problem.field is not None:
        body["field"] = problem.field
    body["fix"] = problem.way_out
    if problem.retry_after is not None:
        body["retryAfter"] = problem.retry_after
    body["instance"] = request_id
    return body


def answer(problem: Problem, request_id: str | None = None, *, extra: Sequence[Header] = ()) -> Answer:
    """The whole response. A 401 names the scheme (RFC 9110 section 11.6.1), a 503 always says when to come back."""
    request_id = request_id or new_request_id()
    status = status_of(problem)
    headers: list[Header] = [
        (b"content-type", MEDIA_TYPE.encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        (b"x-request-id", request_id.encode()),
    ]
    retry_after = problem.retry_after
    if retry_after is None and status == HTTPStatus.SERVICE_UNAVAILABLE:
        retry_after = DEFAULT_RETRY
    if retry_after is not None:
        headers.append((b"retry-after", b"%d" % retry_after))
    if status == HTTPStatus.UNAUTHORIZED:
        headers.append((b"www-authenticate", b'Bearer realm="reelplane"'))
    if isinstance(problem, HttpProblem | Limited):
        headers.extend(problem.headers)
    headers.extend(extra)
    return Answer(status, headers, json.dumps(document(problem, request_id), ensure_ascii=False).encode())


def from_code(code: str | None, detail: str | None, *, retry_after: int | None = None) -> Problem:
    """A Problem from what a row or a cache entry remembers of it; an unknown code is a fault of ours."""
    try:
        known = Code(code or "")
    except ValueError:
        known = Code.INTERNAL
    return Problem(known, detail or "", retry_after=retry_after)


def openapi(*codes: Code) -> dict[int | str, dict[str, Any]]:
    """What FastAPI's ``responses=`` wants: the given codes, grouped by the status under which they come."""
    grouped: dict[int, list[Code]] = {}
    for code in codes:
        grouped.setdefault(CATALOGUE[code].status, []).append(code)
    responses: dict[int | str, dict[str, Any]] = {}
    for status, members in grouped.items():
        examples: Mapping[str, Any] = {
            code.value: {
                "summary": CATALOGUE[code].title,
                "value": document(Problem(code), "9f1c2d3e4a5b6c7d"),
            }
            for code in members
        }
        responses[status] = {
            "description": "; ".join(f"`{code.value}`: {CATALOGUE[code].title}" for code in members),
            "content": {
                MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": examples}
            },
        }
    return responses


SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "RFC 9457 problem details. Decide by `code`: codes are stable, sentences are not.",
    "required": ["type", "title", "status", "detail", "code", "fix", "instance"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "description": "Page that explains the code."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What was wrong, and where."},
        "code": {"type": "string", "enum": [code.value for code in Code]},
        "field": {"type": "string", "description": "The offending input, when there is one."},
        "fix": {"type": "string", "description": "What would be right."},
        "retryAfter": {"type": "integer", "description": "Seconds; as the Retry-After header."},
        "instance": {
            "type": "string",
            "description": "The request's id, as in X-Request-Id and in the logs.",
        },
    },
}


def catalogue_page(template: str) -> str:
    """The page of all codes: ``template`` with its ``{{rows}}`` filled in."""
    rows = "".join(
        f'<tr id="{code.value}"><th scope="row"><code>{code.value}</code></th><td>{entry.status}</td>'
        f"<td>{html.escape(entry.title)}</td><td>{html.escape(entry.way_out)}</td>"
        f"<td>{'yes' if entry.transient else 'no'}</td></tr>"
        for code, entry in CATALOGUE.items()
    )
    return template.replace("{{rows}}", rows)
