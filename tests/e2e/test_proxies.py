"""Downloads go out through the declared pool: a bad proxy is stepped over and banned, nothing goes out beside it."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import yaml

from loadtests.local import LocalPlatform
from loadtests.origin import Origin
from tests.e2e.visitor import Client, write_platform


class ConnectProxy(socketserver.ThreadingTCPServer):
    """A real HTTP proxy that knows CONNECT. ``bad``: it answers every CONNECT with 502, as a dead exit node does."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, *, bad: bool) -> None:
        super().__init__(("127.0.0.1", 0), _Tunnel)
        self.bad = bad
        self.targets: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Tunnel(socketserver.StreamRequestHandler):
    server: ConnectProxy

    def handle(self) -> None:
        target = self.rfile.readline().split()[1].decode()
        while self.rfile.readline().strip():
            pass
        self.server.targets.append(target)
        if self.server.bad:
            self.wfile.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
            return
        host, _, port = target.rpartition(":")
        with socket.create_connection((host.strip("[]"), int(port))) as upstream:
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=_pump, args=(upstream, self.connection), daemon=True)
            back.start()
            _pump(self.connection, upstream)
            back.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


@contextmanager
def proxy(*, bad: bool) -> Iterator[ConnectProxy]:
    with ConnectProxy(bad=bad) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()


def test_a_job_fails_over_to_the_next_proxy_and_the_bad_one_is_banned(
    folder: Path, origin: Origin, clip: Path
) -> None:
    with proxy(bad=True) as bad, proxy(bad=False) as good:
        file = write_platform(
            folder / "proxied.yaml",
            "proxied",
            pipeline={"workers": {"download": {"min": 1, "max": 1, "proxies": "pool"}}},
        )
        pool = {
            "apiVersion": "reelplane.io/v1alpha1",
            "kind": "ProxyPool",
            "metadata": {"name": "pool"},
            "spec": {
                "endpoints": [{"name": "bad", "url": bad.url}, {"name": "good", "url": good.url}],
                "rotation": {"maxFailures": 2, "banFor": "10m"},
            },
        }
        file.write_text(file.read_text() + "---\n" + yaml.safe_dump(pool))
        with LocalPlatform([file], folder / "proxied", log=folder / "proxied.log") as platform:
            client = Client(platform.url)
            views = [client.download(origin.add_file(f"/via-{n}.mp4", clip)) for n in range(8)]
            assert [view["state"] for view in views] == ["done"] * 8, platform.log_tail()
        # The origin's own address was named to the proxies, as a checked literal; all bytes came through the good one.
        assert set(good.targets) == {f"127.0.0.1:{origin.port}"}
        assert 1 <= len(bad.targets) <= 8, "two failures ban it; yt-dlp may connect more than once a job"


def test_when_every_proxy_fails_the_job_says_so_and_goes_out_by_no_other_way(
    folder: Path, origin: Origin, clip: Path
) -> None:
    with proxy(bad=True) as bad:
        workers = {"download": {"min": 1, "max": 1, "proxies": "pool", "maxAttempts": 1}}
        file = write_platform(folder / "stuck.yaml", "stuck", pipeline={"workers": workers})
        pool = {
            "apiVersion": "reelplane.io/v1alpha1",
            "kind": "ProxyPool",
            "metadata": {"name": "pool"},
            "spec": {"endpoints": [{"name": "bad", "url": bad.url}]},
        }
        file.write_text(file.read_text() + "---\n" + yaml.safe_dump(pool))
        url = origin.add_file("/unreachable.mp4", clip)
        with LocalPlatform([file], folder / "stuck", log=folder / "stuck.log") as platform:
            view = Client(platform.url).download(url)
        assert (view["state"], view["error"]["code"]) == ("failed", "proxy_failed")
        assert origin.count("/unreachable.mp4").requests == 0
