"""Two emulators of AWS as processes on the loopback interface: moto's server, and ministack.

Both run without anything from this machine's environment: no credentials, no proxies, a folder of their own for what
they write, and the account of the plan. They are stopped by the handle they were started with.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import botocore.session
from botocore.config import Config

START_SECONDS: Final = 90.0
STOP_SECONDS: Final = 10.0
CALL_SECONDS: Final = 60.0


class Name(StrEnum):
    MOTO = "moto"
    MINISTACK = "ministack"


class NotStarted(RuntimeError):
    """An emulator did not listen in time; says what it wrote."""


@dataclass(slots=True)
class Emulator:
    """A running emulator, and clients for it."""

    name: Name
    endpoint: str
    account: str
    _session: Any
    _clients: dict[tuple[str, str], Any]

    def client(self, service: str, region: str) -> Any:
        """A client whose every setting is explicit; made once for a service and region."""
        key = (service, region)
        if key not in self._clients:
            config = Config(
                proxies={},
                retries={"total_max_attempts": 1, "mode": "standard"},
                connect_timeout=CALL_SECONDS,
                read_timeout=CALL_SECONDS,
                s3={"addressing_style": "path"},
                inject_host_prefix=False,
                user_agent="reelplane-infra",
            )
            self._clients[key] = self._session.create_client(
                service,
                region_name=region,
                endpoint_url=self.endpoint,
                # Both emulators take the account from a key that is one.
                aws_access_key_id=self.account,
                aws_secret_access_key="loopback",  # noqa: S106
                config=config,
            )
        return self._clients[key]


@contextmanager
def emulator(name: Name, account: str) -> Iterator[Emulator]:
    """Runs one. Raises NotStarted."""
    with tempfile.TemporaryDirectory(prefix=f"reelplane-{name}-") as folder:
        port = _free_port()
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": folder,
            "TMPDIR": folder,
            "MOTO_ACCOUNT_ID": account,
            # Roles name policies of AWS's own, which moto holds only when it is told to.
            "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",
            "MINISTACK_ACCOUNT_ID": account,
            "GATEWAY_PORT": str(port),
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            "S3_DATA_DIR": f"{folder}/s3",
            "LOG_LEVEL": "WARNING",
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
            # Nothing may be started in containers: what an emulator would run there is not what is proven.
            "DOCKER_HOST": f"unix://{folder}/none.sock",
        }
        command = {
            Name.MOTO: ["-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
            Name.MINISTACK: ["-m", "ministack"],
        }[name]
        log = Path(folder, "log")
        with log.open("wb") as written:
            process = subprocess.Popen(  # noqa: S603 - a module of the environment
                [sys.executable, *command],
                env=environment,
                cwd=folder,
                stdout=written,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            _listening(name, process, port, log)
            yield Emulator(name, f"http://127.0.0.1:{port}", account, _session(Path(folder)), {})
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _listening(name: Name, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    said = log.read_text(errors="replace")[-2000:]
    raise NotStarted(
        f"{name} does not listen on 127.0.0.1:{port} (exit code {process.poll()}); it wrote:\n{said}"
    )


def _session(folder: Path) -> Any:
    """A session that reads neither this machine's AWS files nor its profile."""
    config = folder / "aws"
    config.write_text("[default]\n")
    session = botocore.session.Session()
    for variable in ("config_file", "credentials_file"):
        session.set_config_variable(variable, str(config))
    session.set_config_variable("profile", "default")
    return session
