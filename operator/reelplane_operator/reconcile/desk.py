"""What every reconcile works with, and the one way in which a status is written."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from reelplane_crds.kinds import API_VERSION
from reelplane_operator.cluster.client import Cluster
from reelplane_operator.cluster.errors import Conflict, NotFound
from reelplane_operator.reconcile.apply import Applier, OwnerGone
from reelplane_operator.reconcile.figures import Figures
from reelplane_operator.reconcile.keys import Key
from reelplane_operator.reconcile.observed import Declared
from reelplane_operator.reconcile.planner import Planner
from reelplane_operator.reconcile.world import World

log = logging.getLogger(__name__)

MISSING_BEAT = 60.0
"""Seconds until what stalls is looked at again, should the event that says it is mended be lost."""


class Tell(Protocol):
    """Writes an Event about an object (cluster.recorder)."""

    def __call__(
        self, owner: Declared, reason: str, note: str, *, action: str = "Reconcile", warning: bool = False
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class Desk:
    """What a reconcile works with."""

    cluster: Cluster
    world: World
    planner: Planner
    applier: Applier
    figures: Callable[[Key], Figures | None]
    enqueue: Callable[[Key], None]
    tell: Tell
    now: Callable[[], float]
    """Seconds since 1970."""

    def forget(self, owner: Declared) -> None:
        """It turned out to be gone."""
        log.info("%s is gone", owner.key)
        for key in self.world.lose(owner.key, owner.uid):
            self.enqueue(key)


async def write_status(desk: Desk, owner: Declared, made: dict[str, Any]) -> bool:
    """Write a status that differs from the one there is; returns whether it did. Raises ClusterError, OwnerGone."""
    if _bare(made) == _bare(owner.status):
        return False
    manifest = {
        "apiVersion": API_VERSION,
        "kind": owner.key.kind,
        # The uid makes it a condition that this is still the same object.
        "metadata": {"name": owner.key.name, "namespace": owner.key.namespace, "uid": owner.uid},
        "status": made,
    }
    try:
        desk.world.see(await desk.cluster.apply(manifest, subresource="status"))
    except (NotFound, Conflict) as error:
        raise OwnerGone from error
    return True


def _bare(node: Any) -> Any:
    """A status without what is empty: the server adds empty lists as defaults where we say nothing."""
    if isinstance(node, dict):
        bare = {name: _bare(value) for name, value in node.items()}
        return {name: value for name, value in bare.items() if value not in (None, [], {})}
    return [_bare(each) for each in node] if isinstance(node, list) else node
