"""Watches one kind of object: a list, then its changes, and a list again now and then.

    list ──► see(each), vanished(what was known and is not listed) ──► watch ──► see / lose ──► after ``resync``: list

The list makes a lost event harmless, and a kind that the server does not serve is simply looked for again. Kopf
watches our own kinds (handlers.py); children are watched here, because Kopf costs a task, a copy and 8 KiB per
object (measured with 5,000 Deployments: 0.8 to 1.5 ms of CPU per event, where reading the JSON takes 0.1 ms),
tells nobody what vanished while its connection was down, and does not say when its first list is complete.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Protocol

from reelplane_operator.cluster.client import Cluster
from reelplane_operator.cluster.errors import ClusterError, Forbidden, Gone, Unserved
from reelplane_operator.cluster.resources import ResourceType
from reelplane_operator.cluster.watch import Kind
from reelplane_operator.reconcile.observed import Object

log = logging.getLogger(__name__)

_LOOK_AGAIN = 15.0
"""Seconds until a kind that was not served is looked for again: KEDA may be installed at any time."""
_LONGEST_PAUSE = 30.0
"""Seconds between two tries at a server that does not answer."""


class Sink(Protocol):
    """Where an informer puts what it hears."""

    def known(self) -> Mapping[Hashable, object]:
        """What is known before a list, each with a token that is another one once it was seen to change."""

    def see(self, obj: Object) -> Iterable[Hashable]:
        """An object was received; returns what ``known`` calls it."""

    def lose(self, obj: Object) -> None:
        """An object was deleted."""

    def vanished(self, before: Mapping[Hashable, object]) -> None:
        """These were known and are not in the list; forget those whose token is still the same."""


class Informer:
    """One kind, in one namespace or in all. ``run`` never ends by itself."""

    def __init__(
        self,
        cluster: Cluster,
        type: ResourceType,
        namespace: str | None,
        sink: Sink,
        *,
        selector: str | None = None,
        resync: float,
        jitter: Callable[[], float],
        watching: bool = True,
        metadata_only: bool = False,
        served: Callable[[bool], None] = lambda _: None,
    ) -> None:
        """``resync``: seconds between two lists. Without ``watching`` it only lists. ``served`` is told changes."""
        self.type = type
        self.synced = asyncio.Event()
        self.failing_since: float | None = None
        """Time of the loop at which it began to fail; None while it gets on."""
        self._cluster = cluster
        self._namespace = namespace
        self._sink = sink
        self._selector = selector
        self._resync = resync
        self._jitter = jitter
        self._watching = watching
        self._metadata_only = metadata_only
        self._served = served

    async def run(self) -> None:
        failures = 0
        while True:
            try:
                version = await self._list()
                failures, self.failing_since = 0, None
                self._served(True)
                self.synced.set()
                await self._follow(version)
            except Gone:
                continue
            except Unserved:
                self._sink.vanished(self._sink.known())
                self._served(False)
                self.synced.set()
                failures, self.failing_since = 0, None
                await asyncio.sleep(_LOOK_AGAIN * (1 + self._jitter()))
            except ClusterError as error:
                failures += 1
                self.failing_since = self.failing_since or asyncio.get_running_loop().time()
                level = logging.ERROR if isinstance(error, Forbidden) else logging.WARNING
                log.log(level, "%s cannot be watched: %s", self.type.plural, error)
                await asyncio.sleep(min(_LONGEST_PAUSE, 0.5 * 2.0**failures) * (0.5 + self._jitter() / 2))

    async def _list(self) -> str:
        before = dict(self._sink.known())
        version = ""
        pages = self._cluster.pages(
            self.type, self._namespace, self._selector, metadata_only=self._metadata_only
        )
        async for page in pages:
            version = page.resource_version
            for obj in page.items:
                for name in self._sink.see(obj):
                    before.pop(name, None)
        self._sink.vanished(before)
        return version

    async def _follow(self, version: str) -> None:
        """Pass changes on until it is time for a list. The times differ, so that lists do not come all at once."""
        wait = self._resync * (0.8 + 0.4 * self._jitter())
        if not self._watching:
            await asyncio.sleep(wait)
            return
        with contextlib.suppress(TimeoutError):
            async with (
                asyncio.timeout(wait),
                contextlib.aclosing(
                    self._cluster.watch(
                        self.type,
                        self._namespace,
                        version,
                        self._selector,
                        metadata_only=self._metadata_only,
                    )
                ) as changes,
            ):
                async for change in changes:
                    if change.kind is Kind.DELETED:
                        self._sink.lose(change.object)
                    else:
                        self._sink.see(change.object)
