"""``<state>/<platform>/supervisor.json``: what runs, for ``status``, ``down``, ``plan`` and the next ``up``.

Written by the supervisor alone, whole and atomically, after every change. Mode 0600. docs: the fields are the
dataclasses below, in camelCase; ``schema`` is 1, and readers refuse any other.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic.alias_generators import to_camel

from reelplane_cli.local.identity import ProcessId

NAME = "supervisor.json"
_SCHEMA = 1
_T = TypeVar("_T")

ProcessState = Literal["starting", "ready", "unready", "backoff", "draining"]
PlatformState = Literal["starting", "ready", "draining", "stopped", "failed"]


@dataclass(frozen=True, slots=True)
class ProcessRecord:
    name: str
    """Instance: ``api-0``, ``worker-3``, ``valkey``."""
    group: str
    role: str
    pid: int
    """0 while it waits to be started again."""
    started: str
    """Start mark of the pid; see ``identity``."""
    address: str | None
    """Its own ``http://127.0.0.1:port`` (probes, metrics, direct access); None for a store."""
    state: ProcessState
    restarts: int
    since: float
    """When this run of it started, seconds since the epoch."""
    fingerprint: str
    """Of its argv, document and secrets: differs from the plan's when it must be replaced."""
    last_exit: str | None = None

    @property
    def id(self) -> ProcessId:
        return ProcessId(self.pid, self.started)


@dataclass(frozen=True, slots=True)
class Record:
    platform: str
    pipeline: str
    pid: int
    started: str
    """Start mark of the supervisor."""
    url: str
    state: PlatformState
    since: float
    processes: tuple[ProcessRecord, ...] = ()

    @property
    def id(self) -> ProcessId:
        return ProcessId(self.pid, self.started)

    def as_dict(self) -> dict[str, Any]:
        """As it stands in the file."""
        return {"schema": _SCHEMA, **_camel(asdict(self))}

    def write(self, folder: Path) -> None:
        temporary = folder / f".{NAME}.{os.getpid()}"
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(self.as_dict(), file, indent=2)
            file.write("\n")
        temporary.replace(folder / NAME)

    @classmethod
    def read(cls, folder: Path) -> Record | None:
        """The record in a platform's folder; None when there is none, or one that this version cannot read."""
        try:
            value = json.loads((folder / NAME).read_text())
            if value["schema"] != _SCHEMA:
                return None
            processes = tuple(_build(ProcessRecord, each) for each in value["processes"])
            return _build(cls, {**value, "processes": processes})
        except (OSError, ValueError, KeyError, TypeError):
            return None


def _build(kind: type[_T], value: dict[str, Any]) -> _T:
    return kind(**{each.name: value[to_camel(each.name)] for each in fields(kind)})  # type: ignore[arg-type]


def _camel(value: Any) -> Any:
    if isinstance(value, dict):
        return {to_camel(key): _camel(each) for key, each in value.items()}
    return [_camel(each) for each in value] if isinstance(value, (list, tuple)) else value
