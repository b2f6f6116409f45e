"""All processes of one platform: started in order, scaled, and drained in order.

    stores ready ─► api ready ─► workers            (``ProcessSpec.after``)
    workers gone ─► api gone ─► stores gone         (``ProcessSpec.drain_stage``)

The supervisor decides nothing about what runs, that is the plan's, and keeps no state that matters: the record
in the state folder describes the processes, and if it dies the kernel ends them all.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from reelplane_cli.local.child import Child, Surroundings
from reelplane_cli.local.identity import start_mark
from reelplane_cli.local.record import PlatformState, Record
from reelplane_cli.local.scaling import StatusSource, follow
from reelplane_cli.local.sockets import get_json
from reelplane_plan.render.processes import ProcessSpec

_GIVE_UP_EXITS = 3
"""A process that ends this often without ever being ready keeps the platform from starting."""
_HURRIED = 3.0
"""Seconds a process is given once the person has asked twice: to hand its jobs back without finishing them."""
_STATUS_TIMEOUT = 2.0


class StopRequest:
    """What the person wants: the first request drains, the second hurries."""

    def __init__(self) -> None:
        self.drain = asyncio.Event()
        self.hurry = asyncio.Event()

    def __call__(self) -> None:
        (self.hurry if self.drain.is_set() else self.drain).set()


@dataclass(frozen=True, slots=True)
class Identity:
    """What the record says about the platform as a whole."""

    platform: str
    pipeline: str
    url: str
    folder: Path


class Group:
    """The processes of one spec. Slots are dense: the lowest free number is used first."""

    def __init__(self, spec: ProcessSpec, around: Surroundings, tasks: asyncio.TaskGroup) -> None:
        self.spec = spec
        self.children: dict[Child, asyncio.Task[None]] = {}
        self._around = around
        self._tasks = tasks

    @property
    def ready(self) -> int:
        return sum(child.ready.is_set() for child in self.children)

    def members(self) -> list[tuple[str, bool, bool]]:
        return [(child.name, child.ready.is_set(), child.stopping) for child in self.children]

    def grow(self, target: int) -> None:
        """Start processes until ``target`` of them run or are starting; those that drain do not count."""
        while sum(not child.stopping for child in self.children) < target:
            used = {child.slot for child in self.children}
            child = Child(self.spec, min(set(range(len(used) + 1)) - used), self._around)
            task = self._tasks.create_task(child.run(), name=child.name)
            self.children[child] = task
            task.add_done_callback(partial(self._gone, child))

    def retire(self, instances: tuple[str, ...]) -> None:
        for child in [each for each in self.children if each.name in instances]:
            self._tasks.create_task(
                end([child], {child: self.children[child]}, self.spec.grace, asyncio.Event())
            )

    def _gone(self, child: Child, _: asyncio.Task[None]) -> None:
        del self.children[child]
        self._around.changed()


async def end(
    children: Sequence[Child], tasks: dict[Child, asyncio.Task[None]], grace: float, hurry: asyncio.Event
) -> None:
    """Ask ``children`` to stop, give them ``grace`` seconds (one when hurried), then kill, and wait till gone."""
    pending = {tasks[child] for child in children}
    for child in children:
        child.stop()
    deadline = time.monotonic() + grace
    hurried = asyncio.create_task(hurry.wait())
    try:
        while pending and (left := deadline - time.monotonic()) > 0:
            done, _ = await asyncio.wait(
                {*pending, hurried}, timeout=left, return_when=asyncio.FIRST_COMPLETED
            )
            if hurried in done:
                for child in children:
                    child.hurry()
                _, pending = await asyncio.wait(pending, timeout=min(left, _HURRIED))
                break
            pending -= done
    finally:
        hurried.cancel()
    for child in children:
        if tasks[child] in pending:
            child.kill()
    if pending:
        await asyncio.wait(pending)


class Supervisor:
    """Runs ``specs`` until ``stop`` is asked for. ``source`` tells the backlog; by default the API is asked."""

    def __init__(
        self,
        identity: Identity,
        specs: Sequence[ProcessSpec],
        surroundings: Callable[[Callable[[], None]], Surroundings],
        *,
        on_ready: Callable[[], None],
        source: StatusSource | None = None,
    ) -> None:
        self._identity = identity
        self._specs = specs
        self._around = surroundings(self._changed)
        self._on_ready = on_ready
        self._source = source or self._ask_api
        self._groups: dict[str, Group] = {}
        self._state: PlatformState = "starting"
        self._mark = start_mark(os.getpid()) or ""
        self._since = time.time()
        self._pulse = asyncio.Event()

    async def run(self, stop: StopRequest) -> list[str]:
        """Returns once everything is gone: an empty list, or why it could not start and the last lines said."""
        async with asyncio.TaskGroup() as tasks:
            self._groups = {spec.name: Group(spec, self._around, tasks) for spec in self._specs}
            background = [tasks.create_task(self._start(group)) for group in self._groups.values()]
            background += [
                tasks.create_task(self._scale(group)) for group in self._groups.values() if group.spec.rule
            ]
            failure = await self._settle(stop)
            if not failure:
                await stop.drain.wait()
            for task in background:
                task.cancel()
            self._become("draining")
            await self._drain(stop)
        self._become("failed" if failure else "stopped")
        return failure

    async def _start(self, group: Group) -> None:
        for name in group.spec.after:
            await self._until(partial(self._any_ready, name))
        group.grow(group.spec.replicas)

    def _any_ready(self, name: str) -> bool:
        return self._groups[name].ready > 0

    async def _scale(self, group: Group) -> None:
        rule = group.spec.rule
        if rule is not None:
            await self._until(lambda: self._state == "ready")
            await follow(rule, group, self._source)

    async def _settle(self, stop: StopRequest) -> list[str]:
        """Wait until what serves is ready, or stop is asked for, or a process cannot start."""
        settled = asyncio.create_task(self._until(lambda: self._serving() or self._hopeless() is not None))
        stopped = asyncio.create_task(stop.drain.wait())
        await asyncio.wait({settled, stopped}, return_when=asyncio.FIRST_COMPLETED)
        settled.cancel()
        stopped.cancel()
        if (child := self._hopeless()) is not None:
            return [f"{child.name} cannot start: it {child.last_exit}", *child.tail]
        if not stop.drain.is_set():
            self._become("ready")
            self._on_ready()
        return []

    def _serving(self) -> bool:
        """Whether all but the workers are there: from here on requests are answered and jobs accepted."""
        return all(
            group.ready >= group.spec.replicas
            for group in self._groups.values()
            if group.spec.role != "worker"
        )

    def _hopeless(self) -> Child | None:
        children = (child for group in self._groups.values() for child in group.children)
        return next((child for child in children if child.exits_since_ready >= _GIVE_UP_EXITS), None)

    async def _drain(self, stop: StopRequest) -> None:
        for stage in sorted({group.spec.drain_stage for group in self._groups.values()}):
            groups = [group for group in self._groups.values() if group.spec.drain_stage == stage]
            children = {child: task for group in groups for child, task in group.children.items()}
            grace = max(group.spec.grace for group in groups)
            await end(list(children), children, grace, stop.hurry)

    async def _ask_api(self) -> dict[str, object] | None:
        for group in self._groups.values():
            for child in group.children:
                if group.spec.role == "api" and child.ready.is_set():
                    return await get_json(f"{child.address}/v1/status", timeout=_STATUS_TIMEOUT)
        return None

    async def _until(self, holds: Callable[[], bool]) -> None:
        """Wait for a change after which ``holds``. Setting the event wakes all who wait; each looks again."""
        while not holds():
            self._pulse.clear()
            await self._pulse.wait()

    def _become(self, state: PlatformState) -> None:
        self._state = state
        self._changed()

    def _changed(self) -> None:
        self._pulse.set()
        children = [child for group in self._groups.values() for child in group.children]
        record = Record(
            platform=self._identity.platform,
            pipeline=self._identity.pipeline,
            pid=os.getpid(),
            started=self._mark,
            url=self._identity.url,
            state=self._state,
            since=self._since,
            processes=tuple(child.record() for child in children),
        )
        # On a full disk the last record stays: status is then late, and nothing else depends on it.
        with contextlib.suppress(OSError):
            record.write(self._identity.folder)
