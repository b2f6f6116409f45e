"""The scaling rule: within its bounds, never down under work, never up or down on a whim."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reelplane_plan.scale import ScaleState, ScalingRule, WorkerLoad, step, wanted

rules = st.tuples(st.integers(0, 20), st.integers(1, 40), st.integers(1, 50), st.integers(1, 60)).map(
    lambda given: ScalingRule(min(given[0], given[1]), max(given[0], given[1]), given[2], given[3])
)
counts = st.integers(0, 10_000)


def idle(number: int) -> list[WorkerLoad]:
    return [WorkerLoad(f"worker-{index}", 0) for index in range(number)]


def test_forty_jobs_at_five_per_worker_ask_for_eight_and_one_more_asks_for_nine():
    rule = ScalingRule(0, 50, 5)
    assert wanted(rule, waiting=40, running=0) == 8
    assert wanted(rule, waiting=38, running=3) == 9
    assert wanted(rule, waiting=0, running=0) == 0


@given(rules, counts, counts)
def test_the_number_stays_within_its_bounds(rule, waiting, running):
    assert rule.minimum <= wanted(rule, waiting=waiting, running=running) <= rule.maximum


@given(rules, counts, counts, st.integers(0, 1000))
def test_more_backlog_never_asks_for_fewer_workers_and_running_jobs_count_like_waiting_ones(
    rule, waiting, running, more
):
    base = wanted(rule, waiting=waiting, running=running)
    assert wanted(rule, waiting=waiting + more, running=running) >= base
    assert wanted(rule, waiting=0, running=waiting + running) == base


@given(rules, st.lists(st.tuples(st.floats(0.1, 20), counts), min_size=1, max_size=30))
def test_growing_is_immediate_and_shrinking_waits_until_no_higher_number_was_wanted_for_the_whole_window(
    rule, story
):
    state, now, running = ScaleState(), 0.0, rule.minimum
    history: list[tuple[float, int]] = []
    for pause, waiting in story:
        now += pause
        want = wanted(rule, waiting=waiting, running=0)
        history.append((now, want))
        state, decision = step(rule, state, now=now, waiting=waiting, running=0, workers=idle(running))
        recent = max(value for at, value in history if at > now - rule.stabilisation)
        assert decision.target == max(want, min(running, recent))
        assert len(decision.retire) == max(0, running - decision.target)
        running = decision.target


@given(rules, st.lists(st.integers(0, 3), max_size=20), counts)
def test_a_busy_worker_is_never_retired_and_the_minimum_always_stays(rule, busy, waiting):
    workers = [WorkerLoad(f"worker-{index}", jobs) for index, jobs in enumerate(busy)]
    _, decision = step(rule, ScaleState(), now=0.0, waiting=waiting, running=sum(busy), workers=workers)
    loads = {worker.instance: worker.busy for worker in workers}
    assert all(loads[instance] == 0 for instance in decision.retire)
    assert len(workers) - len(decision.retire) >= min(rule.minimum, len(workers))


def test_of_idle_workers_the_ones_with_the_highest_numbers_go_first():
    _, decision = step(ScalingRule(1, 20, 5), ScaleState(), now=0.0, waiting=0, running=0, workers=idle(12))
    assert decision.retire[:3] == ("worker-11", "worker-10", "worker-9")
    assert "worker-0" not in decision.retire


def test_draining_workers_are_replaced_when_there_is_work_and_not_stopped_twice():
    workers = [WorkerLoad("worker-0", 2, draining=True), WorkerLoad("worker-1", 0)]
    _, decision = step(ScalingRule(1, 4, 5), ScaleState(), now=0.0, waiting=8, running=2, workers=workers)
    assert (decision.target, decision.retire) == (2, ())


@given(st.lists(st.tuples(st.floats(0.01, 5), counts), max_size=300))
def test_the_remembered_window_stays_short_however_long_it_runs(story):
    rule, state, now = ScalingRule(0, 8, 5), ScaleState(), 0.0
    for pause, waiting in story:
        now += pause
        state, _ = step(rule, state, now=now, waiting=waiting, running=0, workers=[])
        assert len(state.window) <= rule.maximum + 1
