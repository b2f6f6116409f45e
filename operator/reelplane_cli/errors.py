"""What is said to a person instead of a traceback: what was wrong, and what would be right."""

from __future__ import annotations

from reelplane_cli.exits import FAILED


class Failure(Exception):
    """Ends the command with ``code``; ``message`` says what, ``fix`` what would be right."""

    def __init__(self, message: str, fix: str = "", *, code: int = FAILED) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix
        self.code = code
