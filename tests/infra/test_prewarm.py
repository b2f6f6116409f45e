"""The function that fills caches fetches what it is told to, from our media host alone, and to the end."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from reelplane_infra.functions import prewarm

HOST = "media.example.com"
SIZE = 3 * prewarm.CHUNK + 17


class Origin(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        asked = self.path.partition("?")[0]
        if asked == "/moved":
            self.send_response(302)
            self.send_header("Location", "/video")
            self.end_headers()
            return
        self.send_response(200 if asked == "/video" else 403)
        self.send_header("Content-Length", str(SIZE if asked == "/video" else 0))
        self.end_headers()
        if asked == "/video":
            self.wfile.write(b"\0" * SIZE)
            self.server.served = SIZE  # type: ignore[attr-defined]

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def origin() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Origin)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    "url",
    [
        "http://media.example.com/a",
        "https://media.example.com.evil.test/a",
        "https://evil.test/media.example.com",
        "https://media.example.com@evil.test/a",
        "https://user@media.example.com/a",
        "https://media.example.com:8443/a",
        "https://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "",
    ],
)
def test_no_other_host_is_fetched(url: str) -> None:
    with pytest.raises(prewarm.Refused, match=r"only https://media\.example\.com/"):
        prewarm.target(json.dumps({"url": url}), HOST)


@pytest.mark.parametrize("body", ["", "[]", "{}", "null", '{"url": 7}', '{"url": "https://[::"}'])
def test_a_message_that_is_none_says_what_one_is(body: str) -> None:
    with pytest.raises(prewarm.Refused, match=r'a message is \{"url"'):
        prewarm.target(body, HOST)


def test_a_signed_url_is_fetched_as_it_is() -> None:
    url = f"https://{HOST}/processed/us-west-2/v.mp4?Expires=1&Signature=a~b&Key-Pair-Id=K1"
    assert prewarm.target(json.dumps({"url": url}), HOST) == url


def test_the_whole_object_is_read(origin: str) -> None:
    assert prewarm.fetch(f"{origin}/video") == SIZE


@pytest.mark.parametrize(("path", "status"), [("moved", 302), ("closed", 403)])
def test_an_answer_that_fills_no_cache_is_an_error_that_shows_no_signature(
    origin: str, path: str, status: int
) -> None:
    with pytest.raises(prewarm.Refused, match=f"/{path}: {status} instead of 200") as raised:
        prewarm.fetch(f"{origin}/{path}?Signature=secret")
    assert "secret" not in str(raised.value)


def test_a_message_that_fails_fails_the_delivery(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIA_HOST", HOST)
    fetched: list[str] = []

    def fetch(url: str) -> int:
        fetched.append(url)
        return 1

    bodies = [json.dumps({"url": f"https://{HOST}/a"}), json.dumps({"url": "https://evil.test/"})]
    with pytest.raises(prewarm.Refused):
        prewarm.handle({"Records": [{"body": body} for body in bodies]}, None, fetch)
    assert fetched == [f"https://{HOST}/a"]
