"""An API process in the test's own event loop: real sockets, real Valkey, a real database and objects folder.

The worker's part is played through the real repository, cache and objects: ``Platform.finish`` and its siblings do
what a worker does at that point, without extracting anything.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from reelplane_crds.runtime import ApiSettings, FolderObjects, Rate, RuntimeDocument, ServerRef, Stores
from reelplane_workloads.api.main import ApiServer, config
from reelplane_workloads.api.services import Services
from reelplane_workloads.core.errors import Code, Problem
from reelplane_workloads.core.keys import identity_key
from reelplane_workloads.core.startup import Startup
from reelplane_workloads.storage.objects import object_key
from reelplane_workloads.store.model import Claim, FlightKind, Medium

log = logging.getLogger("tests.api")
VIDEO = "https://video.example/watch?v=1"
GENEROUS = Rate(count=1000, per=1)


@dataclass
class Platform:
    """One API process and what stands behind it."""

    services: Services
    server: ApiServer
    url: str
    serving: asyncio.Task[None]
    _clients: list[httpx.AsyncClient] = field(default_factory=list)

    def client(self, **kwargs: Any) -> httpx.AsyncClient:
        """A browser of its own: cookies, connections."""
        client = httpx.AsyncClient(base_url=self.url, timeout=30, **kwargs)
        self._clients.append(client)
        return client

    async def close(self) -> None:
        for client in self._clients:
            await client.aclose()
        self.server.stop(at_once=False)
        await self.serving

    async def claim(self, flight_id: str) -> Claim:
        claim = await self.services.repository.claim(flight_id, "test-worker")
        assert claim is not None
        return claim

    async def flight_of(self, job_id: str) -> str:
        """The flight behind a job, whoever's it is."""
        return await self.services.repository._db.read(
            lambda c: c.execute(
                text("SELECT flight_id FROM jobs WHERE id = :id"), {"id": job_id}
            ).scalar_one()
        )

    async def publish(self, content: bytes, tmp: Path, *, ext: str = "mp4") -> str:
        key = object_key(hashlib.sha256(content).hexdigest(), ext)
        path = tmp / secrets.token_hex(4)
        path.write_bytes(content)
        await self.services.objects.publish(path, key, "video/mp4")
        return key

    async def finish(
        self, flight_id: str, content: bytes, tmp: Path, *, title: str = "A title", tell: bool = True
    ) -> Medium:
        """What a worker does from claim to end for a download."""
        flight = (await self.claim(flight_id)).flight
        identity = identity_key("generic", "x", flight.options, url_key=flight.url_key)
        assert await self.services.repository.enter_identity(flight_id, flight.attempt, identity) == "lead"
        key = await self.publish(content, tmp)
        medium = Medium(
            identity=identity,
            key=key,
            content_type="video/mp4",
            size=len(content),
            duration=1.5,
            width=320,
            height=180,
            title=title,
            extractor="generic",
            webpage_url=flight.url,
        )
        await self.services.repository.touch_object(key, len(content))
        ended = await self.services.repository.complete(flight_id, flight.attempt, medium)
        assert ended
        if tell:
            await self.services.cache.put_medium([flight.url_key], medium, 3600)
            for one in ended:
                await self.services.cache.publish(one, {"state": "done"})
        return medium

    async def finish_info(self, flight_id: str, info: dict[str, Any]) -> None:
        flight = (await self.claim(flight_id)).flight
        assert await self.services.repository.complete_info(flight_id, flight.attempt, info)
        await self.services.cache.publish(flight_id, {"state": "done"})

    async def fail(self, flight_id: str, code: Code, detail: str) -> None:
        """The flight fails for good."""
        flight = (await self.claim(flight_id)).flight
        changed = await self.services.repository.fail(flight_id, flight.attempt, Problem(code, detail))
        assert changed
        await self.services.cache.drop_flight([flight.url_key])
        await self.services.cache.put_failure(flight.url_key, code.value, detail, 30)
        await self.services.cache.publish(
            flight_id, {"state": "failed", "code": code.value, "detail": detail}
        )

    async def forget(self, *urls: str) -> None:
        """Valkey has lost what it knew of these videos."""
        cache = self.services.cache
        for url in urls:
            key = self.services.reader.download(json.dumps({"url": url}).encode()).url_key
            await cache.client.delete(f"{cache.prefix}u:{key}")

    async def next_flight(self, kind: FlightKind = FlightKind.DOWNLOAD) -> str:
        """The id of a queued flight, when there is one."""
        for _ in range(500):
            found = [f for f in (await self.services.repository.sweep()).dispatch if f.kind is kind]
            if found:
                return found[0].id
            await asyncio.sleep(0.02)
        raise AssertionError(f"no {kind} flight was queued")


@pytest.fixture
def document(short_tmp: Path, valkey: Any) -> RuntimeDocument:
    """One API workload over the test's own stores; generous limits unless a test asks for others."""
    key = short_tmp / "signing"
    key.write_text(secrets.token_hex(32))
    return RuntimeDocument(
        platform="test",
        pipeline="shorts",
        workload="api",
        role="api",
        stores=Stores(
            cache=ServerRef(url=valkey.url),
            queue=ServerRef(url=valkey.url),
            database=ServerRef(url=f"sqlite:///{short_tmp}/db.sqlite"),
            objects=FolderObjects(root=short_tmp / "objects"),
        ),
        api=ApiSettings(signing_key_file=key, download_rate=GENEROUS, info_rate=GENEROUS),
    )


def with_api(document: RuntimeDocument, **changes: Any) -> RuntimeDocument:
    """The document with other API settings."""
    assert document.api is not None
    return document.model_copy(update={"api": document.api.model_copy(update=changes)})


@pytest.fixture
async def start() -> AsyncIterator[Callable[[RuntimeDocument], Awaitable[Platform]]]:
    """Starts API processes; several may share the stores of one document."""
    async with contextlib.AsyncExitStack() as stack:

        async def run(document: RuntimeDocument) -> Platform:
            services = await Services.open(stack, document, "api-test", Startup(log, asyncio.Event()))
            listener = socket.create_server(("127.0.0.1", 0))
            server = ApiServer(config(services), services.draining)
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            platform = Platform(services, server, f"http://127.0.0.1:{listener.getsockname()[1]}", serving)
            stack.push_async_callback(platform.close)
            while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
                await asyncio.sleep(0.01)
            return platform

        yield run


@pytest.fixture
async def platform(
    start: Callable[[RuntimeDocument], Awaitable[Platform]], document: RuntimeDocument
) -> Platform:
    return await start(document)


@dataclass
class Event:
    name: str
    data: Any
    id: str | None = None


async def events_of(response: httpx.Response) -> AsyncIterator[Event]:
    """The server-sent events of a streaming response; comments and ``retry`` are passed as events of those names."""
    name, data, event_id = "", "", None
    async for line in response.aiter_lines():
        if not line:
            if name:
                yield Event(name, json.loads(data) if data else None, event_id)
            name, data, event_id = "", "", None
        elif line.startswith(":"):
            yield Event("comment", line)
        elif line.startswith("retry:"):
            yield Event("retry", line)
        elif line.startswith("event: "):
            name = line[7:]
        elif line.startswith("id: "):
            event_id = line[4:]
        elif line.startswith("data: "):
            data = line[6:]


class Helpers:
    """What test modules use of this file: under importlib mode they cannot import it."""

    VIDEO = VIDEO
    with_api = staticmethod(with_api)
    events_of = staticmethod(events_of)


@pytest.fixture
def helpers() -> type[Helpers]:
    return Helpers
