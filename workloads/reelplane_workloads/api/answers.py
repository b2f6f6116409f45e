"""A whole HTTP answer as the two ASGI messages it is sent by, built once and sent many times."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

Header = tuple[bytes, bytes]
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Answer:
    """Status, headers and body. The messages are shared between requests: whoever sends them must not write to them."""

    __slots__ = ("body", "start", "status")

    def __init__(self, status: int, headers: Iterable[Header], body: bytes = b"") -> None:
        self.status = status
        self.start: Message = {
            "type": "http.response.start",
            "status": status,
            "headers": [*headers, (b"content-length", b"%d" % len(body))],
        }
        self.body: Message = {"type": "http.response.body", "body": body}

    async def send(self, send: Send) -> None:
        await send(self.start)
        await send(self.body)

    def plus(self, *headers: Header) -> Answer:
        """The same answer with more headers, for one request."""
        return Answer(self.status, [*self.start["headers"][:-1], *headers], self.body["body"])
