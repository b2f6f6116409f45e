"""Pause, resume, drain: what is said to the operator, and waiting until it has happened.

    pause    annotation reelplane.io/paused: "true" on the object (a platform's pipelines too), since a paused
             operator reads no spec; waits for condition Paused
    drain    spec.drain: true of a VideoPipeline, like a CronJob's suspend: the operator plans no workers, and each
             that stops finishes what it runs and takes nothing new; waits until none is left
    resume   takes both back, and waits until the operator has taken the object up again

Appliers that do not name these fields (kubectl, Flux, Argo CD) leave them as they are.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

from reelplane_cli.cluster.objects import (
    GROUP_VERSION,
    MANAGED,
    OWNER,
    PAUSED,
    RESTART_OPERATOR,
    Json,
    holds,
    name_of,
    spec,
    status,
    title,
)
from reelplane_cli.cluster.observe import read_figures
from reelplane_cli.cluster.session import Session
from reelplane_cli.errors import Failure
from reelplane_cli.exits import WRONG_INPUT

_KINDS = {
    "VideoPlatform": ("videoplatform", "videoplatforms", "vplat"),
    "VideoPipeline": ("videopipeline", "videopipelines", "vp"),
    "ProxyPool": ("proxypool", "proxypools", "pp"),
    "RegionDeployment": ("regiondeployment", "regiondeployments", "rd"),
}
_LOOK_EVERY = 0.5
"""Seconds between two looks while waiting."""

Say = Callable[[str], None]


async def find(session: Session, wanted: str, kinds: Sequence[str] = tuple(_KINDS)) -> Json:
    """The object meant by ``name`` or ``kind/name``. Raises Failure when there is none, or more than one."""
    kind, _, name = wanted.rpartition("/")
    meant = [each for each in kinds if not kind or kind.lower() in _KINDS[each]]
    if not meant:
        known = ", ".join(f"{_KINDS[each][-1]}/{name}" for each in kinds)
        raise Failure(f"{kind!r} is not a kind this command knows", f"write {known}", code=WRONG_INPUT)
    looked = await asyncio.gather(*(session.get(GROUP_VERSION, each, name) for each in meant))
    found = [each for each in looked if each is not None]
    if len(found) == 1:
        return found[0]
    if found:
        names = " or ".join(f"{_KINDS[each['kind']][-1]}/{name}" for each in found)
        raise Failure(f"{name!r} is the name of {len(found)} objects", f"write {names}", code=WRONG_INPUT)
    raise Failure(
        f"no {' or '.join(meant)} is named {name!r} in namespace {session.namespace!r}",
        "`kubectl get vplat,vp,pp,rd` lists what there is; -n chooses the namespace",
    )


async def pause(session: Session, wanted: str, *, timeout: float, say: Say) -> None:
    """Keep the operator's hands off the children. Raises Failure when it does not confirm within ``timeout`` s."""
    for item in await _with_pipelines(session, await find(session, wanted)):
        await _patch(session, item, {"metadata": {"annotations": {PAUSED: "true"}}})
        await _wait(session, item, lambda each: holds(each, "Paused"), "Paused=True", timeout)
        say(f"{title(item)} is paused: nothing of its children is written, drift included")


async def resume(session: Session, wanted: str, *, timeout: float, say: Say) -> None:
    """End what pause or drain began. Raises Failure when the operator does not confirm within ``timeout`` s."""
    for item in await _with_pipelines(session, await find(session, wanted)):
        change: Json = {"metadata": {"annotations": {PAUSED: None}}}
        if "drain" in spec(item):
            change["spec"] = {"drain": None}
        await _patch(session, item, change)
        await _wait(session, item, lambda each: not holds(each, "Paused"), "Paused=False", timeout)
        say(f"{title(item)} is kept as declared again")


async def drain(session: Session, wanted: str, *, wait: bool, timeout: float, say: Say) -> None:
    """Let a pipeline's workers finish and go. Raises Failure when some are left after ``timeout`` seconds."""
    pipeline = await find(session, wanted, ["VideoPipeline"])
    if holds(pipeline, "Paused"):
        fix = f"`kubectl reelplane resume {name_of(pipeline)}` first"
        raise Failure(f"{title(pipeline)} is paused, so the operator would not act on it", fix)
    await _patch(session, pipeline, {"spec": {"drain": True}})
    again = f"`kubectl reelplane resume {name_of(pipeline)}` starts workers again"
    if not wait:
        say(f"{title(pipeline)} drains; {again}")
        return
    left = await _until_drained(session, pipeline, timeout, say)
    if left:
        fix = f"they go on; wait with --timeout, or {again}"
        raise Failure(f"{left} of {title(pipeline)} still run after {timeout:.0f} s", fix)
    say(f"{title(pipeline)} is drained: jobs wait in the queue; {again}")


async def _until_drained(session: Session, pipeline: Json, timeout: float, say: Say) -> str:
    """What is left when nothing is, or when time is up."""
    deadline = time.monotonic() + timeout
    said = ""
    while left := await _left(session, pipeline):
        if time.monotonic() > deadline:
            return left
        if left != said:
            said = left
            say(f"waiting for {left}")
        await asyncio.sleep(_LOOK_EVERY)
    return ""


async def _left(session: Session, pipeline: Json) -> str:
    """Workers of a pipeline that run or will, and the jobs they hold; empty when there are none."""
    selector = f"{OWNER}=VideoPipeline.{name_of(pipeline)},{MANAGED}"
    deployments, pods = await asyncio.gather(
        session.listed("apps/v1", "Deployment", selector), session.listed("v1", "Pod", selector)
    )
    running = [each for each in pods if status(each).get("phase") not in ("Succeeded", "Failed")]
    wanted = sum(int(spec(each).get("replicas", 1)) for each in deployments)
    if not running and not wanted:
        return ""
    names = {name_of(each) for each in running}
    figures, _ = await read_figures(session, str(spec(pipeline).get("platform")))
    busy = sum(int(each["busy"]) for each in (figures or {}).get("workers") or () if each.get("id") in names)
    workers = max(len(running), wanted)
    jobs = f" with {busy} job{'' if busy == 1 else 's'}" if busy else ""
    return f"{workers} worker{'' if workers == 1 else 's'}{jobs}"


async def _with_pipelines(session: Session, item: Json) -> list[Json]:
    """The object, and for a platform the pipelines that use it: who says a platform's name means all of it."""
    if item["kind"] != "VideoPlatform":
        return [item]
    pipelines = await session.ours("VideoPipeline")
    return [item, *(each for each in pipelines if spec(each).get("platform") == name_of(item))]


async def _patch(session: Session, item: Json, change: Json) -> None:
    from reelplane_operator.cluster.resources import type_of  # noqa: PLC0415 - only with the extra

    await session.cluster.merge_patch(type_of(item), session.namespace, name_of(item), change)


async def _wait(
    session: Session, item: Json, done: Callable[[Json], bool], what: str, timeout: float
) -> None:
    async def look() -> Json | None:
        return await session.get(item["apiVersion"], item["kind"], name_of(item))

    if not await _eventually(look, done, timeout):
        raise Failure(
            f"{title(item)} was asked, but the operator has not said {what} within {timeout:.0f} s",
            f"is it running? `{RESTART_OPERATOR}`",
        )


async def _eventually(
    look: Callable[[], Awaitable[Json | None]], done: Callable[[Json], bool], timeout: float
) -> bool:
    deadline = time.monotonic() + timeout
    while (seen := await look()) is not None:
        if done(seen):
            return True
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(_LOOK_EVERY)
    return True  # It is gone: nobody's hands are on its children any more.
