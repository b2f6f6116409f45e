"""How far the workloads of an owner are, from what their controllers say. Pure.

Done means: the controller has seen the manifest, every pod is of it, and as many are available as must be. How
many must be is the least that an autoscaler may leave, so that scaling up under load is no rollout, and a worker
that may scale to zero is done with no pod at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reelplane_operator.reconcile.children import Wanted
from reelplane_operator.reconcile.keys import ChildId
from reelplane_operator.reconcile.observed import ChildState, Rollout


@dataclass(frozen=True, slots=True)
class Workload:
    """A Deployment or StatefulSet that is wanted, and how it is. ``least``: pods that must be available."""

    id: ChildId
    least: int
    rollout: Rollout | None

    @property
    def behind(self) -> str:
        """What is still to come, for a person; empty when it is done."""
        at = self.rollout
        if at is None:
            return f"{self.id} does not exist yet"
        if 0 < at.observed < at.generation:
            return f"{self.id} was changed a moment ago"
        if at.updated < at.current:
            return f"{self.id}: {at.updated} of {at.current} pods are updated"
        if at.available < self.least:
            return f"{self.id}: {at.available} of {self.least} pods are available"
        return ""

    @property
    def problem(self) -> str:
        """Why it does not get on, for a person; empty when it does."""
        at = self.rollout
        return f"{self.id}: {at.problem}" if at and at.problem and self.behind else ""

    @property
    def available(self) -> bool:
        """Whether it does its work now, be it with fewer or older pods than wanted."""
        return self.rollout is not None and (self.rollout.available > 0 or self.least == 0)

    @property
    def pods(self) -> tuple[int, int]:
        """Ready and wanted. A new one is told its autoscaler's least before the autoscaler says so."""
        return (self.rollout.ready, max(self.rollout.wanted, self.least)) if self.rollout else (0, self.least)


def workloads(wanted: Iterable[Wanted], live: Mapping[ChildId, ChildState]) -> tuple[Workload, ...]:
    """The workloads among the wanted children, in their order."""
    found = []
    for each in wanted:
        if each.least is not None:
            state = live.get(each.id)
            found.append(Workload(each.id, each.least, state.rollout if state else None))
    return tuple(found)


def seen(live: Mapping[ChildId, ChildState]) -> tuple[Workload, ...]:
    """The workloads that are there, whatever is wanted: what is said of them while nothing may be changed."""
    found = [(name, state.rollout) for name, state in sorted(live.items()) if state.rollout is not None]
    return tuple(Workload(name, min(1, at.wanted), at) for name, at in found)


def total(found: Iterable[Workload]) -> str:
    """Ready and wanted pods of several workloads: ``12/12``."""
    pods = [each.pods for each in found]
    return f"{sum(ready for ready, _ in pods)}/{sum(wanted for _, wanted in pods)}"
