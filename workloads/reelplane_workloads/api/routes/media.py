"""Media: a link that works without credentials, or the bytes themselves, whole or a range, in constant memory."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response, StreamingResponse

from reelplane_workloads.api import problems
from reelplane_workloads.api.answers import Answer
from reelplane_workloads.api.replies import Reply, header_of, principal_of, services_of
from reelplane_workloads.api.services import Services
from reelplane_workloads.core import metrics
from reelplane_workloads.core.errors import Code, Problem
from reelplane_workloads.storage.disposition import content_disposition
from reelplane_workloads.storage.objects import check_key
from reelplane_workloads.storage.ranges import RangeNotSatisfiable, requested_range

router = APIRouter(tags=["media"])

UNSIGNED_MAX_AGE = 3600
"""Seconds a browser may keep what it was streamed without a signature; the bytes behind a key never change."""

_BYTES: dict[str, Any] = {"content": {"video/mp4": {"schema": {"type": "string", "format": "binary"}}}}


@router.head("/v1/media/{key:path}", include_in_schema=False, response_model=None)
@router.get(
    "/v1/media/{key:path}",
    summary="Play or save a medium",
    response_class=Response,
    responses={
        200: {"description": "The whole object.", **_BYTES},
        206: {"description": "The range asked for.", **_BYTES},
        302: {"description": "To a signed link, here or at the object store."},
        304: {"description": "Your copy (If-None-Match) is current."},
        **problems.openapi(
            Code.UNAUTHORIZED,
            Code.SIGNATURE_INVALID,
            Code.SIGNATURE_EXPIRED,
            Code.MEDIA_NOT_FOUND,
            Code.RANGE_NOT_SATISFIABLE,
            Code.UNAVAILABLE,
        ),
    },
)
async def medium(  # noqa: PLR0917 - the framework calls it by name
    request: Request,
    key: Annotated[str, Path(description="As the job's `media.key`.")],
    expires: Annotated[str, Query(max_length=20, description="Of a signed link.")] = "",
    signature: Annotated[str, Query(max_length=100, description="Of a signed link.")] = "",
    filename: Annotated[
        str | None, Query(max_length=600, description="Of a signed link: what to save it as.")
    ] = None,
    download: Annotated[bool, Query(description="Save it, rather than play it.")] = False,
    delivery: Annotated[
        Literal["redirect", "stream"] | None, Query(description="Default: as configured.")
    ] = None,
) -> Response:
    """Without a signature this redirects to a signed link, which needs no credentials and supports Range."""
    services = services_of(request)
    check_key(key)
    now = time.time()
    if signature:
        services.signer.verify(key, expires=expires, signature=signature, filename=filename, now=now)
        name = filename if filename is not None or not download else _plain_name(key)
        return await _stream(request, services, key, name, max_age=int(expires) - int(now))
    principal_of(request)
    name = _plain_name(key) if download else None
    if (delivery or services.settings.media_delivery) == "stream":
        return await _stream(request, services, key, name, max_age=UNSIGNED_MAX_AGE)
    if await services.objects.head(key) is None:
        raise _gone(key)
    location = services.hits.sign(key, name)
    answer = Answer(302, [(b"location", location.encode()), (b"cache-control", b"no-store")])
    if not request.url.query:
        request.app.state.hot.remember_redirect(request.url.path, answer)
    return Reply(answer)


async def _stream(
    request: Request, services: Services, key: str, name: str | None, *, max_age: int
) -> Response:
    head = await services.objects.head(key)
    if head is None:
        raise _gone(key)
    headers = {
        "accept-ranges": "bytes",
        "etag": head.etag,
        "cache-control": f"private, max-age={max(0, max_age)}, immutable",
        "content-type": head.content_type,
        "content-disposition": content_disposition(name, inline=name is None),
        # Bytes from strangers: if one of them were taken for a page, it could do nothing there.
        "content-security-policy": "sandbox; default-src 'none'",
    }
    if _is_current(header_of(request, b"if-none-match"), head.etag):
        return Response(status_code=304, headers={name: headers[name] for name in ("etag", "cache-control")})
    try:
        part = requested_range(
            _text(header_of(request, b"range")),
            _text(header_of(request, b"if-range")),
            etag=head.etag,
            size=head.size,
        )
    except RangeNotSatisfiable as problem:
        answer = problems.answer(problem, request.scope["state"]["request_id"])
        return Reply(answer.plus((b"content-range", problem.content_range.encode())))
    start, end = (0, head.size) if part is None else (part.start, part.end)
    headers["content-length"] = str(end - start)
    if part is not None:
        headers["content-range"] = part.content_range(head.size)
    status = 200 if part is None else 206
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers)
    return StreamingResponse(_counted(services, key, start, end), status, headers=headers)


async def _counted(services: Services, key: str, start: int, end: int) -> AsyncIterator[bytes]:
    async for piece in services.objects.stream(key, start, end):
        metrics.BYTES_SERVED.inc(len(piece))
        yield piece


def _is_current(if_none_match: bytes | None, etag: str) -> bool:
    """RFC 9110 section 13.1.2, weak comparison: ``*`` or a list that holds the tag."""
    if if_none_match is None:
        return False
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.decode("latin-1").split(",")]
    return "*" in tags or etag in tags


def _plain_name(key: str) -> str:
    return "video" + PurePosixPath(key).suffix


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1")


def _gone(key: str) -> Problem:
    return Problem(Code.MEDIA_NOT_FOUND, f"there is no object {key}")
