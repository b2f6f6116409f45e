"""A video site on loopback that counts what it is asked and misbehaves as told.

``with Origin() as origin: origin.add("/clip.mp4", Resource(file=clip))`` serves from threads of this process;
``origin.count("/clip.mp4")`` then says how many requests and bytes that path has cost. Clips come from ``make_clip``.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from loadtests.clips import make_clip, make_hls

__all__ = ["Count", "Origin", "Resource", "make_clip", "make_hls"]

_BLOCK = 64 * 2**10
_TYPES = {
    ".mp4": "video/mp4",
    ".m4a": "audio/mp4",
    ".mov": "video/quicktime",
    ".webm": "video/webm",
    ".mkv": "video/x-matroska",
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
    ".flac": "audio/flac",
    ".wav": "audio/wav",
    ".m3u8": "application/vnd.apple.mpegurl",
    ".ts": "video/mp2t",
    ".m4s": "video/iso.segment",
    ".html": "text/html; charset=utf-8",
    ".xml": "application/rss+xml",
}


@dataclass(frozen=True, kw_only=True)
class Resource:
    """What one path answers. Faults apply to the first ``faults`` requests, or to all."""

    file: Path | None = None
    body: bytes = b""
    content_type: str | None = None
    """None: by the suffix of the path."""
    status: int = 200
    location: str | None = None
    ranges: bool = True
    """Whether Range requests are honoured."""
    headers: tuple[tuple[str, str], ...] = ()
    delay: float = 0.0
    """Seconds before the first byte of the answer."""
    reset_after: int | None = None
    """Bytes of the body after which the connection is reset."""
    truncate_after: int | None = None
    """Bytes of the body after which the connection is closed in good order, short of Content-Length."""
    stall_after: int | None = None
    """Bytes of the body after which nothing more comes, until the client leaves or the origin stops."""
    declare_length: bool = True
    """False: no Content-Length and no ranges; the end of the connection is the end of the body."""
    faults: int | None = None
    rate: int | None = None
    """Bytes per second over all connections to this path; None: the origin's rate."""

    @property
    def etag(self) -> str:
        return f'"{self.file.stat().st_mtime_ns:x}-{self.size:x}"' if self.file is not None else ""

    @property
    def size(self) -> int:
        return self.file.stat().st_size if self.file is not None else len(self.body)


@dataclass
class Count:
    """What one path was asked for so far."""

    requests: int = 0
    whole: int = 0
    """Requests without a Range header: an extraction sends one, the chunks of a download none."""
    bytes: int = 0
    """Body bytes sent."""
    ranges: list[str] = field(default_factory=list)
    """The Range headers, in order."""
    cookies: list[str] = field(default_factory=list)
    """The Cookie headers, in order; an empty string for a request without."""
    agents: list[str] = field(default_factory=list)


class _Throttle:
    """Lets ``rate`` bytes a second pass over all threads; a quarter of a second may pass at once."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._free_at = time.monotonic()
        self._lock = threading.Lock()

    def wait(self, size: int) -> None:
        with self._lock:
            now = time.monotonic()
            self._free_at = max(self._free_at, now - 0.25) + size / self._rate
            pause = self._free_at - now
        if pause > 0:
            time.sleep(pause)


class Origin:
    """The server. ``rate``: bytes per second over all connections; None: as fast as it goes."""

    def __init__(self, *, rate: int | None = None, host: str = "127.0.0.1", port: int = 0) -> None:
        self._resources: dict[str, Resource] = {}
        self._counts: dict[str, Count] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._throttle = _Throttle(rate) if rate else None
        self._throttles: dict[str, _Throttle] = {}
        self._host = host
        self._server = _Server((host, port), self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def start(self) -> Origin:
        self._thread.start()
        return self

    def stop(self) -> None:
        self._stopped.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=10)

    def __enter__(self) -> Origin:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def port(self) -> int:
        port: int = self._server.server_address[1]
        return port

    @property
    def base(self) -> str:
        return f"http://{self._host}:{self.port}"

    def url(self, path: str) -> str:
        return self.base + path

    def add(self, path: str, resource: Resource) -> str:
        """Serve ``resource`` under ``path`` from now on. Returns its URL."""
        with self._lock:
            self._resources[path] = resource
            if resource.rate:
                self._throttles[path] = _Throttle(resource.rate)
        return self.url(path)

    def add_file(self, path: str, file: Path) -> str:
        return self.add(path, Resource(file=file))

    def add_redirect(self, path: str, location: str, *, status: int = 302) -> str:
        return self.add(path, Resource(status=status, location=location))

    def add_page(self, path: str, sources: list[str], *, title: str = "A page") -> str:
        """An HTML page with one ``<video>`` for each of ``sources``."""
        videos = "".join(f'<video controls src="{escape(source)}"></video>' for source in sources)
        html = f"<!doctype html><html><head><title>{escape(title)}</title></head><body>{videos}</body></html>"
        return self.add(path, Resource(body=html.encode(), content_type="text/html; charset=utf-8"))

    def add_rss(self, path: str, items: list[tuple[str, str]], *, title: str = "A feed") -> str:
        """An RSS feed: ``items`` are (title, URL)."""
        entries = "".join(
            f'<item><title>{escape(name)}</title><enclosure url="{escape(url)}" type="video/mp4"/></item>'
            for name, url in items
        )
        channel = f"<channel><title>{escape(title)}</title>{entries}</channel>"
        feed = f'<?xml version="1.0"?><rss version="2.0">{channel}</rss>'
        return self.add(path, Resource(body=feed.encode(), content_type="application/rss+xml"))

    def add_hls(self, prefix: str, playlist: Path) -> str:
        """Serve the folder of a media playlist made by ``make_hls`` below ``prefix``. Returns the playlist's URL."""
        for file in playlist.parent.iterdir():
            self.add_file(f"{prefix}/{file.name}", file)
        return self.url(f"{prefix}/{playlist.name}")

    def count(self, path: str) -> Count:
        with self._lock:
            return self._counts.setdefault(path, Count())

    def requests(self) -> int:
        """Requests to all paths together."""
        with self._lock:
            return sum(count.requests for count in self._counts.values())

    def _begin(self, path: str, headers: dict[str, str]) -> tuple[Resource | None, Count, bool]:
        with self._lock:
            resource = self._resources.get(path)
            count = self._counts.setdefault(path, Count())
            count.requests += 1
            count.cookies.append(headers.get("cookie", ""))
            count.agents.append(headers.get("user-agent", ""))
            if "range" in headers:
                count.ranges.append(headers["range"])
            else:
                count.whole += 1
            faulty = resource is not None and (resource.faults is None or count.requests <= resource.faults)
            return resource, count, faulty

    def _pace(self, path: str, size: int) -> None:
        throttle = self._throttles.get(path) or self._throttle
        if throttle is not None:
            throttle.wait(size)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 1024

    def __init__(self, address: tuple[str, int], origin: Origin) -> None:
        self.origin = origin
        super().__init__(address, _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that leaves early is part of what is tested, not news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:
        """Counts are kept instead of a log."""

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        origin, path = self.server.origin, urlsplit(self.path).path
        resource, count, faulty = origin._begin(path, {k.lower(): v for k, v in self.headers.items()})
        if resource is None:
            resource = Resource(status=404, body=b"no such thing\n", content_type="text/plain")
        if faulty and resource.delay and origin._stopped.wait(resource.delay):
            self.close_connection = True
            return
        status, start, end = self._range(resource)
        self.send_response(status)
        self.send_header(
            "Content-Type",
            resource.content_type or _TYPES.get(Path(path).suffix, "application/octet-stream"),
        )
        if resource.location:
            self.send_header("Location", resource.location)
        if resource.declare_length:
            self.send_header("Content-Length", str(end - start))
            if resource.ranges:
                self.send_header("Accept-Ranges", "bytes")
            if resource.file is not None:
                self.send_header("ETag", resource.etag)
        else:
            self.close_connection = True
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{resource.size}")
        if status == 416:
            self.send_header("Content-Range", f"bytes */{resource.size}")
        for name, value in resource.headers:
            self.send_header(name, value)
        self.end_headers()
        if body:
            with contextlib.suppress(ConnectionError, TimeoutError):
                self._send(path, resource, start, end, count, faulty=faulty)

    def _range(self, resource: Resource) -> tuple[int, int, int]:
        """Status and the half-open byte range to send."""
        size, wanted = resource.size, self.headers.get("Range", "")
        unchanged = self.headers.get("If-Range", "")
        if resource.status != 200 or not resource.ranges or not resource.declare_length or "=" not in wanted:
            return resource.status, 0, size
        if unchanged and unchanged != resource.etag:
            return 200, 0, size
        first, _, last = wanted.partition("=")[2].partition("-")
        if not first:
            return 206, max(size - int(last), 0), size
        if int(first) >= size:
            return 416, 0, 0
        return 206, int(first), min(int(last) + 1, size) if last else size

    def _send(
        self, path: str, resource: Resource, start: int, end: int, count: Count, *, faulty: bool
    ) -> None:
        origin = self.server.origin
        # A fault strikes at a place in the body, also when a Range request begins behind its start.
        stops = (resource.reset_after, resource.truncate_after, resource.stall_after) if faulty else ()
        stop = min((at for at in stops if at is not None), default=None)
        limit = end if stop is None else min(max(stop, start), end)
        file = resource.file.open("rb") if resource.file is not None else None
        try:
            if file is not None:
                file.seek(start)
            at = start
            while at < limit and not origin._stopped.is_set():
                size = min(_BLOCK, limit - at)
                block = file.read(size) if file is not None else resource.body[at : at + size]
                if not block:
                    break
                origin._pace(path, len(block))
                self.wfile.write(block)
                at += len(block)
                with origin._lock:
                    count.bytes += len(block)
        finally:
            if file is not None:
                file.close()
        if limit < end:
            self._fault(resource)

    def _fault(self, resource: Resource) -> None:
        self.close_connection = True
        if resource.stall_after is not None:
            self.connection.settimeout(0.2)
            while not self.server.origin._stopped.is_set():
                with contextlib.suppress(TimeoutError):
                    if not self.connection.recv(1):
                        return
        if resource.reset_after is not None:
            # Linger 0: close sends RST instead of FIN.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
