"""Carries actions out: writes children, and says what came of it. Decides nothing.

Children are written in waves: what pods need, then what makes pods, then what looks at them. Inside a wave order
does not matter, and they go together. One child's failure keeps no other from being written, but nothing is
pruned then: what replaces it may be what failed. A process that dies between any two of these writes leaves a
state from which the next run goes on: written children are found by their labels, unwritten ones are missing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

from reelplane_operator.cluster.client import Cluster
from reelplane_operator.cluster.errors import ClusterError, Conflict
from reelplane_operator.cluster.fields import overridden
from reelplane_operator.cluster.resources import CUSTOM, SECRETS, resource, type_of
from reelplane_operator.reconcile import observed
from reelplane_operator.reconcile.actions import Actions, Apply, Prune, recorded
from reelplane_operator.reconcile.children import Wanted, orphans
from reelplane_operator.reconcile.keys import ChildId, Key
from reelplane_operator.reconcile.observed import ChildState, Declared, Object
from reelplane_operator.reconcile.world import World

_WAVES = (
    frozenset({"ServiceAccount", "ConfigMap", "Secret", "Service", "NetworkPolicy"}),
    frozenset({"Deployment", "StatefulSet"}),
)
"""Kinds that are written first and second; all others follow."""

_TYPES = {each.kind: each for each in CUSTOM}

_Job = tuple[ChildId, Callable[[], Awaitable[None]]]


class NotOurs(ClusterError):
    """An object of a child's name exists, and it is somebody else's."""

    def __init__(self, name: ChildId) -> None:
        super().__init__(
            f"{name} exists and is not Reelplane's: rename it, delete it, or give this object another name"
        )


@dataclass(frozen=True, slots=True)
class Failure:
    """A child that could not be written."""

    child: ChildId
    error: ClusterError


@dataclass(slots=True)
class Outcome:
    """What came of it."""

    written: list[tuple[ChildId, str]] = field(default_factory=list)
    """Children that were written, and why: new, changed, drifted, pruned."""
    answers: dict[ChildId, ChildState] = field(default_factory=dict)
    """Written children as the server gave them back."""
    overridden: list[tuple[ChildId, tuple[str, ...]]] = field(default_factory=list)
    """Children on which others had changed fields of ours, and who they were."""
    failures: list[Failure] = field(default_factory=list)


class OwnerGone(Exception):
    """The object is no longer there: what was known of it was old."""


@dataclass(frozen=True, slots=True)
class Applier:
    """Writes the children of any owner. ``random_hex`` gives so many random bytes as hex digits."""

    cluster: Cluster
    world: World
    random_hex: Callable[[int], str]

    async def carry_out(
        self,
        actions: Actions,
        owner: Declared,
        manifests: Mapping[ChildId, Object],
        known: Iterable[ChildId],
    ) -> Outcome:
        """Write. ``manifests`` are those of the wanted children, ``known`` the children of the inventory.

        Raises OwnerGone when the owner turns out to be gone. ClusterErrors are in the outcome.
        """
        outcome = Outcome()
        lost = set(known)
        if any(each.why == "new" and each.wanted.id in lost for each in actions.apply):
            # Children vanish one by one when their owner does: they must not be made again for a ghost.
            await self._look_at(owner)
        jobs: list[_Job] = []
        for one in actions.keep:
            jobs.append((one.id, partial(self._keep, one, manifests[one.id], owner, outcome)))
        for each in actions.apply:
            name = each.wanted.id
            jobs.append((name, partial(self._apply, each, manifests[name], owner, outcome)))
        for wave in range(len(_WAVES) + 1):
            await _together([job for job in jobs if _wave(job[0]) == wave], outcome)
        if not outcome.failures:
            await _together(
                [(each.id, partial(self._prune, each, owner.key, outcome)) for each in actions.prune], outcome
            )
        return outcome

    async def _look_at(self, owner: Declared) -> None:
        live = await self.cluster.get(_TYPES[owner.key.kind], owner.key.namespace, owner.key.name)
        if live is None or live["metadata"]["uid"] != owner.uid:
            raise OwnerGone

    async def _apply(self, action: Apply, manifest: Object, owner: Declared, outcome: Outcome) -> None:
        name = action.wanted.id
        before: Object | None = None
        if action.why == "new":
            answer = await self._make(name, manifest, owner)
        else:
            if action.why == "drifted":
                before = await self.cluster.get(type_of(manifest), owner.key.namespace, name.name)
            answer = await self.cluster.apply(manifest)
        self._written(name, action.why, answer, outcome)
        if before is not None:
            outcome.overridden.append((name, overridden(answer, before)))

    async def _make(self, name: ChildId, manifest: Object, owner: Declared) -> Object:
        """Make a child that was not seen. Without force, so that nobody else's object of that name is taken over."""
        try:
            return await self.cluster.apply(manifest, force=False)
        except Conflict:
            live = await self.cluster.get(type_of(manifest), owner.key.namespace, name.name)
            if live is not None and not _ours(live, owner):
                raise NotOurs(name) from None
            return await self.cluster.apply(manifest)

    async def _keep(self, wanted: Wanted, manifest: Object, owner: Declared, outcome: Outcome) -> None:
        """Make a generated Secret, or complete the one that is there; a value that exists is never touched."""
        place = (owner.key.namespace, wanted.id.name)
        fresh = {name: self.random_hex(size) for name, size in wanted.generate.items()}
        try:
            answer = await self.cluster.create({**manifest, "stringData": fresh})
        except Conflict:
            live = await self.cluster.get(SECRETS, *place)
            if live is None:
                raise
            if not _ours(live, owner):
                raise NotOurs(wanted.id) from None
            patch = _completion(manifest, live, fresh, owner)
            answer = await self.cluster.merge_patch(SECRETS, *place, patch) if patch else live
        self._written(wanted.id, "new", answer, outcome)

    def _written(self, name: ChildId, why: str, answer: Object, outcome: Outcome) -> None:
        outcome.written.append((name, why))
        state = observed.child(answer)
        if state is None:
            self.world.lose_child(answer)
        else:
            self.world.take_child(name, state)
            outcome.answers[name] = state

    async def _prune(self, prune: Prune, owner: Key, outcome: Outcome) -> None:
        kind = resource(prune.id.api_version, prune.id.kind)
        await self.cluster.delete(kind, owner.namespace, prune.id.name, uid=prune.uid)
        self.world.drop_child(owner, prune.id, prune.uid)
        outcome.written.append((prune.id, "pruned"))


def entries(
    wanted: Iterable[Wanted], answers: Mapping[ChildId, ChildState], before: Mapping[ChildId, str]
) -> dict[ChildId, str]:
    """The inventory after a run: of what was written, how the server gave it back, of all else what was recorded.

    Never how a child looks by now: what somebody changed while the run lasted would be recorded as wanted.
    """
    found: dict[ChildId, str] = {}
    for each in wanted:
        if each.id in answers:
            found[each.id] = recorded(each, answers[each.id])
        elif each.id in before:
            found[each.id] = before[each.id]
    return found


async def _together(jobs: list[_Job], outcome: Outcome) -> None:
    async def guarded(name: ChildId, job: Callable[[], Awaitable[None]]) -> None:
        try:
            await job()
        except ClusterError as error:
            outcome.failures.append(Failure(name, error))

    async with asyncio.TaskGroup() as group:
        for name, job in jobs:
            group.create_task(guarded(name, job))


def _wave(name: ChildId) -> int:
    return next((number for number, kinds in enumerate(_WAVES) if name.kind in kinds), len(_WAVES))


def _ours(live: Object, owner: Declared) -> bool:
    """Whether an object that stands where a child shall stand is that child."""
    state = observed.child(live)
    if state is not None and state.owner == owner.key:
        return True
    references = live["metadata"].get("ownerReferences") or ()
    return any(each.get("uid") == owner.uid for each in references)


def _completion(manifest: Object, live: Object, fresh: dict[str, str], owner: Declared) -> Object:
    """The patch that gives an existing generated Secret what it lacks; empty when it lacks nothing."""
    head, there = manifest["metadata"], live["metadata"]
    labels = {
        name: value
        for name, value in head["labels"].items()
        if (there.get("labels") or {}).get(name) != value
    }
    annotations = {
        name: value
        for name, value in head["annotations"].items()
        if (there.get("annotations") or {}).get(name) != value
    }
    missing = {name: value for name, value in fresh.items() if name not in (live.get("data") or {})}
    references = [each for each in there.get("ownerReferences") or () if each.get("uid") != owner.uid]
    if not orphans(owner):
        references = [each for each in references if not each.get("controller")] + head["ownerReferences"]
    change: Object = {}
    if references != (there.get("ownerReferences") or []):
        change["ownerReferences"] = references
    change |= {field: each for field, each in (("labels", labels), ("annotations", annotations)) if each}
    if not change and not missing:
        return {}
    # With the version, so that two operators that complete it at once do not both give it a value.
    change["resourceVersion"] = there["resourceVersion"]
    return {"metadata": change} | ({"stringData": missing} if missing else {})
