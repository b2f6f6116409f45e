"""A real S3 server for the storage tests: versitygw, which checks signatures and expiry, on a folder of the test's own.

It is built once per machine with the Go toolchain into the user's cache folder.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from reelplane_crds.runtime import FolderObjects, S3Objects
from reelplane_workloads.storage.objects import Objects, object_key, open_objects
from reelplane_workloads.storage.signing import UrlSigner

# A busy machine pauses examples for longer than Hypothesis' deadline of 200 ms; speed is not what they are about.
settings.register_profile("any-speed", deadline=None)
settings.load_profile("any-speed")

VERSION = "v1.8.0"
BUCKET = "media"
REGION = "eu-test-1"


def _versitygw() -> Path:
    """The server's binary, building it if this machine has none yet. Skips the test when that is not possible."""
    cache = (
        Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        / "reelplane"
        / f"versitygw-{VERSION}"
    )
    binary = cache / "versitygw"
    if binary.exists():
        return binary
    go = shutil.which("go")
    if go is None:
        pytest.skip("no S3 server: versitygw is built with the Go toolchain, and no 'go' is on the PATH")
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if binary.exists():
            return binary
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            build = subprocess.run(
                [go, "install", f"github.com/versity/versitygw/cmd/versitygw@{VERSION}"],
                env=os.environ | {"GOBIN": folder, "GOFLAGS": "-mod=mod"},
                stderr=subprocess.PIPE,
                text=True,
                check=False,
            )
            if build.returncode != 0:
                pytest.skip(
                    f"no S3 server: building versitygw {VERSION} failed: {build.stderr.strip()[-300:]}"
                )
            (Path(folder) / "versitygw").replace(binary)
    return binary


class S3Server:
    """A versitygw of the tests' own on loopback, with one bucket and keys made for this run."""

    def __init__(self, binary: Path, folder: Path) -> None:
        self.binary = binary
        self.data = folder / "data"
        (self.data / BUCKET).mkdir(parents=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.access_key_file = folder / "access"
        self.secret_key_file = folder / "secret"
        self.access_key_file.write_text(secrets.token_hex(8) + "\n")
        self.secret_key_file.write_text(secrets.token_hex(16) + "\n")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        keys = {
            "ROOT_ACCESS_KEY": self.access_key_file.read_text().strip(),
            "ROOT_SECRET_KEY": self.secret_key_file.read_text().strip(),
        }
        arguments = ["--port", f"127.0.0.1:{self.port}", "--region", REGION, "--keep-alive", "--quiet"]
        self._process = subprocess.Popen(
            [self.binary, *arguments, "posix", self.data], env=os.environ | keys, stdout=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            time.sleep(0.02)
        raise RuntimeError("versitygw did not listen within 20 s")

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(timeout=15)
            self._process = None

    def settings(self, **changes: object) -> S3Objects:
        given = {
            "bucket": BUCKET,
            "region": REGION,
            "endpoint": self.endpoint,
            "access_key_file": self.access_key_file,
            "secret_key_file": self.secret_key_file,
        }
        return S3Objects.model_validate(given | changes)

    async def without_parts(self) -> bool:
        """Whether no part is left, as soon as the server has come to rest: it clears away after it has answered."""
        for _ in range(500):
            if not self.parts():
                return True
            await asyncio.sleep(0.02)
        return False

    def parts(self) -> list[Path]:
        """Parts of uploads that were neither completed nor aborted, as the server keeps them."""
        return [path for path in (self.data / BUCKET / ".sgwtmp").rglob("*") if path.is_file()]


@pytest.fixture(scope="session")
def _s3_session() -> Iterator[S3Server]:
    binary = _versitygw()
    folder = Path(tempfile.mkdtemp(prefix="rps3"))
    server = S3Server(binary, folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def s3(_s3_session: S3Server) -> S3Server:
    """The S3 server of this run with an empty bucket."""
    bucket = _s3_session.data / BUCKET
    shutil.rmtree(bucket)
    bucket.mkdir()
    return _s3_session


@pytest.fixture
def own_s3(short_tmp: Path) -> Iterator[S3Server]:
    """An S3 server that the test may stop and start."""
    server = S3Server(_versitygw(), short_tmp)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def signer() -> UrlSigner:
    return UrlSigner(bytes(range(32)))


@pytest.fixture(params=["folder", "s3"])
async def objects(
    request: pytest.FixtureRequest, tmp_path: Path, signer: UrlSigner
) -> AsyncIterator[Objects]:
    """The same promises are asked of both stores."""
    settings: FolderObjects | S3Objects = FolderObjects(root=tmp_path / "objects")
    if request.param == "s3":
        settings = request.getfixturevalue("s3").settings(prefix="some/prefix/")
    store = open_objects(settings, signer)
    yield store
    await store.close()


@pytest.fixture
def made(tmp_path: Path) -> Callable[[bytes], tuple[Path, str]]:
    """Writes content to a work file; returns it with its key, as a worker would."""

    def make(content: bytes) -> tuple[Path, str]:
        digest = hashlib.sha256(content).hexdigest()
        path = tmp_path / f"work-{digest[:12]}"
        path.write_bytes(content)
        return path, object_key(digest, "mp4")

    return make


class CutOff:
    """A TCP proxy before a server, which breaks connections: all after ``limit`` bytes, and each that says ``word``."""

    def __init__(self, port: int, *, limit: int = sys.maxsize, word: bytes | None = None) -> None:
        self._target = port
        self._left = limit
        self._word = word
        self._writers: set[asyncio.StreamWriter] = set()
        self.cut = asyncio.Event()

    async def start(self) -> int:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def stop(self) -> None:
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers |= {writer, there_writer}
        try:
            await asyncio.gather(
                self._pump(reader, there_writer, limited=True), self._pump(there_reader, writer)
            )
        finally:
            for one in (writer, there_writer):
                one.transport.abort()
                self._writers.discard(one)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, limited: bool = False
    ) -> None:
        with contextlib.suppress(ConnectionError):
            while piece := await reader.read(65536):
                if limited:
                    self._left -= len(piece)
                    if self._left < 0 or (self._word is not None and self._word in piece):
                        self.cut.set()
                        writer.transport.abort()
                        return
                writer.write(piece)
                await writer.drain()
            writer.transport.abort()


@pytest.fixture
def cut_off() -> type[CutOff]:
    return CutOff
