"""Between the framework's requests and answers and ours: what every route needs."""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import Request
from starlette.responses import Response

from reelplane_workloads.api.answers import Answer, Header
from reelplane_workloads.api.services import Services

_encode = msgspec.json.Encoder().encode


class Reply(Response):
    """An ``Answer`` as the framework's response."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.body["body"], answer.status)
        self.raw_headers = list(answer.start["headers"])


def json_reply(value: Any, status: int = 200, *, headers: tuple[Header, ...] = ()) -> Reply:
    """A JSON value that no cache keeps unless ``headers`` say so."""
    given = {name for name, _ in headers}
    default: tuple[Header, ...] = () if b"cache-control" in given else ((b"cache-control", b"no-store"),)
    return Reply(Answer(status, [(b"content-type", b"application/json"), *default, *headers], _encode(value)))


def services_of(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


def header_of(request: Request, name: bytes) -> bytes | None:
    return next((value for key, value in request.scope["headers"] if key == name), None)


def principal_of(request: Request) -> str | None:
    """The principal, or None for a client without an id. Raises Problem(UNAUTHORIZED)."""
    principals = services_of(request).principals
    return principals.identify(header_of(request, b"authorization"), header_of(request, b"cookie"))


def introduced(request: Request) -> str:
    """The principal; a client without an id is given one with the answer. Raises Problem(UNAUTHORIZED)."""
    principal = principal_of(request)
    if principal is None:
        services = services_of(request)
        secure = services.clients.is_https(
            request.scope["scheme"], peer_of(request), request.scope["headers"]
        )
        principal, request.scope["state"]["set_cookie"] = services.principals.introduce(secure=secure)
    return principal


def peer_of(request: Request) -> str | None:
    return request.client.host if request.client else None


def limited_as(request: Request, principal: str | None) -> str:
    """Whose budget the request uses."""
    return services_of(request).clients.limited_as(principal, peer_of(request), request.scope["headers"])
