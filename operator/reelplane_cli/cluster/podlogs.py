"""The log of one container, as the API server relays it from the node: a page of it, or line by line as it comes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from reelplane_cli.cluster.objects import Json, name_of, spec, status
from reelplane_cli.cluster.session import Session

MAX_BYTES = 4 * 2**20
"""Bytes of one container's log that are read at once; the newest of --tail lines are within them."""


@dataclass(frozen=True, slots=True)
class Source:
    """A container of a pod. ``restarts`` tells a container from its successor of the same name."""

    namespace: str
    pod: str
    container: str
    restarts: int = 0
    ended_before: bool = False
    """Whether there is the log of an earlier run of it."""

    @property
    def label(self) -> str:
        return self.pod


def sources(pod: Json) -> list[Source]:
    """Containers of a pod that have begun to run; those that wait for their image have no log."""
    told = status(pod)
    states = {
        each["name"]: each
        for each in (*(told.get("initContainerStatuses") or ()), *(told.get("containerStatuses") or ()))
    }
    found = []
    for container in (*(spec(pod).get("initContainers") or ()), *(spec(pod).get("containers") or ())):
        state = states.get(container["name"], {})
        began = {"running", "terminated"} & set(state.get("state") or {})
        if began or state.get("lastState"):
            restarts = int(state.get("restartCount", 0))
            place = str(pod["metadata"].get("namespace", ""))
            found.append(
                Source(place, name_of(pod), container["name"], restarts, bool(state.get("lastState")))
            )
    return found


async def page(
    session: Session, source: Source, *, tail: int, since: float | None = None, previous: bool = False
) -> list[str]:
    """The last ``tail`` lines, each begun by its time, of the last ``since`` seconds."""
    options: dict[str, str] = {"tailLines": str(tail), "limitBytes": str(MAX_BYTES)}
    if since is not None:
        options["sinceSeconds"] = str(max(int(since), 1))
    if previous:
        options["previous"] = "true"
    return [line async for line in _lines(session, source, options)]


async def follow(session: Session, source: Source, *, after: str) -> AsyncIterator[str]:
    """Lines written after the time ``after`` (RFC 3339), as they come, until the container ends."""
    options = {"follow": "true", "sinceTime": after}
    async for line in _lines(session, source, options):
        # The server cuts the time to whole seconds.
        if line.partition(" ")[0] > after:
            yield line


async def _lines(session: Session, source: Source, options: dict[str, str]) -> AsyncIterator[str]:
    wanted = {"container": source.container, "timestamps": "true", **options}
    async with session.cluster.log(source.namespace, source.pod, wanted) as pieces:
        rest = b""
        async for piece in pieces:
            *whole, rest = (rest + piece).split(b"\n")
            for line in whole:
                yield line.decode(errors="replace")
        if rest:
            yield rest.decode(errors="replace")
