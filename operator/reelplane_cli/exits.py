"""Exit codes of ``reelplane``, the same for all commands and documented in its ``--help``."""

OK = 0
FAILED = 1
"""It was started and failed, or cannot be done here."""
WRONG_INPUT = 2
"""Wrong usage, a file that is not valid, or a plan with problems."""
NOT_RUNNING = 3
ALREADY_RUNNING = 4
