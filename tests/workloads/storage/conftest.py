"""Both kinds of object store for the storage tests: a folder, and a real S3 server (tests/servers/s3.py)."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from reelplane_crds.runtime import FolderObjects, S3Objects
from reelplane_workloads.storage.objects import Objects, object_key, open_objects
from reelplane_workloads.storage.signing import UrlSigner
from tests.servers.s3 import BUCKET, S3Server, s3_server, versitygw

# A busy machine pauses examples for longer than Hypothesis' deadline of 200 ms; speed is not what they are about.
settings.register_profile("any-speed", deadline=None)
settings.load_profile("any-speed")


@pytest.fixture(scope="session")
def _s3_session() -> Iterator[S3Server]:
    with s3_server() as server:
        yield server


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
    server = S3Server(versitygw(), short_tmp)
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
