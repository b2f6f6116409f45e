"""What the recorder asks of the process that runs programs, and what it hears back."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Request:
    """One run."""

    entry: str
    """The program's file."""
    stack: str
    engine: str
    """Address of the engine and of the resource monitor."""
    preview: bool
    config: dict[str, str] = field(default_factory=dict)
    preload: tuple[str, ...] = ()
    """Modules to import before the fork, so that the next run finds them."""


@dataclass(frozen=True, slots=True)
class Reply:
    """How it ended. ``error`` is empty for a run that went well."""

    error: str = ""
    resource: str = ""
    """Name of the resource that was being made."""
    source: str = ""
    """``file:line`` in the program."""
