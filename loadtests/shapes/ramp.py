"""From one user to all of them, evenly: where does it begin to bend?"""

from __future__ import annotations

from locust import LoadTestShape


def users_at(second: float, *, users: int, seconds: float) -> int | None:
    """Users ``second`` seconds after the start; all of them are there for the last tenth. None: the test is over."""
    if second >= seconds:
        return None
    return max(1, min(users, round(users * second / (0.9 * seconds))))


class Ramp(LoadTestShape):
    def __init__(self, users: int, seconds: float) -> None:
        super().__init__()
        self.users, self.seconds = users, seconds

    def tick(self) -> tuple[int, float] | None:
        now = users_at(self.get_run_time(), users=self.users, seconds=self.seconds)
        return None if now is None else (now, self.users)
