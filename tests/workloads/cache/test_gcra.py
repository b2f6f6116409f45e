"""The limiter's Lua arithmetic against a model in exact integers, in virtual time."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.service
SECOND = 1_000_000
START = 1_795_000_000 * SECOND
GCRA = (files("reelplane_workloads.cache") / "lua" / "gcra.lua").read_text()
TAKE = GCRA + "return take(KEYS[1], ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]))"
GIVE = GCRA + "return give(KEYS[1], ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]))"


class Bucket:
    """GCRA as a leaky bucket: ``level`` is how many microseconds' worth of tokens are taken at ``now``."""

    def __init__(self, interval: int, burst: int) -> None:
        self.interval, self.burst, self.level = interval, burst, 0

    def pass_time(self, microseconds: int) -> None:
        self.level = max(0, self.level - microseconds)

    def take(self, cost: int) -> list[int]:
        wanted, room = min(cost, self.burst) * self.interval, self.burst * self.interval - self.level
        if wanted > room:
            return [0, room // self.interval, self.level, wanted - room]
        self.level += wanted
        return [1, (room - wanted) // self.interval, self.level, 0]

    def give(self, cost: int) -> None:
        self.level = max(0, self.level - min(cost, self.burst) * self.interval)


# Steps of ten seconds: a key's TTL runs in real time, and none must run out while an example's virtual time stands.
tens = st.integers(min_value=0, max_value=30).map(lambda n: n * 10 * SECOND)
steps = st.lists(
    st.tuples(st.sampled_from(["take", "take", "take", "give"]), tens, st.integers(1, 6)), max_size=15
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(interval=st.integers(1, 12).map(lambda n: n * 10 * SECOND), burst=st.integers(1, 5), steps=steps)
def test_lua_agrees_with_the_model(
    valkey: Any, interval: int, burst: int, steps: list[tuple[str, int, int]]
) -> None:
    with redis.Redis(unix_socket_path=str(valkey.socket)) as client:
        client.flushall()
        model, now = Bucket(interval, burst), START
        for kind, passed, cost in steps:
            now += passed
            model.pass_time(passed)
            if kind == "take":
                assert client.eval(TAKE, 1, "bucket", interval, burst, cost, now) == model.take(cost)
            else:
                client.eval(GIVE, 1, "bucket", interval, burst, cost, now)
                model.give(cost)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(interval=st.integers(1, 60 * SECOND), burst=st.integers(1, 1000))
def test_who_waits_as_told_is_let_in_and_a_microsecond_earlier_is_not(
    valkey: Any, interval: int, burst: int
) -> None:
    with redis.Redis(unix_socket_path=str(valkey.socket)) as client:

        def take(key: str, now: int) -> Any:
            return client.eval(TAKE, 1, key, interval, burst, 1, now)

        client.flushall()
        for key in ("early", "patient"):
            with client.pipeline(transaction=True) as both:
                both.eval(TAKE, 1, key, interval, burst, burst, START)
                both.persist(key)  # real time must not pass for a bucket of microseconds
                taken, _ = both.execute()
            assert taken[0] == 1
        allowed, _, _, wait = take("early", START)
        assert (allowed, wait) == (0, interval)
        assert take("early", START + wait - 1)[0] == 0
        assert take("patient", START + wait)[0] == 1


def test_an_idle_bucket_leaves_no_key(valkey: Any) -> None:
    with redis.Redis(unix_socket_path=str(valkey.socket)) as client:
        client.eval(TAKE, 1, "bucket", 20 * SECOND, 3, 2, START)
        assert 0 < client.pttl("bucket") <= 40_000  # type: ignore[operator]
