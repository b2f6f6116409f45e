"""Everyone comes within ten seconds and stays: what the platform does day and night."""

from __future__ import annotations

from loadtests.shapes.curve import Curve

ARRIVAL = 10.0
"""Seconds in which all users arrive; shorter tests take a quarter of their time."""


def users_at(second: float, *, users: int, seconds: float) -> int | None:
    """Users ``second`` seconds after the start; None: the test is over."""
    if second >= seconds:
        return None
    arrival = min(ARRIVAL, seconds / 4)
    return max(1, min(users, round(users * second / arrival)))


class Steady(Curve):
    def users_at(self, second: float) -> int | None:
        return users_at(second, users=self.users, seconds=self.seconds)
