"""What runs a single stack. Pulumi's is in ``automation``; a test brings its own and calls it a fake."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from reelplane_infra.stack import StackName


class EngineError(Exception):
    """A stack that did not get to its end, in the engine's words; or no engine, and where to get it."""


@dataclass(frozen=True, slots=True)
class Done:
    """What an engine changed: counts by operation ("create", "update", "same", "delete")."""

    changes: Mapping[str, int]


class Engine(Protocol):
    """Called from several threads, each time for another stack."""

    def exists(self, stack: StackName) -> bool:
        """Whether the stack has outputs, which is whether it was ever carried out. Raises EngineError."""

    def up(self, stack: StackName, config: Mapping[str, str]) -> Done:
        """Makes the stack what its program says. Raises EngineError."""

    def destroy(self, stack: StackName, config: Mapping[str, str]) -> Done:
        """Removes everything that is in the stack. Raises EngineError."""
