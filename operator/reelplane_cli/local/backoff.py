"""How long to wait before a process that ended is started again. Pure: the randomness comes in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Doubles from ``first`` to ``cap`` seconds; a run of ``stable`` seconds makes the next failure the first."""

    first: float = 0.2
    cap: float = 30.0
    stable: float = 10.0

    def failures(self, before: int, *, ran_for: float) -> int:
        """Failures in a row, counting the one that just happened after a run of ``ran_for`` seconds."""
        return 1 if ran_for >= self.stable else before + 1

    def delay(self, failures: int, jitter: float) -> float:
        """Seconds to wait; ``jitter`` in [0, 1). Half is fixed and half random ("equal jitter"), so that
        processes that died together do not come back together, yet none hammers."""
        # 2**20 times any sensible first delay is past any cap; the bound keeps the power small.
        full: float = min(self.cap, self.first * 2 ** min(failures - 1, 20))
        return full / 2 + full / 2 * jitter
