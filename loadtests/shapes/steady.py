"""Everyone comes within ten seconds and stays: what the platform does day and night."""

from __future__ import annotations

from locust import LoadTestShape

ARRIVAL = 10.0
"""Seconds in which all users arrive; shorter tests take a quarter of their time."""


def users_at(second: float, *, users: int, seconds: float) -> int | None:
    """Users ``second`` seconds after the start; None: the test is over."""
    if second >= seconds:
        return None
    arrival = min(ARRIVAL, seconds / 4)
    return max(1, min(users, round(users * second / arrival)))


class Steady(LoadTestShape):
    def __init__(self, users: int, seconds: float) -> None:
        super().__init__()
        self.users, self.seconds = users, seconds

    def tick(self) -> tuple[int, float] | None:
        now = users_at(self.get_run_time(), users=self.users, seconds=self.seconds)
        return None if now is None else (now, self.users)
