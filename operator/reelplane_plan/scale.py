"""The scaling rule: how many workers a backlog deserves. One rule, here and on a cluster.

    wanted = clamp(ceil((waiting + running) / queue_length_per_worker), min, max)

Running jobs count: a list-length trigger that forgets them takes workers away from under their work. Growing
happens at once. Shrinking happens only to the highest number wanted during the last ``stabilisation`` seconds
(the rule of Kubernetes' HorizontalPodAutoscaler), and never takes a worker that is busy.

State is a value: ``step`` takes the time and the last state, and returns the next one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ScalingRule:
    """``minimum`` and ``maximum`` workers, jobs each should have, seconds a lower number must last."""

    minimum: int
    maximum: int
    queue_length_per_worker: int
    stabilisation: int = 30


@dataclass(frozen=True, slots=True)
class WorkerLoad:
    """One worker as the platform reports it. ``draining`` ones take no new jobs and are already on their way."""

    instance: str
    busy: int
    draining: bool = False


@dataclass(frozen=True, slots=True)
class ScaleState:
    """What was wanted lately: (seconds of a monotonic clock, wanted), falling, oldest first."""

    window: tuple[tuple[float, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """``target`` workers shall run; ``retire`` are the ones to stop now, all of them idle."""

    target: int
    retire: tuple[str, ...] = ()


def wanted(rule: ScalingRule, *, waiting: int, running: int) -> int:
    """The rule itself; the ceiling is taken in integers, so that no backlog is rounded away."""
    backlog = max(0, waiting) + max(0, running)
    return min(rule.maximum, max(rule.minimum, -(-backlog // rule.queue_length_per_worker)))


def step(
    rule: ScalingRule,
    state: ScaleState,
    *,
    now: float,
    waiting: int,
    running: int,
    workers: Sequence[WorkerLoad],
) -> tuple[ScaleState, Decision]:
    """Decide for this moment. ``now`` is seconds of any monotonic clock; ``workers`` are the running ones.

    The window keeps only entries that can still be the highest one: a later entry that is as high makes an
    earlier one irrelevant, so it stays short however long the platform runs.
    """
    want = wanted(rule, waiting=waiting, running=running)
    kept = [(at, value) for at, value in state.window if at > now - rule.stabilisation and value > want]
    window = (*kept, (now, want))
    active = [worker for worker in workers if not worker.draining]
    highest = window[0][1]
    if highest >= len(active):
        return ScaleState(window), Decision(max(want, min(highest, len(active))))
    idle = sorted((worker for worker in active if worker.busy == 0), key=_youngest_first)
    retire = tuple(worker.instance for worker in idle[: len(active) - highest])
    return ScaleState(window), Decision(len(active) - len(retire), retire)


def _youngest_first(worker: WorkerLoad) -> tuple[int, str]:
    """Highest index first, so that the names of the ones that stay are dense."""
    head, _, index = worker.instance.rpartition("-")
    return (-int(index), head) if index.isdecimal() else (0, worker.instance)
