"""Builds images from Containerfiles without a registry: buildah over a base made of Debian's packages.

The base is imported under the name that the Containerfiles start FROM, so the files that are shipped are built as
they are. Nothing of buildah's is seen outside: it has a storage of its own in the cache, and a mount namespace, since
it leaves a mount behind.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.testbed.toolchain import Unavailable

BASE = "docker.io/library/debian:bookworm-slim"
_SUITE = "bookworm"
# As in Debian's own slim images: what nobody reads in a container is not unpacked.
_LEFT_OUT = ("/usr/share/man/*", "/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/info/*")
_LICENCES = "/usr/share/doc/*/copyright"


class Builder:
    """buildah with its storage in ``folder``. One at a time: who calls sees to that."""

    def __init__(self, folder: Path) -> None:
        """Raises Unavailable when a command is missing."""
        for command in ("buildah", "mmdebstrap", "unshare"):
            if shutil.which(command) is None:
                raise Unavailable(f"images are built with {command} (Debian: apt-get install {command})")
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._driver = self._working_driver()

    def build(self, containerfile: Path, context: Path, reference: str) -> None:
        """Build ``containerfile`` as ``reference``; steps whose inputs are the same are not repeated."""
        self._make_base()
        self._buildah(
            *("build", "--layers", "--isolation=chroot", "--network=host", "--pull-never", "--quiet"),
            *("--file", str(containerfile), "--tag", reference, str(context)),
        )

    def export(self, reference: str, archive: Path) -> None:
        """Write an image as an archive that containerd imports by its name. Its layers are not compressed."""
        archive.parent.mkdir(parents=True, exist_ok=True)
        new = archive.with_name(archive.name + ".new")
        new.unlink(missing_ok=True)
        self._buildah("push", "--quiet", reference, f"docker-archive:{new}:{reference}")
        new.replace(archive)

    def _make_base(self) -> None:
        if self._buildah("images", "--quiet", "--filter", f"reference={BASE}").strip():
            return
        with tempfile.TemporaryDirectory(dir=self._folder) as place:
            tree = Path(place) / "base.tar"
            options = [f"--dpkgopt=path-exclude={pattern}" for pattern in _LEFT_OUT]
            options.append(f"--dpkgopt=path-include={_LICENCES}")
            _run("mmdebstrap", "--quiet", "--variant=minbase", *options, _SUITE, str(tree))
            (container,) = self._buildah("from", "scratch").split()
            self._buildah("add", "--quiet", container, str(tree), "/")
            self._buildah("config", "--cmd", "/bin/bash", container)
            self._buildah("commit", "--quiet", "--rm", container, BASE)

    def _working_driver(self) -> str:
        """``overlay`` where the file system takes it; else ``vfs``, which copies every layer whole."""
        try:
            _run(*self._command("overlay"), "info")
        except Unavailable:
            return "vfs"
        return "overlay"

    def _buildah(self, *arguments: str) -> str:
        return _run(*self._command(self._driver), *arguments)

    def _command(self, driver: str) -> Sequence[str]:
        storage = self._folder / driver
        own = ("unshare", "--mount", "buildah")
        return (*own, "--root", f"{storage}/root", "--runroot", f"{storage}/run", "--storage-driver", driver)


def _run(*argv: str) -> str:
    environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(Path.home())}
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=environment)
    if done.returncode != 0:
        command = next(word for word in argv if word in ("buildah", "mmdebstrap"))
        raise Unavailable(f"{command} failed: {(done.stderr or done.stdout).strip()[-2000:]}")
    return done.stdout
