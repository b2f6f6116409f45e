"""Whether an egress proxy lets a page through: one GET of the operator's health URL by way of it."""

from __future__ import annotations

import asyncio
import ssl
from urllib.parse import urlsplit

from reelplane_crds.runtime import ProxyEndpoint

from .upstream import tunnel_socket

TIMEOUT = 10.0
"""Seconds for the whole check; a proxy that needs longer would stall a download more often than not."""


async def ailment(endpoint: ProxyEndpoint, url: str) -> str | None:
    """What is wrong with ``endpoint``: it does not bring an answer below 400 to GET ``url``. None: nothing."""
    try:
        async with asyncio.timeout(TIMEOUT):
            status = await _status(endpoint, url)
    except TimeoutError:
        return f"no answer in {TIMEOUT:.0f} s"
    except (OSError, ValueError, ssl.SSLError, asyncio.IncompleteReadError) as error:
        return str(error) or type(error).__name__
    return None if status < 400 else f"answer {status}"


async def _status(endpoint: ProxyEndpoint, url: str) -> int:
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    host = parts.hostname or ""
    tunnel = await tunnel_socket(endpoint, host, parts.port or (443 if secure else 80))
    context = ssl.create_default_context() if secure else None
    try:
        reader, writer = await asyncio.open_connection(
            sock=tunnel, ssl=context, server_hostname=host if secure else None
        )
    except BaseException:
        tunnel.close()
        raise
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n".encode())
        line = await reader.readline()
        version, _, rest = line.decode("latin-1").partition(" ")
        if not version.startswith("HTTP/1.") or not rest[:3].isdigit():
            raise ValueError("no HTTP answer")
        return int(rest[:3])
    finally:
        writer.close()
