"""A link goes viral: a few friends, then everybody within moments, then it ebbs away with half of them every tenth."""

from __future__ import annotations

from locust import LoadTestShape

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
    return max(1, round(users * 0.5 ** ((part - PEAK) * 10)))


class Spike(LoadTestShape):
    def __init__(self, users: int, seconds: float) -> None:
        super().__init__()
        self.users, self.seconds = users, seconds

    def tick(self) -> tuple[int, float] | None:
        now = users_at(self.get_run_time(), users=self.users, seconds=self.seconds)
        return None if now is None else (now, self.users)
