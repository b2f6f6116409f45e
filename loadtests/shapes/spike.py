"""A link goes viral: a few friends, then everybody within moments, then it ebbs away with half of them every tenth."""

from __future__ import annotations

import math

from loadtests.shapes.curve import Curve

QUIET = 0.1
"""Part of the time before the link spreads."""
PEAK = 0.5
"""Part of the time after which interest ebbs."""
FRIENDS = 0.02
"""Part of the users who know the link from the start."""


def users_at(second: float, *, users: int, seconds: float) -> int | None:
    """Users ``second`` seconds after the start; None: the test is over."""
    part = second / seconds
    if part >= 1:
        return None
    if part < QUIET:
        return max(1, round(users * FRIENDS))
    if part < PEAK:
        return users
    return max(1, round(users * math.exp2(-(part - PEAK) * 10)))


class Spike(Curve):
    def users_at(self, second: float) -> int | None:
        return users_at(second, users=self.users, seconds=self.seconds)
