#!/usr/bin/env python3
"""Prepares the build context of one of our images: wheels for the image's own Python, locks, sources.

    python images/context.py workloads|operator|extractor FOLDER [--python 3.11.2] [--arch x86_64]

Wheels are downloaded here, hashes checked, and the build installs them without any network: the image's Python is
another one than this, perhaps on another architecture, and an index that is reached from here need not be reached
from inside a build. The folder holds what the Containerfile copies and nothing else; what is there is reused.

Needs pip and packaging in the Python that runs it (`make images` uses the development environment).
"""

from __future__ import annotations

import argparse
import hashlib
import platform
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
DEBIAN_PYTHON = "3.11.2"
"""Of Debian 12, which the Containerfiles start from."""
_GLIBC = 36
"""Minor version of Debian 12's C library: wheels for older ones fit, too."""


@dataclass(frozen=True, slots=True)
class Image:
    locks: tuple[str, ...]
    """Names in requirements/; each is installed into a folder of its own."""
    packages: tuple[str, ...] = ()
    """Folders of our own packages, from the root of the tree."""


IMAGES = {
    "workloads": Image(("workloads", "extractor"), ("crds/reelplane_crds", "workloads/reelplane_workloads")),
    "operator": Image(
        ("operator",), ("crds/reelplane_crds", "operator/reelplane_plan", "operator/reelplane_operator")
    ),
    "extractor": Image(("extractor",)),
}


def prepare(image: Image, folder: Path, python: str, arch: str) -> None:
    """Make ``folder`` the build context of ``image``. Raises CalledProcessError when wheels cannot be had."""
    folder.mkdir(parents=True, exist_ok=True)
    for lock in image.locks:
        _lock(ROOT / "requirements" / f"{lock}.txt", folder / lock, python, arch)
    source = folder / "source"
    shutil.rmtree(source, ignore_errors=True)
    source.mkdir()
    if image.packages:
        _describe(source)
    for package in image.packages:
        leave = shutil.ignore_patterns("__pycache__", "*.pyc")
        shutil.copytree(ROOT / package, source / Path(package).name, ignore=leave)


def _lock(lock: Path, folder: Path, python: str, arch: str) -> None:
    """``folder/lock.txt``: what of the lock the image's Python needs; ``folder/wheels``: exactly that."""
    wanted = selected(lock.read_text(), python, arch)
    stamp = folder / "complete"
    # What is asked of pip below is part of what was downloaded.
    state = hashlib.sha256(f"{python} {arch}\n{wanted}".encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == state:
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "lock.txt").write_text(wanted)
    platforms = [f"manylinux_2_{minor}_{arch}" for minor in range(_GLIBC, 4, -1)]
    # Older pips do not know that these two are manylinux_2_17 and manylinux_2_5.
    platforms += [f"manylinux2014_{arch}", f"manylinux1_{arch}", f"linux_{arch}"]
    options = [word for name in platforms for word in ("--platform", name)]
    subprocess.run(  # noqa: S603 - the words are ours
        [
            *(sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--quiet"),
            # Of the few that publish no wheel, the source is taken, and the build makes a wheel of it.
            *("--require-hashes", "--no-deps", "--prefer-binary", "--dest", str(folder / "wheels")),
            *("--implementation", "cp", "--python-version", python.rpartition(".")[0].replace(".", "")),
            *(*options, "--requirement", str(folder / "lock.txt")),
        ],
        check=True,
    )
    stamp.write_text(state)


def selected(lock: str, python: str, arch: str) -> str:
    """The requirements of a lock whose markers hold in the image, without the markers.

    pip judges markers by the Python that it runs in, even when it is asked for another one's wheels.
    """
    there = {
        "implementation_name": "cpython",
        "implementation_version": python,
        "os_name": "posix",
        "platform_machine": arch,
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": python,
        "python_version": python.rpartition(".")[0],
        "sys_platform": "linux",
    }
    selected = []
    # An entry is a line that starts with a name and goes on over lines that are indented.
    for entry in re.findall(r"^[A-Za-z0-9].*(?:\n[ \t].*)*", lock, flags=re.MULTILINE):
        head, *rest = (line.strip().removesuffix("\\").strip() for line in entry.splitlines())
        requirement = Requirement(head)
        hashes = [line for line in rest if line.startswith("--hash=")]
        if requirement.marker is None or requirement.marker.evaluate(there):
            selected.append(" \\\n    ".join([f"{requirement.name}{requirement.specifier}", *hashes]))
    return "\n".join(selected) + "\n"


def _describe(source: Path) -> None:
    """Metadata of our distribution, by which the packages know their version; nothing is installed by it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    folder = source / f"{project['name']}-{project['version']}.dist-info"
    folder.mkdir()
    lines = ("Metadata-Version: 2.1", f"Name: {project['name']}", f"Version: {project['version']}")
    (folder / "METADATA").write_text("\n".join(lines) + "\n")


def main() -> str | None:
    parser = argparse.ArgumentParser(description="Prepare the build context of one of our images.")
    parser.add_argument("image", choices=sorted(IMAGES))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--python", default=DEBIAN_PYTHON, help="version of the image's Python")
    parser.add_argument("--arch", default={"arm64": "aarch64"}.get(platform.machine(), platform.machine()))
    arguments = parser.parse_args()
    try:
        prepare(IMAGES[arguments.image], arguments.folder, arguments.python, arguments.arch)
    except subprocess.CalledProcessError as error:
        return f"wheels for {arguments.image}: pip download ended with {error.returncode}"
    return None


if __name__ == "__main__":
    sys.exit(main())
