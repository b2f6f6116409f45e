"""One request of a child, from its parsed head to the end of the relay.

Resolve, judge every address, connect to a judged one, then pass bytes and count them. What goes wrong is
answered with a Proxy-Status field (RFC 9209) for whoever reads the child's log, and written down on the
grant for whoever waits for the job.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from reelplane_workloads.core.errors import Code

from . import http1
from .addresses import Address, canonical, parse
from .grants import Grant, Refusal
from .policy import Policy
from .relay import Channel, HeadTooLargeError
from .upstream import UpstreamError, direct, through

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""All addresses of a name, in the order to try. Raises OSError when there are none."""

SILENCE = 5.0
"""Seconds without any answer after which a tunnel that the child gives up speaks against its upstream proxy."""

_INTERIM_HEADS = 16
"""1xx answers passed on before the real one; servers send one or two."""


@dataclass(frozen=True, slots=True)
class GuardLimits:
    """What one child may take. Times are seconds, sizes bytes."""

    head: int = 32 * 2**10
    """Longest request or response head; the limits of common servers lie between 8 and 64 KiB."""
    head_timeout: float = 15.0
    """From connecting to the end of the request head, however slowly it drips."""
    connect_timeout: float = 10.0
    """For resolving and for connecting, each."""
    idle_timeout: float = 120.0
    """Without a byte either way; longer than the extractor's own time-out (20 s), which explains itself better."""
    connections: int = 64
    """Open at once per grant: four fragments and a client's usual six per host leave ample room."""
    unidentified: int = 256
    """Open at once on the host's loopback that have not shown a token yet."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What all sessions of a guard share."""

    policy: Policy
    limits: GuardLimits
    resolver: Resolver


class RefusedError(Exception):
    """The request ends here, with this answer."""

    def __init__(self, status: HTTPStatus, text: str, *fields: tuple[str, str]) -> None:
        super().__init__(text)
        self.response = http1.answer(status, fields, text)


class Session:
    def __init__(
        self, rules: Rules, grant: Grant, live: set[Session], request: http1.Request, client: Channel
    ) -> None:
        self._rules = rules
        self._grant = grant
        self._live = live
        self._request = request
        self._client = client
        self._origin: Channel | None = None
        self._opened = asyncio.get_running_loop().time()
        self._up = self._down = 0

    @property
    def last_seen(self) -> float:
        """Loop time of the last byte either way."""
        return max(self._client.last_seen, self._origin.last_seen if self._origin else 0.0)

    async def run(self) -> None:
        """Bring the request to its origin. Returns when the relay stands; raises RefusedError when it will not."""
        if len(self._live) >= self._rules.limits.connections:
            raise RefusedError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "the job has too many connections open",
                http1.proxy_status("connection_limit_reached", "per job"),
            )
        self._live.add(self)
        self._client.ended = self._client_ended
        try:
            origin = self._origin = await self._connect(await self._judged())
            self._grant.connections += 1
            if self._client.lost:
                origin.abort()
            elif self._request.tunnel:
                self._client.transport.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                self._relay_up(origin)
                self._relay_down(origin)
            else:
                await self._exchange(origin)
        except BaseException:
            self._live.discard(self)
            raise

    def drop(self, reason: str = "") -> None:
        """Break both connections. A ``reason`` is written down as the origin's (or its proxy's) failure."""
        if reason:
            self._note(Code.ORIGIN_TIMEOUT, reason)
        self._client.abort()
        if self._origin is not None:
            self._origin.abort()
        self._live.discard(self)

    async def _judged(self) -> list[Address]:
        """The addresses that may be connected to: all the host has, or none."""
        request = self._request
        addresses = [request.address] if request.address is not None else await self._resolved()
        for ip in addresses:
            reason = self._rules.policy.refusal(request.host, ip, request.port)
            if reason is not None:
                raise self._prohibited(reason)
        return [canonical(ip) for ip in addresses]

    async def _resolved(self) -> list[Address]:
        request = self._request
        try:
            async with asyncio.timeout(self._rules.limits.connect_timeout):
                spelled = await self._rules.resolver(request.host, request.port)
        except TimeoutError:
            raise self._failed(
                Code.ORIGIN_TIMEOUT, "dns_timeout", "its name was not resolved in time"
            ) from None
        except (OSError, UnicodeError) as error:
            detail = f"its name does not resolve: {getattr(error, 'strerror', None) or error}"
            raise self._failed(Code.ORIGIN_UNREACHABLE, "dns_error", detail) from error
        addresses = []
        for text in spelled:
            try:
                ip = parse(text)
            except ValueError:
                ip = text
            if isinstance(ip, str):
                raise self._prohibited(f"it resolves to {text}, which is no public address")
            addresses.append(ip)
        if not addresses:
            raise self._failed(Code.ORIGIN_UNREACHABLE, "dns_error", "its name has no address")
        return addresses

    async def _connect(self, addresses: list[Address]) -> Channel:
        try:
            async with asyncio.timeout(self._rules.limits.connect_timeout):
                if self._grant.upstream is None:
                    return await direct(addresses, self._request.port, self._make_origin)
                # IPv4 first: not every upstream proxy has IPv6, and each says so in its own way.
                first = min(addresses, key=lambda ip: ip.version)
                return await through(self._grant.upstream, str(first), self._request.port, self._make_origin)
        except TimeoutError:
            raise self._failed(Code.ORIGIN_TIMEOUT, "connection_timeout", "no connection in time") from None
        except ConnectionRefusedError as error:
            raise self._failed(Code.ORIGIN_UNREACHABLE, "connection_refused", "connection refused") from error
        except (OSError, ValueError) as error:
            detail = (
                str(error) if isinstance(error, (UpstreamError, ValueError)) else error.strerror or str(error)
            )
            raise self._failed(Code.ORIGIN_UNREACHABLE, "destination_unavailable", detail) from error

    def _make_origin(self) -> Channel:
        return Channel(self._rules.limits.head, self._origin_ended)

    async def _exchange(self, origin: Channel) -> None:
        """Plain HTTP: one request, one answer with its head rewritten, then both connections close."""
        request, client = self._request, self._client
        origin.transport.write(request.forwarded())
        client.allowance = request.body
        if request.expects_continue and request.body:
            client.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._relay_up(origin)
        try:
            async with asyncio.timeout(self._rules.limits.idle_timeout):
                for _ in range(_INTERIM_HEADS):
                    status, head = http1.rewrite_response(await origin.read_head())
                    client.transport.write(head)
                    if status >= HTTPStatus.OK:
                        break
        except TimeoutError:
            origin.abort()
            raise self._failed(Code.ORIGIN_TIMEOUT, "http_response_timeout", "no answer in time") from None
        except (ConnectionError, HeadTooLargeError, http1.HeadError) as error:
            origin.abort()
            detail = str(error) or "the head of its answer is too long"
            raise self._failed(Code.ORIGIN_RESET, "http_response_incomplete", detail) from error
        self._relay_down(origin)

    def _relay_up(self, origin: Channel) -> None:
        self._client.passed = self._passed_up
        self._client.join(origin)

    def _relay_down(self, origin: Channel) -> None:
        origin.passed = self._passed_down
        origin.join(self._client)

    def _passed_up(self, size: int) -> bool:
        self._up += size
        return self._grant.spend(size, 0) or self._overdrawn()

    def _passed_down(self, size: int) -> bool:
        self._down += size
        return self._grant.spend(0, size) or self._overdrawn()

    def _overdrawn(self) -> bool:
        detail = f"more than the {self._grant.budget} bytes that this job may transfer"
        self._grant.last_refusal = Refusal(Code.TOO_LARGE, self._request.target, detail)
        return False

    def _origin_ended(self, origin: Channel, exc: Exception | None) -> None:
        if exc is not None and not self._client.lost:
            self._note(Code.ORIGIN_RESET, f"the connection broke after {self._down} bytes")
        elif self._down and exc is None:
            self._grant.forgive(self._request.target)
        self._client_or_origin_gone()

    def _client_ended(self, client: Channel, exc: Exception | None) -> None:
        waited = asyncio.get_running_loop().time() - self._opened
        if self._grant.upstream and self._up and not self._down and waited >= SILENCE:
            self._note(
                Code.PROXY_FAILED, f"no answer through proxy {self._grant.upstream.name} in {waited:.0f} s"
            )
        self._client_or_origin_gone()

    def _client_or_origin_gone(self) -> None:
        if self._client.lost and (self._origin is None or self._origin.lost):
            self._live.discard(self)

    def _prohibited(self, reason: str) -> RefusedError:
        self._grant.last_refusal = Refusal(Code.PRIVATE_ADDRESS, self._request.target, reason)
        status = http1.proxy_status("destination_ip_prohibited", reason)
        return RefusedError(HTTPStatus.FORBIDDEN, f"{self._request.target}: {reason}", status)

    def _failed(self, code: Code, error: str, detail: str) -> RefusedError:
        self._note(code, detail)
        status = HTTPStatus.GATEWAY_TIMEOUT if code is Code.ORIGIN_TIMEOUT else HTTPStatus.BAD_GATEWAY
        text = f"{self._request.target}: {detail}"
        return RefusedError(status, text, http1.proxy_status(error, detail))

    def _note(self, code: Code, detail: str) -> None:
        """Write a failure down. Through an upstream proxy it speaks against the proxy: another may do better."""
        upstream = self._grant.upstream
        if upstream is not None and code is not Code.PROXY_FAILED:
            code, detail = Code.PROXY_FAILED, f"through proxy {upstream.name}: {detail}"
        self._grant.last_failure = Refusal(code, self._request.target, detail)


async def system_resolver(host: str, port: int) -> Sequence[str]:
    """The operating system's resolver, asked once."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))
