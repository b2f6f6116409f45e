"""A guard, real origins on loopback, and raw clients that say exactly what a test wants said."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from reelplane_crds.runtime import EgressSettings, OriginAllow
from reelplane_workloads.egress.grants import Grant
from reelplane_workloads.egress.guard import Guard
from reelplane_workloads.egress.session import GuardLimits, Resolver, system_resolver

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter, bytes], Awaitable[None]]


async def hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello")


@dataclass
class Origin:
    """An HTTP server on loopback that remembers the heads of the requests it got."""

    port: int
    folder: Path
    """An empty folder of the test's own."""
    heads: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture
async def origin(tmp_path: Path) -> AsyncIterator[Callable[..., Awaitable[Origin]]]:
    """Starts origins: ``await origin()`` or ``await origin(handler)``, all stopped at the end of the test."""
    async with AsyncExitStack() as stack:

        async def start(handler: Handler = hello, *, host: str = "127.0.0.1") -> Origin:
            async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                try:
                    head = await reader.readuntil(b"\r\n\r\n")
                    made.heads.append(head)
                    await handler(reader, writer, head)
                    await writer.drain()
                except (asyncio.IncompleteReadError, ConnectionError):
                    pass
                finally:
                    writer.close()

            server = await asyncio.start_server(serve, host, 0)
            stack.callback(server.close)
            made = Origin(server.sockets[0].getsockname()[1], tmp_path)
            return made

        yield start


@dataclass
class Egress:
    """A started guard with one grant."""

    guard: Guard
    grant: Grant

    @property
    def proxy_url(self) -> str:
        return f"http://job:{self.grant.token}@127.0.0.1:{self.guard.tcp_port}"

    @property
    def authorization(self) -> bytes:
        return b"Proxy-Authorization: Basic " + base64.b64encode(f"job:{self.grant.token}".encode()) + b"\r\n"

    async def dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.guard.tcp_port)

    async def say(self, request: bytes) -> bytes:
        """Send these bytes on a connection of their own; all that comes back until the guard closes it."""
        reader, writer = await self.dial()
        try:
            writer.write(request)
            return await asyncio.wait_for(reader.read(), 20)
        finally:
            writer.close()

    async def get(self, url: str, *fields: bytes) -> bytes:
        """A plain GET in absolute form, with the token."""
        host = url.split("/")[2].encode()
        lines = [
            b"GET " + url.encode() + b" HTTP/1.1\r\nHost: " + host + b"\r\n",
            self.authorization,
            *fields,
        ]
        return await self.say(b"".join(lines) + b"\r\n")

    async def connect(self, target: str) -> tuple[bytes, asyncio.StreamReader, asyncio.StreamWriter]:
        """CONNECT with the token; the answer's head and the open connection."""
        reader, writer = await self.dial()
        writer.write(
            f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n".encode() + self.authorization + b"\r\n"
        )
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
        return head, reader, writer


@pytest.fixture
async def egress(short_tmp: Path) -> AsyncIterator[Callable[..., Awaitable[Egress]]]:
    """Starts guards: ``await egress(allow=[origin.port], …)`` opens these loopback ports and nothing else."""
    async with AsyncExitStack() as stack:
        count = 0

        async def start(
            *,
            allow: tuple[int, ...] | list[int] = (),
            settings: EgressSettings | None = None,
            limits: GuardLimits | None = None,
            resolver: Resolver = system_resolver,
            **granted: object,
        ) -> Egress:
            nonlocal count
            count += 1
            openings = tuple(OriginAllow(cidr="127.0.0.1/32", port=port) for port in allow)
            guard = Guard(
                settings or EgressSettings(allow=openings), limits=limits or GuardLimits(), resolver=resolver
            )
            await guard.start(short_tmp / f"g{count}.sock")
            stack.push_async_callback(guard.close)
            return Egress(guard, guard.grant(**granted))  # type: ignore[arg-type]

        yield start


@dataclass
class UpstreamProxy:
    """A real forward proxy of the test's own; ``asked`` are the targets it was asked for."""

    url: str
    asked: list[str] = field(default_factory=list)
    connections: int = 0


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:
        writer.close()


async def _join(reader, writer, host: str, port: int) -> None:
    origin_reader, origin_writer = await asyncio.open_connection(host, port)
    try:
        await asyncio.gather(_pump(reader, origin_writer), _pump(origin_reader, writer))
    finally:
        origin_writer.close()


async def _serve_http(reader, writer, made: UpstreamProxy, login: str) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    target = head.split()[1]
    if login and base64.b64encode(login.encode()).decode() not in head:
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
        return
    made.asked.append(target)
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    host, _, port = target.rpartition(":")
    await _join(reader, writer, host.strip("[]"), int(port))


async def _serve_socks5(reader, writer, made: UpstreamProxy, login: str) -> None:
    """RFC 1928, with RFC 1929 when there is a login."""
    _, count = await reader.readexactly(2)
    methods = await reader.readexactly(count)
    method = 2 if login else 0
    writer.write(bytes([5, method if method in methods else 0xFF]))
    if method not in methods:
        return
    if login:
        _, length = await reader.readexactly(2)
        user = await reader.readexactly(length)
        password = await reader.readexactly((await reader.readexactly(1))[0])
        wrong = f"{user.decode()}:{password.decode()}" != login
        writer.write(bytes([1, wrong]))
        if wrong:
            return
    kind = (await reader.readexactly(4))[3]
    if kind == 1:
        host = ".".join(map(str, await reader.readexactly(4)))
    else:
        host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
    port = int.from_bytes(await reader.readexactly(2))
    made.asked.append(f"{host}:{port}")
    writer.write(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
    await _join(reader, writer, host, port)


@pytest.fixture
async def upstream() -> AsyncIterator[Callable[..., Awaitable[UpstreamProxy]]]:
    """Starts proxies: ``await upstream("http" | "socks5", login="user:password", fault="refuse" | "hang" | …)``."""
    async with AsyncExitStack() as stack:

        async def start(kind: str = "http", *, login: str = "", fault: str = "") -> UpstreamProxy:
            async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                made.connections += 1
                try:
                    match fault:
                        case "refuse":
                            await reader.readuntil(b"\r\n\r\n")
                            writer.write(b"HTTP/1.1 503 Service Unavailable\r\n\r\n")
                        case "hang":
                            await reader.read()
                        case "reset":
                            await reader.read(1)
                            writer.transport.abort()
                        case "garbage":
                            writer.write(b"\x00\xff nonsense\r\n\r\n")
                        case "swallow":
                            await reader.readuntil(b"\r\n\r\n")
                            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
                            await reader.read()
                        case _:
                            await (_serve_http if kind == "http" else _serve_socks5)(
                                reader, writer, made, login
                            )
                except (OSError, asyncio.IncompleteReadError):
                    pass
                finally:
                    writer.close()

            server = await asyncio.start_server(serve, "127.0.0.1", 0)
            stack.callback(server.close)
            made = UpstreamProxy(f"{kind}://127.0.0.1:{server.sockets[0].getsockname()[1]}")
            return made

        yield start
