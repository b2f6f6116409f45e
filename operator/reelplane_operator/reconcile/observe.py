"""All that is observed: an informer per kind and namespace, and what the cluster itself is like.

    informers ──► world ──► queue          complete: every kind was listed once, so nothing is missing in the world,
    discovery ──► Surroundings ──► planner           and what the cluster offers is known

Nothing is written before the world is complete: a half-seen one would look as if children were missing, and pods
that are planned before their priority classes are known would all be rolled twice, at each start of the operator.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace

from reelplane_operator.cluster import resources
from reelplane_operator.cluster.client import Cluster
from reelplane_operator.cluster.errors import ClusterError, Forbidden
from reelplane_operator.cluster.resources import ResourceType
from reelplane_operator.reconcile.informer import Informer
from reelplane_operator.reconcile.keys import OURS
from reelplane_operator.reconcile.planner import Planner
from reelplane_operator.reconcile.secrets import Secrets
from reelplane_operator.reconcile.sinks import Children, Enqueue, Objects, SecretObjects
from reelplane_operator.reconcile.world import World

log = logging.getLogger(__name__)

OPTIONAL = (resources.SCALED_OBJECTS, resources.SERVICE_MONITORS, resources.HTTP_ROUTES)
"""Children's kinds that belong to other projects and may not be served."""
CHILDREN = (
    resources.CONFIG_MAPS,
    resources.SERVICES,
    resources.SERVICE_ACCOUNTS,
    resources.DEPLOYMENTS,
    resources.STATEFUL_SETS,
    resources.AUTOSCALERS,
    resources.DISRUPTION_BUDGETS,
    resources.NETWORK_POLICIES,
    resources.INGRESSES,
    *OPTIONAL,
)
"""Kinds of children; Secrets are watched apart."""
SERVING_CLASS = "reelplane-serving"
"""One of the PriorityClasses of the installation; where it is, the others are."""
_LOOK = 300.0
"""Seconds between two looks at nodes and priority classes."""
_LOOK_AGAIN = 5.0
"""Seconds until the next look after one that was not answered."""


class Observation:
    """Keeps the world up to date. ``complete`` is set when everything was listed and looked at once."""

    def __init__(
        self,
        cluster: Cluster,
        world: World,
        planner: Planner,
        secrets: Secrets,
        enqueue: Enqueue,
        *,
        namespaces: tuple[str, ...],
        resync: float,
        jitter: Callable[[], float],
    ) -> None:
        self.complete = asyncio.Event()
        self._looked = asyncio.Event()
        self._cluster = cluster
        self._world = world
        self._planner = planner
        self._secrets = secrets
        self._enqueue = enqueue
        self._resync = resync
        self._jitter = jitter
        self._informers = [each for at in (namespaces or (None,)) for each in self._in_namespace(at)]

    async def run(self) -> None:
        """Observe, for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._look_around(), name="surroundings")
            for each in self._informers:
                group.create_task(each.run(), name=f"informer {each.type.plural}")
            group.create_task(self._await_all(), name="first looks")

    def failing_for(self) -> float:
        """Seconds since which some kind cannot be watched; 0 when all are."""
        since = [each.failing_since for each in self._informers if each.failing_since is not None]
        return asyncio.get_running_loop().time() - min(since) if since else 0.0

    async def _await_all(self) -> None:
        for each in self._informers:
            await each.synced.wait()
        await self._looked.wait()
        self.complete.set()

    def _in_namespace(self, at: str | None) -> Iterator[Informer]:
        for type in resources.CUSTOM:
            yield self._informer(type, at, Objects(self._world, self._enqueue, type.kind, at), watching=False)
        for type in CHILDREN:
            # Of all others, who owns which fields is enough.
            whole = type in (resources.DEPLOYMENTS, resources.STATEFUL_SETS)
            sink = Children(self._world, self._enqueue, type, at)
            yield self._informer(type, at, sink, selector=OURS, metadata_only=not whole)
        children = Children(self._world, self._enqueue, resources.SECRETS, at)
        secrets = SecretObjects(children, self._secrets, self._world, self._enqueue)
        yield self._informer(resources.SECRETS, at, secrets, metadata_only=True)

    def _informer(
        self,
        type: ResourceType,
        namespace: str | None,
        sink: Objects | Children | SecretObjects,
        *,
        selector: str | None = None,
        watching: bool = True,
        metadata_only: bool = False,
    ) -> Informer:
        return Informer(
            self._cluster,
            type,
            namespace,
            sink,
            selector=selector,
            watching=watching,
            metadata_only=metadata_only,
            resync=self._resync,
            jitter=self._jitter,
            served=lambda is_served: self._served(type, is_served),
        )

    def _served(self, type: ResourceType, is_served: bool) -> None:
        """A kind of another project came or went: everything is planned again."""
        if type not in OPTIONAL:
            return
        before = self._planner.surroundings
        name = f"{type.group}/{type.kind}"
        apis = before.apis | {name} if is_served else before.apis - {name}
        if apis != before.apis:
            log.info("%s is %s", name, "served" if is_served else "not served")
            self._planner.surroundings = replace(before, apis=apis)
            self._enqueue(self._world.keys())

    async def _look_around(self) -> None:
        """Nodes' extended resources and our priority classes, now and then; without permission both are unknown.

        A look that is not answered says nothing: what was known stays, as pods are rolled when it changes.
        """
        while True:
            try:
                classes, extended = await self._has_classes(), await self._extended()
            except ClusterError as error:
                log.warning("what the cluster offers cannot be looked at: %s", error)
                await asyncio.sleep(_LOOK_AGAIN)
                continue
            before = self._planner.surroundings
            found = replace(before, priority_classes=classes, gpu_resources=extended)
            if found != before:
                self._planner.surroundings = found
                self._enqueue(self._world.keys())
            self._looked.set()
            await asyncio.sleep(_LOOK)

    async def _has_classes(self) -> bool:
        try:
            return await self._cluster.get(resources.PRIORITY_CLASSES, None, SERVING_CLASS) is not None
        except Forbidden:
            return False

    async def _extended(self) -> frozenset[str] | None:
        try:
            nodes = await self._cluster.list(resources.NODES)
        except Forbidden:
            return None
        return frozenset(
            name
            for node in nodes
            for name, amount in (node.get("status", {}).get("allocatable") or {}).items()
            if "/" in name and amount != "0"
        )
