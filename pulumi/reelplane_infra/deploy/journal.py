"""What was carried out, so that a run that broke is taken up again: a file per environment, a fingerprint per stack.

A fingerprint covers what a stack is made from: its config, the programs' sources and the fingerprints of the stacks
that it reads. One byte more or less in any of them, and the stack runs again. The file is a memory, not the state,
which is Pulumi's: a stack that is in the journal and not there runs again too.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from threading import Lock

from reelplane_infra.stack import StackName


class JournalError(Exception):
    """A journal that cannot be read: which file, and that it may be removed."""


class Journal:
    """The file ``<folder>/<environment>.json``. Safe to use from the threads of one process."""

    def __init__(self, folder: Path, environment: str) -> None:
        """Raises JournalError."""
        self.path = folder / f"{environment}.json"
        self._lock = Lock()
        self._done = self._read()

    def has(self, stack: StackName, fingerprint: str) -> bool:
        return self._done.get(str(stack)) == fingerprint

    def add(self, stack: StackName, fingerprint: str) -> None:
        self._write(str(stack), fingerprint)

    def remove(self, stack: StackName) -> None:
        """Before a stack is changed: from there on nobody knows what it is."""
        self._write(str(stack), None)

    def _read(self) -> dict[str, str]:
        if not self.path.exists():
            return {}
        try:
            data = json.loads(self.path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise JournalError(
                f"{self.path}: not JSON ({error}); without the file every stack runs again"
            ) from error
        return {str(stack): str(fingerprint) for stack, fingerprint in data.items()}

    def _write(self, stack: str, fingerprint: str | None) -> None:
        """Replaces the file at once, so that a run that is killed leaves the old one or the new one."""
        with self._lock:
            self._done.pop(stack, None)
            if fingerprint is not None:
                self._done[stack] = fingerprint
            self.path.parent.mkdir(parents=True, exist_ok=True)
            new = self.path.with_suffix(".new")
            new.write_text(json.dumps(self._done, indent=2, sort_keys=True) + "\n", encoding="utf-8")
            os.replace(new, self.path)


def fingerprint(config: Mapping[str, str], sources: str, upstream: Iterable[str]) -> str:
    """Of a stack: its config, the digest of the programs, the fingerprints of what it reads."""
    text = json.dumps([dict(sorted(config.items())), sources, sorted(upstream)])
    return hashlib.sha256(text.encode()).hexdigest()


def sources(folder: Path) -> str:
    """The digest of every program and document below ``folder``, by path."""
    digest = hashlib.sha256()
    for path in sorted((*folder.rglob("*.py"), *folder.rglob("*.yaml"))):
        digest.update(f"{path.relative_to(folder)}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
