"""Plans of platforms, made when something they depend on changed.

A platform and its pipelines are reconciled apart but planned together, and most reconciles follow an event that
changes no plan: a pod became ready. So of every platform the small part of its plan is kept (names, hashes,
problems), with a signature of all it was made from, and the manifests only of those planned last: they are large,
and hold Secrets' values.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace

from reelplane_operator.reconcile import desired, extractor
from reelplane_operator.reconcile.desired import Gathered, Planned, Surroundings
from reelplane_operator.reconcile.extractor import Renewal
from reelplane_operator.reconcile.keys import Key
from reelplane_operator.reconcile.observed import Declared
from reelplane_operator.reconcile.secrets import Secrets
from reelplane_operator.reconcile.world import World
from reelplane_plan.types import Problem

_WHOLE = 32
"""Plans kept with their manifests: a platform's pipelines come soon after it."""


class Planner:
    """Plans of platforms by key. ``surroundings`` may be replaced at any time."""

    def __init__(self, world: World, secrets: Secrets, surroundings: Surroundings) -> None:
        self.surroundings = surroundings
        self._world = world
        self._secrets = secrets
        self._small: dict[Key, tuple[object, Planned]] = {}
        self._whole: OrderedDict[Key, tuple[object, Planned]] = OrderedDict()

    async def plan(
        self, platform: Key, renewal: Renewal, *, manifests: bool = False
    ) -> tuple[Gathered, Planned]:
        """The plan as things are now, with ``manifests`` if they are asked for.

        Raises ClusterError when a Secret cannot be read.
        """
        gathered = desired.gather(self._world, platform)
        values, versions = await self._secrets.get(platform.namespace, gathered.secrets)
        signature = (gathered.signature, versions, self.surroundings, renewal.stage)
        kept = (self._whole if manifests else self._small).get(platform)
        if kept is not None and kept[0] == signature:
            return gathered, kept[1]
        planned = desired.make(gathered, self.surroundings, values, renewal.stage, platform.namespace)
        self._small[platform] = (signature, replace(planned, manifests={}, notes=()))
        self._whole[platform] = (signature, planned)
        self._whole.move_to_end(platform)
        while len(self._whole) > _WHOLE:
            self._whole.popitem(last=False)
        return gathered, planned

    async def check_pool(self, pool: Declared) -> tuple[Problem, ...]:
        """Problems of a pool that nobody uses, which no plan looks at."""
        values, _ = await self._secrets.get(pool.key.namespace, pool.secrets)
        return desired.check_pool(pool, values)

    def forget(self, platform: Key) -> None:
        self._small.pop(platform, None)
        self._whole.pop(platform, None)


def begun(world: World, platform: Key, now: float) -> Renewal:
    """The extractor's renewal as the platform's spec and status say it together."""
    found = world.declared(platform)
    if found is None:
        return Renewal()
    return extractor.begin(
        extractor.read(found.status),
        wanted=(found.spec.get("extractor") or {}).get("version"),
        first=is_first(found),
        idle=desired.gather(world, platform).idle,
        now=now,
    )


def is_first(platform: Declared) -> bool:
    """Whether nothing was made for the platform yet."""
    return not platform.status.get("inventory")
