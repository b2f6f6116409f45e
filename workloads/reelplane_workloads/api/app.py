"""The API as one ASGI application, composed from the outside in: hot, edge, compression, framework."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from fastapi import FastAPI

from reelplane_workloads.api import faults, problems
from reelplane_workloads.api.answers import App
from reelplane_workloads.api.assets import Assets
from reelplane_workloads.api.compress import Compress
from reelplane_workloads.api.edge import Edge
from reelplane_workloads.api.hot import Hot
from reelplane_workloads.api.routes import downloads, events, health, info, media
from reelplane_workloads.api.services import Services
from reelplane_workloads.api.status import Status

DESCRIPTION = """\
Give it a video's URL; get a job, then a link that plays. What somebody asked for before is there at once.

**Who you are.** Send `Authorization: Bearer <API key>`, or nothing: then the first job's answer sets a cookie, and
jobs are seen and cancelled only with it. Media links are signed and need neither.

**Limits.** Per API key, else per address (IPv6: per /64). Only what starts new work counts: answers from the cache and
joining work that is under way are free. `RateLimit` and `RateLimit-Policy` say what is left; a 429 says when to come
back in `Retry-After`.

**Errors** are `application/problem+json` with a stable `code`, the offending `field`, and `fix`: what would be right.
All codes: [/docs/errors](/docs/errors).
"""


def build(services: Services) -> App:
    """The application over open services."""
    framework = FastAPI(
        title="Reelplane",
        version=version("reelplane"),
        summary="Download once, serve many.",
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        servers=[{"url": services.settings.public_url}] if services.settings.public_url else None,
        generate_unique_id_function=lambda route: route.name,
        redirect_slashes=False,
    )
    rooms = [room.router for room in (downloads, events, info, media, health)]
    for router in rooms:
        framework.include_router(router)
    Assets().install(framework)
    faults.install(framework)
    hot = Hot(
        Edge(Compress(framework)),
        reader=services.reader,
        intake=services.intake,
        hits=services.hits,
        principals=services.principals,
        clients=services.clients,
        tally=services.tally,
    )
    framework.state.services = services
    framework.state.hot = hot
    framework.state.routes = [*framework.routes, *(route for router in rooms for route in router.routes)]
    framework.state.infos = info.Infos(info.REMEMBERED)
    framework.state.status = Status(services.document.platform, services.repository, services.cache)
    _describe(framework)
    return hot


def _describe(framework: FastAPI) -> None:
    """Make the OpenAPI document tell what the framework does not know by itself."""
    generate = framework.openapi

    def openapi() -> dict[str, Any]:
        if framework.openapi_schema is not None:
            return framework.openapi_schema
        document = generate()
        components = document.setdefault("components", {})
        schemas = components.setdefault("schemas", {})
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        schemas["Problem"] = problems.SCHEMA
        components["securitySchemes"] = {
            "apiKey": {"type": "http", "scheme": "bearer", "description": "An API key."},
            "client": {
                "type": "apiKey",
                "in": "cookie",
                "name": framework.state.services.principals.cookie,
                "description": "The id of an anonymous client, as the API set it.",
            },
        }
        document["security"] = [{"apiKey": []}, {"client": []}, {}]
        for path in document["paths"].values():
            for operation in path.values():
                _refine(operation["responses"])
        return document

    framework.openapi = openapi  # type: ignore[method-assign]


def _refine(responses: dict[str, Any]) -> None:
    """Every error is a Problem: also the 422 that the framework documents as its own kind."""
    validation = responses.get("422")
    if validation is not None:
        validation["content"].pop("application/json", None)
        validation["content"].setdefault(
            problems.MEDIA_TYPE, {"schema": {"$ref": "#/components/schemas/Problem"}}
        )
