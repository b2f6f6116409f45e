"""The state folder of one platform: locked while it runs, private, and complete without any other place.

    <state>/<platform>/  lock  supervisor.json  documents/  secrets/  objects/  reelplane.db  valkey/  logs/  work/

Unix sockets stand in ``run/`` there, or, where that path would be too long for a socket, in a private folder
under the system's temporary one whose name is a hash of the state folder's path.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from reelplane_cli.errors import Failure
from reelplane_cli.exits import ALREADY_RUNNING, FAILED
from reelplane_cli.local.record import Record
from reelplane_plan import layout
from reelplane_plan.types import Layout, SecretFile

_SOCKET_PATH = 100
"""Bytes of a Unix socket's path that work everywhere: macOS allows 103, Linux 107."""
_LONGEST_SOCKET = len("/valkey-1234.sock")


class StateFolder:
    """``<state>/<platform>``. Nothing is made before ``create``."""

    def __init__(self, state: Path, platform: str) -> None:
        self.path = state.absolute() / platform
        self.documents = self.path / "documents"
        self.logs = self.path / "logs"

    def layout(self, extractor: Path) -> Layout:
        return layout.local(self.path, sockets=self.sockets, extractor=extractor.absolute())

    @property
    def sockets(self) -> Path:
        nearby = self.path / "run"
        if len(os.fsencode(nearby)) + _LONGEST_SOCKET <= _SOCKET_PATH:
            return nearby
        digest = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"reelplane-{os.getuid()}-{digest}"

    def create(self, places: Layout) -> None:
        """Make the folders, mode 0700. Raises Failure when one is not ours alone."""
        folders = (self.path, self.documents, self.logs, places.secrets, places.sockets, places.work)
        for folder in (*folders, places.objects, places.valkey):
            _private(folder)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the platform. Raises Failure when another supervisor has it; the kernel frees it if we die."""
        _private(self.path)
        descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                record = Record.read(self.path)
                who = f"pid {record.pid}, {record.url}" if record else "another supervisor"
                raise Failure(
                    f"platform {self.path.name!r} already runs ({who}) from {self.path}",
                    "stop it with `reelplane down`, or choose another folder with --state",
                    code=ALREADY_RUNNING,
                ) from None
            yield
        finally:
            os.close(descriptor)

    def write_document(self, name: str, text: str) -> Path:
        path = self.documents / f"{name}.json"
        _write(path, text)
        return path

    def write_secrets(self, folder: Path, files: Iterable[SecretFile]) -> None:
        """Write what is given, keep what was generated before, make what is new, remove what is not named."""
        wanted = {folder / file.name: file.content for file in files}
        for path, content in wanted.items():
            if path.parent != folder:
                _private(path.parent)
            if content is not None:
                _write(path, content.value)
            elif not path.exists():
                _write(path, secrets.token_hex(32) + "\n")
        for path in [each for each in folder.rglob("*") if each.is_file() and each not in wanted]:
            path.unlink()


def _write(path: Path, text: str) -> None:
    """Whole and atomically, mode 0600: a process that reads it meanwhile sees the old or the new."""
    temporary = path.with_name(f".{path.name}.new")
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _private(folder: Path) -> None:
    """Make ``folder`` with mode 0700, or check that it is a folder of this user that no other can enter.

    In a shared temporary folder somebody else may have made it first; lstat does not follow a link they set.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            raise Failure(
                f"{folder} is not a folder of yours", "remove it or choose another --state", code=FAILED
            )
        if found.st_mode & 0o077:
            folder.chmod(0o700)
    except OSError as error:
        raise Failure(
            f"{folder} cannot be used: {error.strerror}", "choose another --state", code=FAILED
        ) from error
