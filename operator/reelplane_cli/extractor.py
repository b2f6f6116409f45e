"""``reelplane extractor``: yt-dlp in a folder of its own, renewed without touching the platform's environment.

Sites change weekly, so the extractor has a clock of its own. A version is installed beside the folder, tried,
and then swapped in by renaming; the one before stays as ``<folder>.previous``. Each job starts a new process,
so the next job uses it; nothing is restarted.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

from reelplane_cli.errors import Failure
from reelplane_cli.exits import FAILED

_LOCK = Path(__file__).parents[2] / "requirements" / "extractor.txt"
"""The pinned, hashed set; in a checkout only."""
_TRY = "import yt_dlp, yt_dlp.version; print(yt_dlp.version.__version__)"


def installed(folder: Path) -> dict[str, str]:
    """Distributions in the folder: name -> version. Empty when nothing is installed."""
    return {
        found.metadata["Name"].lower().replace("_", "-"): found.version
        for found in metadata.distributions(path=[str(folder)])
    }


def pinned(lock: Path = _LOCK) -> str | None:
    """The yt-dlp version of the lock; None where there is no lock."""
    try:
        found = re.search(r"^yt-dlp==([^\s\\]+)", lock.read_text(), re.MULTILINE)
    except OSError:
        return None
    return found[1] if found else None


def install(version: str, folder: Path, *, lock: Path = _LOCK) -> str:
    """Install ``version`` (a release, ``latest`` or ``pinned``) into ``folder``; returns the version it reports.

    The pinned version comes from the lock with hashes, also when it is named by number. Raises Failure, and
    leaves the folder as it was, when it cannot be installed or does not start.
    """
    requirements = _requirements(version, lock)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as scratch:
        fresh = Path(scratch) / "new"
        pip = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--quiet"]
        if subprocess.run([*pip, "--target", str(fresh), *requirements], check=False).returncode:  # noqa: S603
            raise Failure(f"yt-dlp {version} could not be installed", "pip said why above", code=FAILED)
        reported = _try(fresh)
        _swap(fresh, folder)
    return reported


def _requirements(version: str, lock: Path) -> list[str]:
    pin = pinned(lock)
    if version in ("pinned", pin):
        if pin is None:
            raise Failure(
                "there is no lock with a pinned version here", "name a version, or `latest`", code=FAILED
            )
        return ["--require-hashes", "--requirement", str(lock)]
    if version != "latest" and not re.fullmatch(r"[0-9]{4}(\.[0-9]+){2,3}(\.?[a-z0-9]+)*", version):
        raise Failure(
            f"{version!r} is not a yt-dlp version", "write e.g. 2026.10.26, or `latest`", code=FAILED
        )
    exact = "yt-dlp" if version == "latest" else f"yt-dlp=={version}"
    return ["--upgrade", exact, *_helpers()]


def _helpers() -> list[str]:
    """What yt-dlp is given beside itself: this distribution's ``extractor`` extra."""
    found = []
    for line in metadata.requires("reelplane") or ():
        name, _, marker = line.partition(";")
        if "extra" in marker and "extractor" in marker and not name.startswith("yt-dlp>"):
            found.append(name.strip())
    return found


def _try(folder: Path) -> str:
    """Start it once, from nowhere else than ``folder``."""
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    answer = subprocess.run(  # noqa: S603
        [sys.executable, "-S", "-c", _TRY], env=environment, capture_output=True, text=True, check=False
    )
    if answer.returncode:
        last = answer.stderr.strip().splitlines()[-1:] or ["no reason given"]
        raise Failure(
            f"the new yt-dlp does not start: {last[0]}", "the old one is still in place", code=FAILED
        )
    return answer.stdout.strip()


def _swap(fresh: Path, folder: Path) -> None:
    previous = folder.with_name(f"{folder.name}.previous")
    if folder.exists():
        shutil.rmtree(previous, ignore_errors=True)
        folder.rename(previous)
    fresh.rename(folder)
