"""Brotli or gzip for answers that are whole, textual and large enough. Media and event streams pass untouched."""

from __future__ import annotations

import gzip

import brotli  # type: ignore[import-untyped]

from reelplane_workloads.api.answers import App, Message, Receive, Scope, Send

MINIMUM = 1024
"""Bytes below which an answer fits one packet anyway (RFC 9293's default MSS less headers)."""

_TEXTUAL = (b"application/json", b"application/problem+json", b"text/", b"image/svg+xml")


def accepted(header: bytes) -> str | None:
    """``br`` or ``gzip``, whichever the client takes, in this order; None: neither (RFC 9110 section 12.5.3)."""
    qualities: dict[str, float] = {}
    for part in header.decode("latin-1").lower().split(","):
        name, _, parameter = part.partition(";")
        _, _, value = parameter.partition("=")
        try:
            qualities[name.strip()] = float(value) if value else 1.0
        except ValueError:
            continue
    fallback = qualities.get("*", 0.0)
    return next((coding for coding in ("br", "gzip") if qualities.get(coding, fallback) > 0), None)


def encode(coding: str, body: bytes, *, best: bool = False) -> bytes:
    """``best`` is for what is compressed once and sent often."""
    if coding == "br":
        encoded: bytes = brotli.compress(body, quality=11 if best else 4)
        return encoded
    return gzip.compress(body, compresslevel=9 if best else 5, mtime=0)


class Compress:
    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        coding = _coding(scope) if scope["type"] == "http" else None
        if coding is None:
            await self._app(scope, receive, send)
            return
        start: Message | None = None

        async def send_compressed(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and _textual(message):
                start = message
                return
            if start is not None:
                body = message.get("body", b"")
                if len(body) >= MINIMUM and not message.get("more_body", False):
                    body = encode(coding, body)
                    start["headers"] = _headers(start, coding, len(body))
                    message = {"type": "http.response.body", "body": body}
                await send(start)
                start = None
            await send(message)

        await self._app(scope, receive, send_compressed)


def _coding(scope: Scope) -> str | None:
    return next((accepted(value) for name, value in scope["headers"] if name == b"accept-encoding"), None)


def _textual(start: Message) -> bool:
    names = {name for name, _ in start["headers"]}
    kind = next((value for name, value in start["headers"] if name == b"content-type"), b"")
    return (
        b"content-encoding" not in names
        and kind.startswith(_TEXTUAL)
        and not kind.startswith(b"text/event-stream")
    )


def _headers(start: Message, coding: str, length: int) -> list[tuple[bytes, bytes]]:
    kept = [header for header in start["headers"] if header[0] not in (b"content-length", b"vary")]
    return [
        *kept,
        (b"content-length", b"%d" % length),
        (b"content-encoding", coding.encode()),
        (b"vary", b"accept-encoding"),
    ]
