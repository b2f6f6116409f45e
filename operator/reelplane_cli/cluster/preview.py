"""``kubectl reelplane plan`` and ``render``: what the operator would do, decided by its own code, tried by the server.

    declared ──► children ──decide──► new │ changed │ no longer wanted │ left alone
                                            └─ server-side dry run ──► differences

The dry run is made in the operator's name, so that defaulting, validation, admission and field ownership give what
they would give it. What is interrupted is said from the jobs that run now and from how long their workers may take
to finish.
"""

# ruff: noqa: PLC0415 - the operator's modules are there only with the extra

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import yaml

from reelplane_cli.cluster.declared import Owned, Platform, Read, platforms, read
from reelplane_cli.cluster.differences import Difference, compare
from reelplane_cli.cluster.interruptions import Interruption, Jobs, interruptions, jobs_of
from reelplane_cli.cluster.objects import MANAGED, OPT_OUT, OWNER, Json, title
from reelplane_cli.cluster.observe import read_figures
from reelplane_cli.cluster.paint import Paint, Style
from reelplane_cli.cluster.session import OPERATOR_MANAGER, Connection, Session, run
from reelplane_cli.errors import Failure
from reelplane_cli.exits import WRONG_INPUT

if TYPE_CHECKING:
    from reelplane_operator.reconcile.keys import ChildId

Sign = Literal["+", "~", "-"]
_STYLES: dict[Sign, Style] = {"+": "good", "~": "warn", "-": "bad"}
_SHOWN = 12
"""Fields named per object; the rest is counted."""
_AT_ONCE = 8
"""Dry runs under way: each costs the server as much as a write."""
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Change:
    """What would become of one child."""

    sign: Sign
    live: Json | None
    would_be: Json | None
    differences: tuple[Difference, ...] = ()

    @property
    def title(self) -> str:
        return title(self.live or self.would_be or {})


@dataclass(frozen=True, slots=True)
class Preview:
    """What would become of one platform."""

    name: str
    changes: tuple[Change, ...]
    remarks: tuple[str, ...]
    jobs: Jobs | None
    """What runs now; None when the platform does not say."""
    interruptions: tuple[Interruption, ...]


def show(connection: Connection, files: Sequence[Path], paint: Paint, say: Say) -> bool:
    """Print the difference; True when there is one. Raises Failure for problems, and for what the server refuses."""
    previews = run(connection, lambda session: _previews(session, files), manager=OPERATOR_MANAGER)
    say("\n\n".join("\n".join(_lines(each, paint)) for each in previews) or _nothing())
    return any(each.changes for each in previews)


def render(connection: Connection, files: Sequence[Path], *, form: Literal["yaml", "json"]) -> str:
    """The children that the operator would apply, as manifests. Those made once have no values yet."""

    async def make(session: Session) -> list[Json]:
        found = await platforms(session, read(files, session))
        return [each for one in found for owned in one.owned for each in owned.manifests.values()]

    manifests = run(connection, make, manager=OPERATOR_MANAGER)
    if form == "json":
        return json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests}, indent=2)
    return yaml.safe_dump_all(manifests, sort_keys=False).rstrip()


async def _previews(session: Session, files: Sequence[Path]) -> list[Preview]:
    given = read(files, session)
    await _try_files(session, given)
    found = await platforms(session, given)
    return [await _preview(session, each) for each in found]


async def _try_files(session: Session, given: Read) -> None:
    """Let the server judge our own objects: rules that compare with what is there (immutable fields) are its own."""
    from reelplane_operator.cluster.errors import ApiError, Unserved

    refused = []
    for typed, item in zip(given.resources, given.raw(), strict=True):
        try:
            await session.cluster.apply(item, dry_run=True)
        except Unserved:
            fix = "install Reelplane there first: `kubectl apply -k operator/deploy/cluster`"
            raise Failure(f"the cluster does not know the kind {item['kind']}", fix) from None
        except ApiError as error:
            place = given.documents.place(typed)
            for cause in error.causes or ():
                refused.append(f"{place.at(cause.field)}: {title(item)} {cause.field}: {cause.message}")
            if not error.causes:
                refused.append(f"{place.at('')}: {title(item)}: {error.message}")
    if refused:
        raise Failure("the cluster refuses the files:\n  " + "\n  ".join(refused), code=WRONG_INPUT)


async def _preview(session: Session, platform: Platform) -> Preview:
    changes: list[Change] = []
    config_maps: list[Json] = []
    remarks = [str(note) for note in platform.notes]
    for owned in platform.owned:
        live = await _children(session, owned)
        found, said = await _of_owner(session, owned, live)
        changes += found
        remarks += said
        config_maps += [item for name, item in live.items() if name.kind == "ConfigMap"]
    if platform.new:
        jobs: Jobs | None = Jobs(0, {})
    else:
        jobs = jobs_of((await read_figures(session, platform.name))[0])
    rolled = [(each.live, each.would_be) for each in changes if each.live is not None]
    return Preview(
        platform.name, tuple(changes), tuple(remarks), jobs, tuple(interruptions(rolled, config_maps, jobs))
    )


async def _children(session: Session, owned: Owned) -> dict[ChildId, Json]:
    """The live children of one object of ours."""
    from reelplane_operator.cluster.resources import SECRETS
    from reelplane_operator.reconcile.keys import child_id
    from reelplane_operator.reconcile.observe import CHILDREN

    selector = f"{OWNER}={owned.declared.key.label},{MANAGED}"
    kinds = (*CHILDREN, SECRETS)
    listed = await asyncio.gather(*(session.listed(each.api_version, each.kind, selector) for each in kinds))
    return {child_id(item): item for items in listed for item in items}


async def _of_owner(
    session: Session, owned: Owned, live: dict[ChildId, Json]
) -> tuple[list[Change], list[str]]:
    """The changes to the children of one object of ours, and what a person should know about them."""
    from reelplane_operator.reconcile import actions, observed

    owner = owned.declared
    states = {name: state for name, item in live.items() if (state := observed.child(item)) is not None}
    todo = actions.decide(owned.wanted, states, actions.read_inventory(owner.status), owner)
    room = asyncio.Semaphore(_AT_ONCE)

    async def tried(name: ChildId) -> Change | None:
        async with room:
            return await _try(session, name, owned.manifests[name], live.get(name))

    changed = await asyncio.gather(*(tried(each.wanted.id) for each in todo.apply))
    made = [Change("+", None, owned.manifests[each.id]) for each in todo.keep if each.id not in live]
    gone = [Change("-", live[each.id], None) for each in todo.prune]
    remarks = [f"{name} has the annotation {OPT_OUT}: disabled, so it is left as it is" for name in todo.left]
    if owner.paused:
        remarks.append(
            f"{owner.key.subject} is paused: nothing of this happens before `kubectl reelplane resume`"
        )
    return [*made, *(each for each in changed if each is not None), *gone], remarks


async def _try(session: Session, name: ChildId, manifest: Json, live: Json | None) -> Change | None:
    """A server-side dry run of one child; None when nothing would change."""
    from reelplane_operator.cluster.errors import ApiError
    from reelplane_operator.cluster.resources import type_of

    if not all(each.get("uid") for each in manifest["metadata"].get("ownerReferences") or ()):
        # The owner does not exist yet, so there is nothing to refer to.
        bare = {key: value for key, value in manifest["metadata"].items() if key != "ownerReferences"}
        manifest = {**manifest, "metadata": bare}
    try:
        would_be = await session.cluster.apply(manifest, dry_run=True)
    except ApiError as error:
        raise Failure(f"the cluster would refuse {name}: {error.message}", "nothing was written") from None
    if live is None:
        return Change("+", None, would_be)
    found = compare(live, would_be)
    if found and (now := await session.cluster.get(type_of(manifest), session.namespace, name.name)):
        # What somebody else (an autoscaler) changes meanwhile differs either before the dry run or after it.
        lasting = {each.path for each in compare(now, would_be)}
        found = tuple(each for each in found if each.path in lasting)
    return Change("~", live, would_be, found) if found else None


def _lines(preview: Preview, paint: Paint) -> list[str]:
    lines = []
    width = max((len(each.title) for each in preview.changes), default=0)
    for each in preview.changes:
        head = paint(f"{each.sign} {each.title:<{width}}", _STYLES[each.sign])
        shown = [str(difference) for difference in each.differences[:_SHOWN]]
        if len(each.differences) > _SHOWN:
            shown.append(f"and {len(each.differences) - _SHOWN} more fields")
        lines += [f"{head}  {text}".rstrip() for text in shown[:1] or [""]]
        lines += [f"{'':<{width + 2}}  {text}" for text in shown[1:]]
    lines += [f"note: {remark}" for remark in preview.remarks]
    lines += [f"note: {each}" for each in preview.interruptions]
    return [*lines, _sum(preview)]


def _sum(preview: Preview) -> str:
    """``1 to change, 1 to create, 0 to delete. Jobs in flight: 12, none interrupted.``"""
    counts = {sign: sum(each.sign == sign for each in preview.changes) for sign in _STYLES}
    text = f"{counts['~']} to change, {counts['+']} to create, {counts['-']} to delete."
    if preview.jobs is None:
        return f"{text} Jobs in flight: unknown, {preview.name} does not answer."
    lost = sum(each.jobs for each in preview.interruptions)
    return (
        f"{text} Jobs in flight: {preview.jobs.running}, {f'up to {lost}' if lost else 'none'} interrupted."
    )


def _nothing() -> str:
    return "The files concern no VideoPlatform of this namespace. 0 to change, 0 to create, 0 to delete."
