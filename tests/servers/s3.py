"""A real S3 server for tests: versitygw, which checks signatures and expiry, on a folder of the test's own.

It is built once per machine with the Go toolchain into the user's cache folder.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from reelplane_crds.runtime import S3Objects

VERSION = "v1.8.0"
BUCKET = "media"
REGION = "eu-test-1"


def versitygw() -> Path:
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


@contextlib.contextmanager
def s3_server() -> Iterator[S3Server]:
    """A running server with an empty bucket. Skips the test where none can be had."""
    binary = versitygw()
    folder = Path(tempfile.mkdtemp(prefix="rps3"))
    server = S3Server(binary, folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
