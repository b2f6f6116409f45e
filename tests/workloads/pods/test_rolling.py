"""API pods are replaced behind a Service while clients go on: no request is lost, no stream ends without a hint."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

pytestmark = [pytest.mark.service, pytest.mark.timeout(240)]


class Service:
    """What kube-proxy is to clients: one address, and each new connection goes to one of the endpoints.

    A pod that is deleted is an endpoint no more when it is told to stop (the Service hears of the deletion while the
    preStop hook sleeps); connections that stand are left alone.
    """

    def __init__(self) -> None:
        self.endpoints: list[Any] = []
        self._turn = itertools.count()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pod = self.endpoints[next(self._turn) % len(self.endpoints)]
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", pod.port)
        with contextlib.suppress(asyncio.CancelledError):  # the test is over
            await asyncio.gather(_pump(reader, there_writer), _pump(there_reader, writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()
    writer.close()


@pytest.fixture
async def service() -> AsyncIterator[tuple[Service, str]]:
    made = Service()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    yield made, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


@pytest.fixture
async def pod(documents: Any, local: Any, run: Any, helpers: Any) -> Any:
    """An API pod that is ready."""
    document, _ = documents(local)
    started = run(document)
    await asyncio.to_thread(helpers.until, started.ready, "the pod is ready")
    return started


class Load:
    """Clients that ask without end, each on connections that it keeps, and what they were answered."""

    def __init__(self, base: str, job: str, cookies: httpx.Cookies) -> None:
        self.base = base
        self.job = job
        self.cookies = cookies
        self.answers = 0
        self.closed = 0
        self.streams = 0
        self.failures: list[str] = []
        self.over = asyncio.Event()

    async def ask(self, pause: float) -> None:
        async with httpx.AsyncClient(base_url=self.base, timeout=30, cookies=self.cookies) as client:
            for number in itertools.count():
                if self.over.is_set():
                    return
                try:
                    if number % 2:
                        answer = await client.post("/v1/downloads", json={"url": "https://video.example/1"})
                    else:
                        answer = await client.get(self.job)
                    self.answers += 1
                    self.closed += answer.headers.get("connection") == "close"
                    if answer.status_code not in (200, 202):
                        self.failures.append(f"{answer.status_code}: {answer.text[:200]}")
                except httpx.HTTPError as error:
                    self.failures.append(repr(error))
                await asyncio.sleep(pause)

    async def follow(self) -> None:
        async with httpx.AsyncClient(base_url=self.base, timeout=60, cookies=self.cookies) as client:
            while not self.over.is_set():
                lines: list[str] = []
                try:
                    async with client.stream("GET", f"{self.job}/events") as stream:
                        async for line in stream.aiter_lines():
                            lines.append(line)
                            if self.over.is_set():
                                return
                    self.streams += 1
                    if "retry: 1000" not in lines:
                        self.failures.append(f"a stream ended with {lines[-3:]}")
                except httpx.HTTPError as error:
                    self.failures.append(f"stream: {error!r}")


async def test_a_rolling_replacement_loses_no_request(
    *, documents: Any, local: Any, run: Any, helpers: Any, service: tuple[Service, str]
) -> None:
    document, _ = documents(local)
    balancer, base = service
    for name in ("api-0", "api-1"):
        balancer.endpoints.append(run(document, name=name))
    for pod in balancer.endpoints:
        await asyncio.to_thread(helpers.until, pod.ready, "the pod is ready")
    async with httpx.AsyncClient(base_url=base, timeout=30) as client:
        accepted = await client.post("/v1/downloads", json={"url": "https://video.example/1"})
        load = Load(base, accepted.headers["location"], client.cookies)
    clients = [asyncio.create_task(load.ask(pause)) for pause in (0.01, 0.02, 0.05, 0.1, 0.3, 0.5)]
    clients += [asyncio.create_task(load.follow()) for _ in range(3)]
    await asyncio.sleep(1.5)

    for old, new in (("api-0", "api-2"), ("api-1", "api-3")):
        successor = run(document, name=new)
        await asyncio.to_thread(helpers.until, successor.ready, "its successor is ready")
        (leaving,) = [pod for pod in balancer.endpoints if pod.log.stem == old]
        balancer.endpoints = [*(pod for pod in balancer.endpoints if pod is not leaving), successor]
        await asyncio.sleep(0.3)  # the preStop hook
        leaving.terminate()
        assert await asyncio.to_thread(leaving.process.wait, 60) == 0

    await asyncio.sleep(1)
    load.over.set()
    await asyncio.wait(clients, timeout=10)
    for one in clients:
        one.cancel()
    await asyncio.gather(*clients, return_exceptions=True)
    assert load.failures == []
    assert load.answers > 50
    assert load.closed >= 6, "who kept a connection was told to leave it"
    assert load.streams >= 1


async def test_a_stopping_pod_is_not_ready_first_and_serves_who_still_comes(pod: Any, helpers: Any) -> None:
    async with httpx.AsyncClient(base_url=pod.url, timeout=30) as kept:
        assert (await kept.get("/v1/status")).headers.get("connection") != "close"
        pod.terminate()

        async with asyncio.timeout(10):
            while (told := await kept.get("/readyz")).status_code == 200:
                pass
        assert told.json()["checks"]["process"] == "stopping"
        assert told.headers["connection"] == "close"
        idle = await asyncio.open_connection("127.0.0.1", pod.port)
        answer = await kept.get("/v1/status")
        assert (answer.status_code, answer.headers["connection"]) == (200, "close")
        idle[1].close()
    assert await asyncio.to_thread(pod.process.wait, 30) == 0


async def test_a_request_under_way_when_the_pod_is_stopped_is_told_to_leave_too(
    pod: Any, helpers: Any
) -> None:
    """Its headers are older than the signal; without a worker it waits for its info until then."""
    async with httpx.AsyncClient(base_url=pod.url, timeout=60) as client:
        asking = asyncio.create_task(client.get("/v1/info", params={"url": "https://video.example/1"}))
        accepted = lambda: "accepted" in pod.said()  # noqa: E731
        await asyncio.to_thread(helpers.until, accepted, "the request waits")
        pod.terminate()
        answer = await asking
    assert (answer.status_code, answer.headers.get("connection")) == (202, "close")
    assert await asyncio.to_thread(pod.process.wait, 30) == 0
