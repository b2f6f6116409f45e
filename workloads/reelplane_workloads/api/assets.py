"""The page and its files: read once at the start, named after their content, compressed when first asked for.

/            index.html, revalidated by its ETag
/assets/…    scripts and styles under names that hold their hash: kept by browsers for a year
/docs        the API's reference, drawn from /openapi.json;   /docs/errors  what the error codes mean
"""

from __future__ import annotations

import contextlib
import hashlib
import mimetypes
import re
from functools import cache
from importlib.resources import files
from pathlib import PurePosixPath
from typing import Any

from fastapi import FastAPI, Request
from starlette.responses import Response

from reelplane_workloads.api import compress, problems
from reelplane_workloads.api.problems import HttpProblem
from reelplane_workloads.api.replies import header_of, introduced, services_of
from reelplane_workloads.core.errors import Problem

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "media-src 'self' https: http:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
"""No inline script or style. ``media-src`` is open since links may lead to any object store."""

IMMUTABLE = "public, max-age=31536000, immutable"
REVALIDATE = "no-cache"

_REFERENCE = re.compile(rb'"/assets/([a-z]+\.[a-z]+)"')
_PAGES = {"/": "index.html", "/docs": "docs.html", "/docs/errors": "errors.html"}


class Asset:
    """One file as it is sent: whole, and in two compressed forms."""

    def __init__(self, name: str, content: bytes, *, cache_control: str) -> None:
        self.etag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
        self.content_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
        if self.content_type.startswith("text/"):
            self.content_type += "; charset=utf-8"
        self._cache_control = cache_control
        self._content = content
        self._encoded = cache(lambda coding: compress.encode(coding, content, best=True))

    def response(self, request: Request) -> Response:
        headers = {"etag": self.etag, "cache-control": self._cache_control, "vary": "accept-encoding"}
        if self.content_type.startswith("text/html"):
            headers["content-security-policy"] = CSP
        if header_of(request, b"if-none-match") == self.etag.encode():
            return Response(status_code=304, headers=headers)
        headers["content-type"] = self.content_type
        coding = compress.accepted(header_of(request, b"accept-encoding") or b"")
        if coding is None or len(self._content) < compress.MINIMUM:
            return Response(self._content, headers=headers)
        return Response(self._encoded(coding), headers={**headers, "content-encoding": coding})


class Assets:
    """All of them, by path."""

    def __init__(self) -> None:
        folder = files("reelplane_workloads.api") / "page"
        self._sources = {entry.name: entry.read_bytes() for entry in folder.iterdir() if entry.is_file()}
        self._assets: dict[str, Asset] = {}
        for path, name in _PAGES.items():
            text = problems.catalogue_page(self._linked(name).decode())
            self._assets[path] = Asset(name, text.encode(), cache_control=REVALIDATE)

    def _linked(self, name: str) -> bytes:
        """A file that refers to hashed names; what it refers to comes first, so that its own hash holds theirs."""
        return _REFERENCE.sub(lambda match: self._hashed(match[1].decode()), self._sources[name])

    def _hashed(self, name: str) -> bytes:
        content = self._linked(name)
        path = PurePosixPath(name)
        hashed = f"/assets/{path.stem}.{hashlib.sha256(content).hexdigest()[:12]}{path.suffix}"
        self._assets[hashed] = Asset(name, content, cache_control=IMMUTABLE)
        return f'"{hashed}"'.encode()

    def install(self, app: FastAPI) -> None:
        for path in _PAGES:
            app.add_api_route(
                path, self._page, methods=["GET", "HEAD"], include_in_schema=False, response_model=None
            )
        app.add_api_route(
            "/assets/{name}",
            self._file,
            methods=["GET", "HEAD"],
            include_in_schema=False,
            response_model=None,
        )

    async def _page(self, request: Request) -> Response:
        if request.url.path == "/" and services_of(request).principals.anonymous:
            # With the page, so that all requests that it makes at once come from the same client.
            with contextlib.suppress(Problem):
                introduced(request)
        return self._assets[request.url.path].response(request)

    async def _file(self, request: Request, name: str) -> Any:
        asset = self._assets.get(f"/assets/{name}")
        if asset is None:
            raise HttpProblem(404, f"there is no asset {name[:100]}", way_out="Reload the page.")
        return asset.response(request)
