"""One request to an API server: sent, counted, tried again where that is safe, and its failure put into words.

    client.py ─► Call ─► attempts ─► bytes
                         │ 429 and 5xx that name a time: after that time
                         │ connection refused, reset:    where a second copy does no harm
                         └ 401:                          once, if there is a newer token

Everything that every request pays for is done here and kept small; a reconcile is mostly requests.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import NamedTuple

import aiohttp
from yarl import URL

from reelplane_operator.cluster.access import Access
from reelplane_operator.cluster.errors import Unreachable, from_answer

_ATTEMPTS = 5
"""Attempts of one call. client-go allows ten more; our callers have a queue with back-off of its own."""
_LONGEST_WAIT = 10.0
"""Seconds. A server that wants us to stay away for longer gets the call back through the caller's queue."""
_FIRST_PAUSE = 0.1
"""Seconds before a broken connection is tried again; doubles each time."""
_KEEP_ALIVE = 60.0
"""Seconds that a connection may idle: less than the server's 90, or a request may meet a closing connection."""
_QUIET = 120.0
"""Seconds a stream may be silent: twice the interval of bookmarks."""
TIMEOUT = 30.0
"""Seconds for a whole attempt, unless the caller says otherwise."""


class Request(NamedTuple):
    """One attempt, as ``on_request`` sees it."""

    verb: str
    """get, list, watch, create, apply, patch, delete, or proxy."""
    kind: str
    namespace: str | None
    name: str | None
    subresource: str | None
    dry_run: bool
    status: int
    """The answer's HTTP status; 0: there was none."""
    seconds: float
    attempt: int
    """1 for the first."""

    @property
    def write(self) -> bool:
        """Whether it was to change what the server stores."""
        return self.verb in _WRITES and not self.dry_run


_WRITES = frozenset({"create", "apply", "patch", "delete"})


@dataclass(slots=True)
class Call:
    """What is asked. ``repeatable``: a second copy of it changes nothing more than the first did."""

    verb: str
    method: str
    path: str
    kind: str
    namespace: str | None = None
    name: str | None = None
    subresource: str | None = None
    dry_run: bool = False
    repeatable: bool = False
    content_type: str = "application/json"
    accept: str | None = None
    """Another form of answer than plain JSON."""
    timeout: float = TIMEOUT

    def __str__(self) -> str:
        place = "/".join(each for each in (self.namespace, self.name, self.subresource) if each)
        return f"{self.verb} {self.kind} {place}".rstrip()


class Transport:
    """Connections to one API server."""

    def __init__(
        self,
        access: Access,
        *,
        connections: int,
        on_request: Callable[[Request], None] | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """``connections``: at most so many at a time, watches not counted. ``chance``: uniform in [0, 1)."""
        self.access = access
        self._on_request = on_request
        self._chance = chance
        self._session = self._open(connections)
        self._streams: aiohttp.ClientSession | None = None
        self._timeout = aiohttp.ClientTimeout(total=TIMEOUT, connect=10.0)

    async def close(self) -> None:
        await self._session.close()
        if self._streams:
            await self._streams.close()

    async def call(self, call: Call, body: bytes | None = None) -> bytes:
        """The body of a good answer. Raises ApiError for any other, Unreachable where there is none."""
        status, answer, retry_after = await self.exchange(call, body)
        if status >= 300:
            raise from_answer(str(call), status, answer, retry_after)
        return answer

    async def exchange(
        self, call: Call, body: bytes | None = None, *, patient: bool = True
    ) -> tuple[int, bytes, float | None]:
        """Status, body and the seconds of ``Retry-After``, after as many attempts as are allowed.

        Without ``patient`` an answer is an answer: there is no second attempt. Raises Unreachable.
        """
        attempt = 1
        renewed = False
        while True:
            status, answer, retry_after, broken, header = await self._attempt(call, body, attempt)
            if broken is not None:
                if not broken.again or attempt == _ATTEMPTS or not patient:
                    raise Unreachable(self.access.host, str(call), broken.why)
                pause = _FIRST_PAUSE * 2 ** (attempt - 1) * (0.5 + self._chance())
            elif status == 401 and not renewed and await self.access.credentials.refused(header):
                renewed = True
                pause = 0.0
            elif (
                patient
                and retry_after is not None
                and (status == 429 or status >= 500)
                and attempt < _ATTEMPTS
                and retry_after <= _LONGEST_WAIT
            ):
                # A little longer than asked, each caller differently: not all of them at the same moment.
                pause = retry_after * (1.0 + 0.2 * self._chance())
            else:
                return status, answer, retry_after
            attempt += 1
            await asyncio.sleep(pause)

    @asynccontextmanager
    async def stream(self, call: Call, *, silent: bool = False) -> AsyncIterator[AsyncIterator[bytes]]:
        """The body in pieces as they come, over a connection that counts against no limit.

        A stream that says nothing for two minutes is taken for dead, unless it may be ``silent``.
        Raises ApiError, or Unreachable, also while the body is read.
        """
        if self._streams is None:
            self._streams = self._open(0)
        header = await self.access.credentials.header()
        started = time.perf_counter()
        status = 0
        timeout = aiohttp.ClientTimeout(total=None, connect=10.0, sock_read=None if silent else _QUIET)
        try:
            async with self._send(self._streams, call, header, timeout) as answer:
                status = answer.status
                if status >= 300:
                    text = await answer.read()
                    if status == 401:
                        await self.access.credentials.refused(header)
                    raise from_answer(str(call), status, text, _seconds(answer))
                yield answer.content.iter_any()
        except (aiohttp.ClientError, TimeoutError, RuntimeError) as why:
            if isinstance(why, RuntimeError) and not self._streams.closed:
                raise
            raise Unreachable(self.access.host, str(call), _broken(call, why).why) from why
        finally:
            self._count(call, status, started, 1)

    async def _attempt(
        self, call: Call, body: bytes | None, attempt: int
    ) -> tuple[int, bytes, float | None, _Broken | None, str | None]:
        header = await self.access.credentials.header()
        timeout = self._timeout if call.timeout == TIMEOUT else aiohttp.ClientTimeout(total=call.timeout)
        started = time.perf_counter()
        status, answer, retry_after, broken = 0, b"", None, None
        try:
            async with self._send(self._session, call, header, timeout, body=body) as response:
                answer = await response.read()
                status = response.status
                if status >= 300:
                    retry_after = _seconds(response)
        except (aiohttp.ClientError, TimeoutError) as why:
            broken = _broken(call, why)
        except RuntimeError:
            if not self._session.closed:
                raise
            broken = _Broken(False, "the connection was closed on our side")
        self._count(call, status, started, attempt)
        return status, answer, retry_after, broken, header

    def _send(
        self,
        session: aiohttp.ClientSession,
        call: Call,
        header: str | None,
        timeout: aiohttp.ClientTimeout,
        *,
        body: bytes | None = None,
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        headers = {"Content-Type": call.content_type}
        if header is not None:
            headers["Authorization"] = header
        if call.accept is not None:
            headers["Accept"] = call.accept
        return session.request(
            call.method,
            # Paths are quoted where they are made; yarl would look at each character again.
            URL(self.access.host + call.path, encoded=True),
            data=body,
            headers=headers,
            timeout=timeout,
            proxy=self.access.proxy,
            server_hostname=self.access.server_name,
            # API servers do not redirect; whoever does must not be sent credentials.
            allow_redirects=False,
        )

    def _count(self, call: Call, status: int, started: float, attempt: int) -> None:
        if self._on_request is not None:
            seconds = time.perf_counter() - started
            self._on_request(
                Request(
                    call.verb,
                    call.kind,
                    call.namespace,
                    call.name,
                    call.subresource,
                    call.dry_run,
                    status,
                    seconds,
                    attempt,
                )
            )

    def _open(self, connections: int) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=connections,
            ssl=self.access.tls if self.access.tls is not None else True,
            keepalive_timeout=_KEEP_ALIVE,
        )
        headers = {"Accept": "application/json", "User-Agent": "reelplane"}
        # Not trust_env: it would look for proxies and a .netrc at each request.
        return aiohttp.ClientSession(
            connector=connector, headers=headers, cookie_jar=aiohttp.DummyCookieJar(), read_bufsize=2**18
        )


class _Broken(NamedTuple):
    """No whole answer came."""

    again: bool
    why: str


def _broken(call: Call, why: BaseException) -> _Broken:
    if isinstance(why, aiohttp.ClientConnectorCertificateError):
        return _Broken(False, f"its certificate is not trusted: {why.certificate_error}")
    if isinstance(why, TimeoutError):
        return _Broken(False, f"no answer within {call.timeout:g} s")
    text = str(why) or type(why).__name__
    if isinstance(why, aiohttp.ClientSSLError):
        return _Broken(False, text)
    if isinstance(why, aiohttp.ClientConnectorError):
        # Nothing was sent yet: as safe to repeat as it was to try.
        return _Broken(True, text)
    lost = (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError, aiohttp.ClientPayloadError)
    return _Broken(call.repeatable and isinstance(why, lost), text)


def _seconds(answer: aiohttp.ClientResponse) -> float | None:
    """``Retry-After``, which API servers write as whole seconds."""
    value = answer.headers.get("Retry-After", "")
    return float(value) if value.isdecimal() else None
