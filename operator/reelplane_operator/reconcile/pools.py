"""ProxyPools: they have no children, but say whether they can be used and how they fare."""

from __future__ import annotations

from reelplane_operator.reconcile import planner, status, times
from reelplane_operator.reconcile.apply import OwnerGone
from reelplane_operator.reconcile.desk import MISSING_BEAT, Desk, write_status
from reelplane_operator.reconcile.figures import Figures
from reelplane_operator.reconcile.keys import PLATFORM, Key
from reelplane_operator.reconcile.status import Findings
from reelplane_plan.types import Problem


class PoolReconciler:
    """Reconciles a pool from the plans of the platforms that use it, or by itself when none does."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def __call__(self, key: Key) -> float | None:
        world = self._desk.world
        owner = world.declared(key)
        if owner is None or owner.deleting:
            return None
        users = world.users_of_pool(key)
        platforms = sorted({Key(PLATFORM, key.namespace, each.platform) for each in users if each.platform})
        problems: tuple[Problem, ...] = ()
        figures: Figures | None = None
        for platform in platforms:
            renewal = planner.begun(world, platform, self._desk.now())
            _, planned = await self._desk.planner.plan(platform, renewal)
            problems = problems or planned.of(key)
            figures = figures or self._desk.figures(platform)
        if not platforms:
            problems = await self._desk.planner.check_pool(owner)
        findings = Findings(
            problems=problems,
            held=0 if owner.paused else None,
            fields={
                "healthy": figures.proxies if figures else None,
                "bans": figures.bans if figures else None,
            },
        )
        try:
            await write_status(
                self._desk, owner, status.make(owner, findings, now=times.text(self._desk.now()))
            )
        except OwnerGone:
            self._desk.forget(owner)
            return None
        return MISSING_BEAT if problems else None
