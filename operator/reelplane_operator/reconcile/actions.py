"""What to do about children: those that are wanted against those that are there. Pure.

    wanted + live + inventory ──► apply   new, changed in the plan, or changed by somebody else
                                  keep    generated Secrets: made once, never overwritten
                                  prune   ours, and wanted no longer

A child is left alone when it is as it should be, and how we know that is one text in the owner's
``status.inventory``: the hash of the wanted manifest and the fingerprint of the fields we own on the live object.
Both are recomputed from what is there, so a restart writes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from reelplane_operator.reconcile.children import Wanted, orphans
from reelplane_operator.reconcile.keys import ChildId
from reelplane_operator.reconcile.observed import ChildState, Declared

Inventory = Mapping[ChildId, str]
Why = Literal["new", "changed", "drifted"]


@dataclass(frozen=True, slots=True)
class Apply:
    wanted: Wanted
    why: Why


@dataclass(frozen=True, slots=True)
class Prune:
    id: ChildId
    uid: str


@dataclass(frozen=True, slots=True)
class Actions:
    """What to do. ``keep`` are generated Secrets to be made or completed; ``left`` are opted out of our care."""

    apply: tuple[Apply, ...] = ()
    keep: tuple[Wanted, ...] = ()
    prune: tuple[Prune, ...] = ()
    left: tuple[ChildId, ...] = ()

    def __len__(self) -> int:
        return len(self.apply) + len(self.keep) + len(self.prune)


def decide(
    wanted: Sequence[Wanted], live: Mapping[ChildId, ChildState], inventory: Inventory, owner: Declared
) -> Actions:
    """Compare. A child that is being deleted is waited for: applying it would write to what is about to go."""
    apply: list[Apply] = []
    keep: list[Wanted] = []
    left: list[ChildId] = []
    for each in wanted:
        state = live.get(each.id)
        if state is not None and state.opt_out:
            left.append(each.id)
        elif state is not None and state.deleting:
            continue
        elif each.generate:
            if state is None or inventory.get(each.id) != each.digest:
                keep.append(each)
        elif state is None:
            apply.append(Apply(each, "new"))
        elif inventory.get(each.id) != recorded(each, state) or _belongs_elsewhere(state, owner):
            known = inventory.get(each.id, "").partition("-")[0]
            apply.append(Apply(each, "drifted" if known == each.digest else "changed"))
    names = {each.id for each in wanted}
    prune = [
        Prune(name, state.uid)
        for name, state in live.items()
        if name not in names and _prunable(state, owner, name in inventory)
    ]
    left += [name for name, state in live.items() if name not in names and state.opt_out]
    return Actions(tuple(apply), tuple(keep), tuple(prune), tuple(left))


def recorded(wanted: Wanted, state: ChildState) -> str:
    """The inventory's text for a child that is as it should be."""
    return wanted.digest if wanted.generate else f"{wanted.digest}-{state.fingerprint}"


def read_inventory(status: Mapping[str, Any]) -> dict[ChildId, str]:
    """``status.inventory``: what was applied last, and how it looked then."""
    return {
        ChildId(each["apiVersion"], each["kind"], each["name"]): each["digest"]
        for each in status.get("inventory") or ()
    }


def write_inventory(entries: Mapping[ChildId, str]) -> list[dict[str, str]]:
    """In the order in which children are applied."""
    return [
        {"apiVersion": name.api_version, "kind": name.kind, "name": name.name, "digest": digest}
        for name, digest in entries.items()
    ]


def _belongs_elsewhere(state: ChildState, owner: Declared) -> bool:
    """Its ownerReference is not as wanted: another uid after a re-creation, or one where there shall be none."""
    return state.owner_uid != (None if orphans(owner) else owner.uid)


def _prunable(state: ChildState, owner: Declared, inventoried: bool) -> bool:
    """Ours beyond doubt: by ownerReference, or without one by our own records.

    What belongs to an earlier object of the same name is the garbage collector's.
    """
    if state.opt_out or state.deleting or state.generated:
        return False
    return state.owner_uid == owner.uid or (state.owner_uid is None and (inventoried or orphans(owner)))
