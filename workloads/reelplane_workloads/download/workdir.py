"""Work folders: one per flight, kept between attempts so that a transfer goes on where it was cut off.

Whoever writes in a folder holds the lock file in it, and so do its FFmpeg processes. A folder is removed only
under its lock: neither two writers nor a writer and a remover ever meet in one.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import time
from pathlib import Path

LOCK = ".lock"
MAX_AGE = 86_400
"""Seconds after which a folder that nobody holds is not going to be resumed."""


def lock(folder: Path) -> int | None:
    """Create ``folder`` if need be and lock it. Returns the descriptor that holds the lock, None when it is held."""
    while True:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            continue  # removed between the two lines
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(descriptor).st_ino == (folder / LOCK).stat().st_ino:
                return descriptor
        except BlockingIOError:
            os.close(descriptor)
            return None
        except FileNotFoundError:
            pass
        os.close(descriptor)  # locked, but the file had been removed meanwhile


def claim(folder: Path) -> tuple[Path, int]:
    """Lock ``folder``, or the first free sibling ``<name>.2``, ``<name>.3``, …: a stale child may still write there."""
    number, candidate = 1, folder
    while (held := lock(candidate)) is None:
        number += 1
        candidate = folder.with_name(f"{folder.name}.{number}")
    return candidate, held


def discard(folder: Path) -> bool:
    """Remove ``folder`` and what is in it, unless somebody holds it. False when it is held."""
    if not folder.is_dir():
        return True
    held = lock(folder)
    if held is None:
        return False
    try:
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(held)
    return True


def discard_flight(root: Path, flight_id: str) -> None:
    """Remove the folders of a flight that will not be resumed."""
    for folder in [root / flight_id, *root.glob(f"{flight_id}.*")]:
        discard(folder)


def clean_abandoned(root: Path, *, now: float | None = None, max_age: float = MAX_AGE) -> list[Path]:
    """Remove folders below ``root`` untouched for ``max_age`` seconds that nobody holds. Returns those removed.

    ``now``: seconds since the epoch, by the clock of the file system; None: this machine's.
    """
    now = time.time() if now is None else now
    removed = []
    for folder in sorted(root.iterdir()) if root.is_dir() else []:
        with contextlib.suppress(FileNotFoundError):
            newest = (
                max(path.stat().st_mtime for path in (folder, *folder.iterdir())) if folder.is_dir() else now
            )
            if now - newest > max_age and discard(folder):
                removed.append(folder)
    return removed
