"""Kopf's part: the events of our own kinds, put into the world and the queue. Nothing else happens in a handler.

Only event handlers are used. Handlers of creation, update and deletion keep their progress in annotations, daemons
and timers put finalizers on objects: an operator that is uninstalled first would leave objects that cannot be
deleted. What Kopf would remember of each object is switched off too, so it writes nothing at all and does not
copy every object it hears of (1.5 ms of CPU per event became 0.8).
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, cast

import aiohttp
import kopf

from reelplane_operator.cluster.access import Access
from reelplane_operator.cluster.resources import CUSTOM
from reelplane_operator.reconcile.keys import key_of
from reelplane_operator.reconcile.sinks import Enqueue
from reelplane_operator.reconcile.world import World

_SERVER_ENDS = 300
"""Seconds after which the API server ends a watch."""
_SILENCE = 120.0
"""Seconds without a word, bookmarks included (one a minute), after which a connection counts as dead."""
_FAREWELL = 10.0
"""Seconds for Kopf to end."""


def hearing(world: World, enqueue: Enqueue) -> Callable[[str | None, dict[str, Any]], None]:
    """What an event of one of our objects does."""

    def hear(kind: str | None, obj: dict[str, Any]) -> None:
        if kind == "DELETED":
            enqueue(world.lose(key_of(obj), obj["metadata"]["uid"]))
        else:
            enqueue(world.see(obj))

    return hear


def registry(
    hear: Callable[[str | None, dict[str, Any]], None], access: Callable[[], Awaitable[Access]]
) -> kopf.OperatorRegistry:
    """Handlers for our kinds, which pass events on to ``hear``: type, None in a list, and object.

    ``access`` gives credentials that are good now; it is called again when they no longer are.
    """
    made = kopf.OperatorRegistry()

    async def heard(event: kopf.RawEvent, **_: Any) -> None:
        hear(event["type"], cast(dict[str, Any], event["object"]))

    for kind in CUSTOM:
        kopf.on.event(kind.group, kind.version, kind.plural, registry=made)(heard)

    @kopf.on.login(registry=made, errors=kopf.ErrorsMode.TEMPORARY, backoff=5)
    async def login(**_: Any) -> kopf.AiohttpSession:
        found = await access()
        header = await found.credentials.header()
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=found.tls if found.tls is not None else True),
            headers={"Authorization": header} if header else None,
            proxy=found.proxy,
        )
        return kopf.AiohttpSession(
            server=found.host, aiohttp_session=session, default_namespace=found.namespace
        )

    return made


def settings() -> kopf.OperatorSettings:
    """Kopf, told to watch and to keep quiet."""
    made = kopf.OperatorSettings()
    made.posting.enabled = False
    made.peering.standalone = True
    made.watching.server_timeout = _SERVER_ENDS
    made.watching.inactivity_timeout = _SILENCE
    made.watching.connect_timeout = 10
    made.watching.chunk_size = 500
    made.queueing.idle_timeout = 0.5
    # Whoever stops us sends SIGKILL; a thread that Kopf kills after ten minutes would take our shutdown with it.
    made.process.ultimate_exiting_timeout = None
    made.persistence.diffbase_storage = _NoDiffs()
    made.persistence.progress_storage = _NoProgress()
    return made


_IDENTITY = "reelplane-operator"
"""Who we are to Kopf's peers, of which there are none: who leads is the Lease's to say."""


class Watcher:
    """Kopf in a thread with an event loop of its own.

    It takes signals over in a main thread, and when it ends it cancels every task of its loop that began after
    it, whosever that is: reconciles that are to finish, too. In a thread it does neither.
    """

    def __init__(self, registry: kopf.OperatorRegistry, namespaces: tuple[str, ...]) -> None:
        self._registry = registry
        self._namespaces = namespaces
        self._stop = threading.Event()
        # Kopf reports each event that it passed on, and that it leaves signals to us.
        logging.getLogger("kopf").setLevel(logging.WARNING)
        logging.getLogger("kopf._core.reactor.running").setLevel(logging.ERROR)

    async def run(self) -> None:
        """Watch until cancelled. What Kopf cannot go on from is raised."""
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[None] = loop.create_future()
        thread = threading.Thread(target=self._work, args=(loop, ended), name="kopf", daemon=True)
        thread.start()
        try:
            await asyncio.shield(ended)
            raise RuntimeError("Kopf stopped watching without saying why")
        finally:
            self._stop.set()
            await asyncio.to_thread(thread.join, _FAREWELL)

    def _work(self, loop: asyncio.AbstractEventLoop, ended: asyncio.Future[None]) -> None:
        failed: BaseException | None = None
        try:
            kopf.run(
                registry=self._registry,
                settings=settings(),
                # Otherwise Kopf asks the system for our user's name, and a pod's user has none.
                identity=cast("Any", _IDENTITY),
                standalone=True,
                clusterwide=not self._namespaces,
                namespaces=self._namespaces,
                stop_flag=self._stop,
            )
        except Exception as error:
            failed = error
        if not self._stop.is_set():
            loop.call_soon_threadsafe(_settle, ended, failed)


def _settle(ended: asyncio.Future[None], failed: BaseException | None) -> None:
    if not ended.done():
        ended.set_exception(failed) if failed else ended.set_result(None)


class _NoDiffs(kopf.DiffBaseStorage):
    """Kopf compares objects with what it stored of them: nothing is."""

    def build(self, *, body: kopf.Body, extra_fields: Iterable[Any] | None = None) -> kopf.BodyEssence:
        return kopf.BodyEssence({})

    def fetch(self, *, body: kopf.Body) -> kopf.BodyEssence | None:
        return None

    def store(self, *, body: kopf.Body, patch: kopf.Patch, essence: kopf.BodyEssence) -> None:
        return None


class _NoProgress(kopf.ProgressStorage):
    """Progress is kept of handlers that may be interrupted: there is none."""

    def fetch(self, *, key: Any, body: kopf.Body) -> kopf.ProgressRecord | None:
        return None

    def store(self, *, key: Any, record: kopf.ProgressRecord, body: kopf.Body, patch: kopf.Patch) -> None:
        return None

    def purge(self, *, key: Any, body: kopf.Body, patch: kopf.Patch) -> None:
        return None

    def touch(self, *, body: kopf.Body, patch: kopf.Patch, value: str | None) -> None:
        return None

    def clear(self, *, essence: kopf.BodyEssence) -> kopf.BodyEssence:
        return essence
