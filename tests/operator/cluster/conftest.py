"""Manifests that the tests of the client apply, and a server that misbehaves as it is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web


def config_map(namespace: str, name: str = "settings", **data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        "data": data,
    }


def deployment(namespace: str, name: str = "web", **container: Any) -> dict[str, Any]:
    """As our builders write one: no replicas, which are the autoscaler's."""
    labels = {"app": name}
    pod = {"containers": [{"name": "main", "image": "example.com/web:1", **container}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def kubeconfig_of(server: str, user: dict[str, Any], **cluster: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u", "namespace": "mine"}}],
        "clusters": [{"name": "c", "cluster": {"server": server, **cluster}}],
        "users": [{"name": "u", "user": user}],
    }


Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Misbehaving:
    """What is behind a network: answers in turn as told, and counts. After the last answer it repeats it."""

    def __init__(self, folder: Path) -> None:
        self.answers: list[Answer] = []
        self.seen: list[web.Request] = []
        self.kubeconfig = folder / "misbehaving.kubeconfig"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        turn = min(len(self.seen), len(self.answers) - 1)
        self.seen.append(request)
        await request.read()
        return await self.answers[turn](request)

    @staticmethod
    def good(**document: Any) -> Answer:
        async def answer(_: web.Request) -> web.StreamResponse:
            return web.json_response(document)

        return answer

    @staticmethod
    def bad(status: int, **headers: str) -> Answer:
        async def answer(_: web.Request) -> web.StreamResponse:
            text = json.dumps({"kind": "Status", "code": status, "reason": "Told", "message": "as told"})
            fields = {name.replace("_", "-"): value for name, value in headers.items()}
            return web.Response(status=status, text=text, headers=fields)

        return answer

    @staticmethod
    async def cut(request: web.Request) -> web.StreamResponse:
        """Hang up without an answer: the request may or may not have been carried out."""
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    @staticmethod
    async def silence(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port = runner.addresses[0][1]
        self.kubeconfig.write_text(yaml.safe_dump(kubeconfig_of(f"http://127.0.0.1:{port}", {})))
        try:
            yield
        finally:
            await runner.cleanup()


@pytest.fixture
async def misbehaving(tmp_path: Path) -> AsyncIterator[Misbehaving]:
    server = Misbehaving(tmp_path)
    async with server.serving():
        yield server
