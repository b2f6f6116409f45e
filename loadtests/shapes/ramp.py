"""From one user to all of them, evenly: where does it begin to bend?"""

from __future__ import annotations

from loadtests.shapes.curve import Curve


def users_at(second: float, *, users: int, seconds: float) -> int | None:
    """Users ``second`` seconds after the start; all of them are there for the last tenth. None: the test is over."""
    if second >= seconds:
        return None
    return max(1, min(users, round(users * second / (0.9 * seconds))))


class Ramp(Curve):
    def users_at(self, second: float) -> int | None:
        return users_at(second, users=self.users, seconds=self.seconds)
