"""HTTP/1.1 heads as the guard needs them (RFC 9110, RFC 9112): parsed strictly, written anew.

Nothing a client wrote is passed on verbatim: the request line and the Host field come from the parsed target,
hop-by-hop and ``Proxy-*`` fields are dropped, and whatever two parsers could read differently (bare line
feeds, folded lines, both Content-Length and Transfer-Encoding) is refused. Bodies of requests need a
Content-Length, so that the guard knows where a request ends without reading chunk framing.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from http import HTTPStatus

from .addresses import Address, parse

Fields = tuple[tuple[str, str], ...]

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_TARGET = re.compile(r"[\x21-\x7e\x80-\xff]+")
_AUTHORITY = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[^\[\]:/?#@\\]+)(?::(?P<port>[0-9]{1,5}))?")
_STATUS = re.compile(r"HTTP/1\.[01] (?P<status>[1-5][0-9]{2})(?: .*)?")
_HOP_BY_HOP = frozenset(
    ("connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "expect", "host")
)
"""RFC 9110 section 7.6.1; Expect because the guard answers it itself, Host because it is written from the target."""


class HeadError(Exception):
    """A head that is not accepted, with the status to answer."""

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    host: str
    """As it is compared and resolved: lower case, no brackets, an address in its usual spelling."""
    address: Address | None
    """Set when the host is an address, however it was spelled."""
    port: int
    path: str
    """Origin form, e.g. ``/watch?v=1``; empty for CONNECT."""
    version: str
    fields: Fields
    body: int
    """Bytes that follow the head."""
    expects_continue: bool

    @property
    def tunnel(self) -> bool:
        return self.method == "CONNECT"

    @property
    def target(self) -> str:
        return _authority(self.host, self.port)

    def credentials(self) -> tuple[str, str] | None:
        """User and password of a Basic Proxy-Authorization; None when there is none that can be read."""
        values = [value for name, value in self.fields if name.lower() == "proxy-authorization"]
        if len(values) != 1:
            return None
        scheme, _, blob = values[0].partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            user, found, password = (
                base64.b64decode(blob.strip(), validate=True).decode("ascii").partition(":")
            )
        except (binascii.Error, ValueError):
            return None
        return (user, password) if found else None

    def forwarded(self) -> bytes:
        """The head as the origin is to see it: one request, then the connection closes."""
        host = _authority(self.host, self.port if self.port != 80 else None)
        kept = _end_to_end(self.fields)
        lines = [f"{self.method} {self.path} {self.version}", f"Host: {host}"]
        lines += [f"{name}: {value}" for name, value in kept]
        return _head([*lines, "Connection: close"])


def parse_request(head: bytes) -> Request:
    """Read a request head that ends with an empty line. Raises HeadError."""
    line, fields = _split(head)
    words = line.split(" ")
    if len(words) != 3:
        raise HeadError(HTTPStatus.BAD_REQUEST, "the request line is not 'METHOD target HTTP/1.1'")
    method, target, version = words
    if version not in ("HTTP/1.1", "HTTP/1.0"):
        raise HeadError(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "only HTTP/1.1 and HTTP/1.0")
    if not _TOKEN.fullmatch(method) or not _TARGET.fullmatch(target):
        raise HeadError(
            HTTPStatus.BAD_REQUEST, "the method or the target holds characters that are not allowed"
        )
    if len(_values(fields, "host")) > 1:
        raise HeadError(HTTPStatus.BAD_REQUEST, "more than one Host")
    if method == "CONNECT":
        authority, path = target, ""
    else:
        authority, path = _absolute(target)
    host, address, port = _endpoint(authority, None if method == "CONNECT" else 80)
    return Request(
        method=method,
        host=host,
        address=address,
        port=port,
        path=path,
        version=version,
        fields=fields,
        body=0 if method == "CONNECT" else _body_length(fields),
        expects_continue="100-continue" in (value.lower() for value in _values(fields, "expect")),
    )


def rewrite_response(head: bytes) -> tuple[int, bytes]:
    """The status, and the head as the client is to see it: hop-by-hop fields dropped, ``Connection: close``.

    Transfer-Encoding stays, since the body's own framing is passed on; a Content-Length beside it goes
    (RFC 9112 section 6.3). Raises HeadError with 502 for a head that is none.
    """
    try:
        line, fields = _split(head)
    except HeadError as error:
        raise HeadError(HTTPStatus.BAD_GATEWAY, f"the origin's answer: {error.reason}") from error
    match = _STATUS.fullmatch(line)
    if match is None:
        raise HeadError(HTTPStatus.BAD_GATEWAY, "the origin's answer is not HTTP/1.1")
    coding = _values(fields, "transfer-encoding")
    kept = [
        (name, value)
        for name, value in _end_to_end(fields)
        if not (coding and name.lower() == "content-length")
    ]
    lines = [line, *(f"{name}: {value}" for name, value in kept)]
    lines += [f"Transfer-Encoding: {value}" for value in coding]
    status = int(match["status"])
    return status, _head(lines if status < 200 else [*lines, "Connection: close"])


def answer(status: HTTPStatus, fields: Fields = (), text: str = "") -> bytes:
    """A complete response of the guard's own; the connection closes after it."""
    body = f"{text}\n".encode() if text else b""
    lines = [f"HTTP/1.1 {status.value} {status.phrase}", *(f"{name}: {value}" for name, value in fields)]
    lines += ["Content-Type: text/plain; charset=utf-8", f"Content-Length: {len(body)}", "Connection: close"]
    return _head(lines) + body


def proxy_status(error: str, detail: str) -> tuple[str, str]:
    """The Proxy-Status field (RFC 9209) that says what the guard found; ``error`` is a type of its section 2.3."""
    quoted = "".join(char for char in detail if " " <= char <= "~").replace("\\", "\\\\").replace('"', '\\"')
    return "Proxy-Status", f'reelplane; error={error}; details="{quoted}"'


def _split(head: bytes) -> tuple[str, Fields]:
    text = head.decode("latin-1")
    if not text.endswith("\r\n\r\n"):
        raise HeadError(HTTPStatus.BAD_REQUEST, "the head does not end with an empty line")
    line, *rest = text[:-4].split("\r\n")
    fields = []
    for row in rest:
        name, found, value = row.partition(":")
        if not found or not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
            raise HeadError(HTTPStatus.BAD_REQUEST, "a header field is not 'Name: value'")
        fields.append((name, value.strip(" \t")))
    if not _VALUE.fullmatch(line):
        raise HeadError(HTTPStatus.BAD_REQUEST, "the first line holds characters that are not allowed")
    return line, tuple(fields)


def _absolute(target: str) -> tuple[str, str]:
    scheme, found, rest = target.partition("://")
    if not found or scheme.lower() != "http":
        raise HeadError(HTTPStatus.BAD_REQUEST, "send an absolute http:// URL, or CONNECT for anything else")
    if "#" in rest:
        raise HeadError(HTTPStatus.BAD_REQUEST, "a target has no fragment")
    end = next((place for place, char in enumerate(rest) if char in "/?"), len(rest))
    path = rest[end:]
    return rest[:end], path if path.startswith("/") else "/" + path


def _endpoint(authority: str, default_port: int | None) -> tuple[str, Address | None, int]:
    match = _AUTHORITY.fullmatch(authority)
    port = int(match["port"]) if match and match["port"] else default_port
    if match is None or port is None or not 0 < port < 65536:
        raise HeadError(HTTPStatus.BAD_REQUEST, "the target is not 'host:port'")
    try:
        host = parse(match["host"])
    except ValueError as error:
        raise HeadError(HTTPStatus.BAD_REQUEST, str(error)) from error
    return (host, None, port) if isinstance(host, str) else (str(host), host, port)


def _body_length(fields: Fields) -> int:
    lengths = _values(fields, "content-length")
    if _values(fields, "transfer-encoding"):
        if lengths:
            raise HeadError(HTTPStatus.BAD_REQUEST, "both Content-Length and Transfer-Encoding")
        raise HeadError(HTTPStatus.LENGTH_REQUIRED, "send the body with a Content-Length")
    if not lengths:
        return 0
    if len(lengths) > 1 or not re.fullmatch(r"[0-9]{1,18}", lengths[0]):
        raise HeadError(HTTPStatus.BAD_REQUEST, "Content-Length is not one number")
    return int(lengths[0])


def _values(fields: Fields, wanted: str) -> list[str]:
    return [value for name, value in fields if name.lower() == wanted]


def _end_to_end(fields: Fields) -> list[tuple[str, str]]:
    named = {word.strip().lower() for value in _values(fields, "connection") for word in value.split(",")}
    return [
        (name, value)
        for name, value in fields
        if not (lower := name.lower()).startswith("proxy-")
        and lower not in _HOP_BY_HOP
        and lower not in named
    ]


def _authority(host: str, port: int | None) -> str:
    bracketed = f"[{host}]" if ":" in host else host
    return bracketed if port is None else f"{bracketed}:{port}"


def _head(lines: list[str]) -> bytes:
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
