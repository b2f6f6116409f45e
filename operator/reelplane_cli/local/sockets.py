"""What the supervisor listens on for its processes, and a minimal client to ask them how they are.

The supervisor binds and the processes inherit: the address outlives every one of them, and a connection made
while they restart waits in the kernel's queue instead of being refused.
"""

from __future__ import annotations

import asyncio
import errno
import json
import socket
from pathlib import Path
from typing import Any

_BACKLOG = 2048
_PORTS_TRIED = 50


class PortError(Exception):
    """No port could be had; the message says which were tried and why not."""


def listen(host: str, port: int, *, search: bool = True) -> socket.socket:
    """A listening TCP socket at ``port``, or with ``search`` at the next free one above.

    Raises PortError.
    """
    candidates = range(port, min(port + _PORTS_TRIED, 65536)) if search and port else (port,)
    reason = ""
    for candidate in candidates:
        try:
            return socket.create_server((host, candidate), family=_family(host), backlog=_BACKLOG)
        except OSError as error:
            reason = error.strerror or str(error)
            if error.errno != errno.EADDRINUSE:
                raise PortError(f"cannot listen on {host} port {candidate}: {reason}") from error
    raise PortError(f"ports {port}-{candidates[-1]} on {host}: {reason}")


def url_of(listening: socket.socket) -> str:
    """How a browser on this machine reaches it."""
    host, port = listening.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{host}:{port}"


async def get(url: str, *, timeout: float) -> tuple[int, bytes]:
    """Status and body of a GET of an ``http://host:port/path`` of ours.

    HTTP/1.0 on purpose: the answer is never chunked and ends with the connection, so the whole client fits
    here and a command starts without loading one. Raises OSError (TimeoutError included) or ValueError.
    """
    host_port, _, path = url.removeprefix("http://").partition("/")
    host, _, port = host_port.rpartition(":")
    async with asyncio.timeout(timeout):
        reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
        try:
            writer.write(f"GET /{path} HTTP/1.0\r\nHost: {host_port}\r\n\r\n".encode())
            head, _, body = (await reader.read(-1)).partition(b"\r\n\r\n")
        finally:
            writer.close()
    words = head.split(b" ", 2)
    if len(words) < 2 or not words[1].isdigit():
        raise ValueError(f"{url} did not answer with HTTP")
    return int(words[1]), body


async def get_json(url: str, *, timeout: float) -> dict[str, Any] | None:
    """The JSON object at ``url``; None when it is away, refuses, or answers something else."""
    try:
        status, body = await get(url, timeout=timeout)
        value = json.loads(body) if status == 200 else None
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


async def ping(path: Path, *, timeout: float) -> bool:
    """Whether a Valkey server answers PING on a Unix socket (it answers -LOADING while it reads its file)."""
    try:
        async with asyncio.timeout(timeout):
            reader, writer = await asyncio.open_unix_connection(str(path))
            try:
                writer.write(b"PING\r\n")
                return (await reader.readline()).startswith(b"+PONG")
            finally:
                writer.close()
    except OSError:
        return False


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
