"""What is said to a person instead of a traceback, and the exit codes of ``reelplane-infra``."""

from __future__ import annotations

from typing import Final

OK: Final = 0
FAILED: Final = 1
"""It was started and failed, or cannot be done here."""
WRONG_INPUT: Final = 2
"""Wrong usage, a file that is not valid, or a plan with mandatory findings."""


class Failure(Exception):
    """Ends the command with ``code``; ``message`` says what was wrong, ``fix`` what would be right."""

    def __init__(self, message: str, fix: str = "", *, code: int = FAILED) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix
        self.code = code
