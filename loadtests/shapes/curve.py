"""A pure function of the second as a locust shape."""

from __future__ import annotations

from abc import abstractmethod

from locust import LoadTestShape

SPAWN_RATE = 100
"""Users that come or go per second at the most: beyond this locust is busy with itself, and warns of it."""


class Curve(LoadTestShape):
    """``users`` at the most, for ``seconds``."""

    def __init__(self, users: int, seconds: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.users, self.seconds = users, seconds

    @abstractmethod
    def users_at(self, second: float) -> int | None:
        """Users ``second`` seconds after the start, 1 to ``users``; None: the test is over."""

    def tick(self) -> tuple[int, float] | None:
        """What locust asks every second: users and how fast they come."""
        now = self.users_at(self.get_run_time())  # type: ignore[no-untyped-call]
        return None if now is None else (now, min(self.users, SPAWN_RATE))
