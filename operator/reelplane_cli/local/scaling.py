"""The scaling loop: once a second what the platform reports goes through the shared rule, and a group follows.

    GET /v1/status ──parse──► Report ──reelplane_plan.scale.step──► grow to target / retire idle ones

No report (the API restarts, the database is away) means no decision: nothing is scaled blindly.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from reelplane_plan.scale import ScaleState, ScalingRule, WorkerLoad, step

StatusSource = Callable[[], Awaitable[dict[str, Any] | None]]
"""Asks the platform for the JSON of GET /v1/status; None when nobody can tell right now."""

_PERIOD = 1.0


@dataclass(frozen=True, slots=True)
class Report:
    """What scaling reads of /v1/status: ``queue.waiting``, ``queue.running``, ``workers[].id|busy``."""

    waiting: int
    running: int
    busy: Mapping[str, int]
    """Jobs per worker id: the instance's name, alone or with a suffix that tells its runs apart (``worker-3-…``)."""

    @classmethod
    def parse(cls, status: Mapping[str, Any]) -> Report | None:
        """None when the fields are not there: an API that is not ours, or a version that cannot be read."""
        try:
            queue = status["queue"]
            busy: dict[str, int] = {}
            for worker in status["workers"]:
                busy[str(worker["id"])] = int(worker["busy"])
            return cls(int(queue["waiting"]), int(queue["running"]), busy)
        except (KeyError, TypeError, ValueError):
            return None


class Scalable(Protocol):
    """A group of processes whose size may change."""

    def members(self) -> list[tuple[str, bool, bool]]:
        """Instance, whether it is ready, whether it is draining."""

    def grow(self, target: int) -> None: ...

    def retire(self, instances: tuple[str, ...]) -> None: ...


async def follow(rule: ScalingRule, group: Scalable, source: StatusSource) -> None:
    """Keep ``group`` at the size its backlog deserves, until cancelled."""
    state = ScaleState()
    while True:
        await asyncio.sleep(_PERIOD)
        status = await source()
        report = Report.parse(status) if status is not None else None
        if report is None:
            continue
        # Re-read after the await: what was a member before the question may be gone.
        loads = loads_of(group.members(), report)
        state, decision = step(
            rule,
            state,
            now=time.monotonic(),
            waiting=report.waiting,
            running=report.running,
            workers=loads,
        )
        group.retire(decision.retire)
        group.grow(decision.target)


def loads_of(members: list[tuple[str, bool, bool]], report: Report) -> list[WorkerLoad]:
    """A ready worker that the platform does not list counts as busy: it is not taken on a guess."""
    return [
        WorkerLoad(instance, busy=_busy(instance, report, unknown=1 if ready else 0), draining=draining)
        for instance, ready, draining in members
    ]


def _busy(instance: str, report: Report, *, unknown: int) -> int:
    """A run that has just died may still be listed beside its successor: their jobs count together."""
    listed = [jobs for id, jobs in report.busy.items() if id == instance or id.startswith(f"{instance}-")]
    return sum(listed) if listed else unknown
