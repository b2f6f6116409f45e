"""Promises of the shapes: never more users than asked for, somebody is always there, and it ends on time."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.scenarios import SCENARIOS
from loadtests.shapes import ramp, spike, steady

UsersAt = Callable[..., int | None]
ALL: list[UsersAt] = [ramp.users_at, spike.users_at, steady.users_at]


@pytest.mark.parametrize("users_at", ALL)
@given(part=st.floats(0, 3), users=st.integers(1, 10_000), seconds=st.floats(1, 10_000))
def test_a_shape_keeps_its_bounds_and_ends_on_time(
    users_at: UsersAt, part: float, users: int, seconds: float
) -> None:
    now = users_at(part * seconds, users=users, seconds=seconds)
    if part * seconds >= seconds:
        assert now is None
    elif part < 0.999:
        assert now is not None
        assert 1 <= now <= users


@pytest.mark.parametrize("users_at", ALL)
def test_everyone_comes(users_at: UsersAt) -> None:
    assert max(users_at(second, users=200, seconds=60) or 0 for second in range(60)) == 200


def test_a_spike_comes_at_once_and_ebbs() -> None:
    at = [spike.users_at(second, users=200, seconds=60) for second in (0, 5, 6, 29, 36, 59)]
    assert at == [4, 4, 200, 200, 100, 7]


def test_a_ramp_only_rises() -> None:
    counts = [ramp.users_at(second, users=50, seconds=60) for second in range(60)]
    assert counts == sorted(counts)  # type: ignore[type-var]
    assert counts[-1] == 50


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_every_scenario_has_a_shape_that_starts_with_its_users(name: str) -> None:
    scenario = SCENARIOS[name]
    shape = scenario.shape(scenario.peak, scenario.minutes * 60)
    now = shape.tick()
    assert now is not None
    assert 1 <= now[0] <= scenario.peak
    assert sum(scenario.users.values()) >= len(scenario.users)
