"""Connecting to addresses that were already checked: directly, or through an upstream proxy.

Only address literals are connected to, so no resolver gets a second say. Direct attempts are staggered
(RFC 8305, "Happy Eyeballs"), because a host whose IPv6 is broken should cost a quarter of a second, not a
time-out. The upstream proxy is the operator's own declaration, so its address is not put to the policy.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from itertools import chain, zip_longest
from urllib.parse import urlsplit

from python_socks import ProxyError as SocksProxyError
from python_socks import ProxyType
from python_socks.async_.asyncio import Proxy

from reelplane_crds.runtime import ProxyEndpoint

from .addresses import Address
from .relay import Channel

STAGGER = 0.25
"""Seconds between attempts; RFC 8305 section 8 recommends 250 ms."""

_TYPES = {"http": ProxyType.HTTP, "socks5": ProxyType.SOCKS5}


class UpstreamError(OSError):
    """The upstream proxy cannot be reached, refused, or broke off; never holds its credentials."""


async def direct(addresses: Sequence[Address], port: int, make: Callable[[], Channel]) -> Channel:
    """Connect to the first of ``addresses`` that answers. Raises OSError of the last that did not."""
    loop = asyncio.get_running_loop()
    waiting = list(interleaved(addresses))
    attempts: set[asyncio.Task[tuple[asyncio.Transport, Channel]]] = set()
    failure: OSError = OSError("no address to connect to")
    try:
        while waiting or attempts:
            if waiting:
                attempts.add(asyncio.create_task(loop.create_connection(make, str(waiting.pop(0)), port)))
            done, attempts = await asyncio.wait(
                attempts, timeout=STAGGER if waiting else None, return_when=asyncio.FIRST_COMPLETED
            )
            won: Channel | None = None
            for attempt in done:
                error = attempt.exception()
                if isinstance(error, OSError):
                    failure = error
                elif error is not None:
                    raise error
                elif won is None:
                    won = attempt.result()[1]
                else:
                    attempt.result()[0].abort()
            if won is not None:
                return won
    finally:
        await _drop(attempts)
    raise failure


async def through(endpoint: ProxyEndpoint, host: str, port: int, make: Callable[[], Channel]) -> Channel:
    """Connect to ``host`` by way of ``endpoint``. Raises UpstreamError, ValueError for a URL that is none of ours."""
    tunnel = await tunnel_socket(endpoint, host, port)
    try:
        _, channel = await asyncio.get_running_loop().create_connection(make, sock=tunnel)
    except BaseException:
        tunnel.close()
        raise
    return channel


async def tunnel_socket(endpoint: ProxyEndpoint, host: str, port: int) -> socket.socket:
    """A non-blocking socket on which ``host:port`` answers through ``endpoint``. Raises as ``through`` does.

    Has no time limit of its own: the caller sets one around it.
    """
    url = urlsplit(endpoint.url)
    if url.scheme not in _TYPES or url.hostname is None or url.port is None:
        raise ValueError(f"proxy {endpoint.name}: not an http:// or socks5:// URL with host and port")
    user = password = None
    if endpoint.credentials_file is not None:
        try:
            line = await asyncio.to_thread(endpoint.credentials_file.read_text)
        except OSError as error:
            raise UpstreamError(f"proxy {endpoint.name}: credentials file: {error.strerror}") from error
        user, _, password = line.strip().partition(":")
    proxy = Proxy(_TYPES[url.scheme], url.hostname, url.port, user, password, rdns=True)
    try:
        connected: socket.socket = await proxy.connect(host, port, timeout=3600)
    except SocksProxyError as error:
        raise UpstreamError(f"proxy {endpoint.name} answered: {error}") from error
    except OSError as error:
        raise UpstreamError(f"proxy {endpoint.name}: {error.strerror or error}") from error
    return connected


def interleaved(addresses: Sequence[Address]) -> list[Address]:
    """The order of attempts: as resolved, but alternating between the families (RFC 8305 section 4)."""
    first = addresses[0].version if addresses else 0
    same = [ip for ip in addresses if ip.version == first]
    other = [ip for ip in addresses if ip.version != first]
    return [ip for ip in chain.from_iterable(zip_longest(same, other)) if ip is not None]


async def _drop(attempts: set[asyncio.Task[tuple[asyncio.Transport, Channel]]]) -> None:
    """Cancel what is still connecting, and close what connected in the same instant as the winner."""
    for attempt in attempts:
        attempt.cancel()
    for outcome in await asyncio.gather(*attempts, return_exceptions=True):
        if not isinstance(outcome, BaseException):
            outcome[0].abort()
