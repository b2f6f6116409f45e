"""Events: what a person reads under ``kubectl describe``. Telling is never a reason to fail, or to wait.

``event`` puts a record aside and returns; one task writes them in order. What is said again within the window does
not become another object: the first repetition makes a series of it, later ones are counted and written at
most once per window. An object that says many different things is cut short, so that a note with a number in it
cannot fill etcd.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from reelplane_operator.cluster.client import Cluster
from reelplane_operator.cluster.errors import ClusterError
from reelplane_operator.cluster.resources import EVENTS

logger = logging.getLogger(__name__)

CONTROLLER = "reelplane.io/operator"
_NOTE = 1024
"""Bytes of a note: the API's limit."""
_WAITING = 256
"""Events that may wait to be written; more are dropped and logged."""
_REMEMBERED = 4096
_BURST = 20
"""New events per object and window. client-go's spam filter allows 25 at once."""
_FAREWELL = 2.0
"""Seconds that ``close`` gives to what still waits."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class _Said:
    """One event that was written, and what happened to it since."""

    namespace: str
    name: str
    last: float
    written: float
    count: int = 1


class Recorder:
    """Writes Events about objects. ``instance`` is who says so: the pod's name."""

    def __init__(
        self,
        cluster: Cluster,
        instance: str,
        *,
        window: float = 360.0,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = _now,
    ) -> None:
        """``window``: seconds after which the same words are news again; client-go's is six minutes."""
        self._cluster = cluster
        self._instance = instance[:128]
        self._window = window
        self._clock = clock
        self._now = now
        self._said: OrderedDict[tuple[str, ...], _Said] = OrderedDict()
        self._bursts: OrderedDict[str, deque[float]] = OrderedDict()
        self._waiting: asyncio.Queue[tuple[tuple[str, ...], dict[str, Any]]] = asyncio.Queue(_WAITING)
        self._writer: asyncio.Task[None] | None = None

    def event(
        self,
        obj: dict[str, Any],
        *,
        reason: str,
        note: str,
        action: str,
        type: Literal["Normal", "Warning"] = "Normal",
        related: dict[str, Any] | None = None,
    ) -> None:
        """Say ``note`` about ``obj``. ``reason`` and ``action`` are CamelCase: why it was said, what was being done.

        ``related``: another object that has to do with it. To be called in the event loop; returns at once.
        """
        manifest = self._manifest(
            obj, reason=reason, note=_cut(note), action=action, type=type, related=related
        )
        key = (manifest["regarding"].get("uid", ""), type, reason, action, manifest["note"])
        try:
            self._waiting.put_nowait((key, manifest))
        except asyncio.QueueFull:
            logger.warning("event dropped, %d are waiting already: %s: %s", _WAITING, reason, note)
        if self._writer is None:
            self._writer = asyncio.create_task(self._write_all(), name="events")

    async def flush(self) -> None:
        """Wait until everything that was said so far is written or given up."""
        await self._waiting.join()

    async def close(self) -> None:
        """Write what still waits, for a short while, and stop."""
        if self._writer is None:
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.flush(), _FAREWELL)
        self._writer.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._writer
        self._writer = None

    async def _write_all(self) -> None:
        while True:
            key, manifest = await self._waiting.get()
            try:
                await self._write(key, manifest)
            except ClusterError as why:
                logger.warning("event not written: %s: %s (%s)", manifest["reason"], manifest["note"], why)
            finally:
                self._waiting.task_done()

    async def _write(self, key: tuple[str, ...], manifest: dict[str, Any]) -> None:
        at = self._clock()
        said = self._said.get(key)
        if said is not None and at - said.last < self._window:
            said.last = at
            said.count += 1
            if said.count == 2 or at - said.written >= self._window:
                said.written = at
                series = {"count": said.count, "lastObservedTime": manifest["eventTime"]}
                await self._cluster.merge_patch(EVENTS, said.namespace, said.name, {"series": series})
            return
        if not self._allowed(manifest["regarding"].get("uid", ""), at):
            logger.info("event held back, its object said %d things: %s", _BURST, manifest["note"])
            return
        metadata = manifest["metadata"]
        self._said[key] = _Said(metadata["namespace"], metadata["name"], last=at, written=at)
        self._said.move_to_end(key)
        if len(self._said) > _REMEMBERED:
            self._said.popitem(last=False)
        try:
            await self._cluster.create(manifest)
        except ClusterError:
            # Not there, so there is nothing to make a series of.
            del self._said[key]
            raise

    def _allowed(self, uid: str, at: float) -> bool:
        times = self._bursts.setdefault(uid, deque(maxlen=_BURST))
        self._bursts.move_to_end(uid)
        if len(self._bursts) > _REMEMBERED:
            self._bursts.popitem(last=False)
        if len(times) == _BURST and at - times[0] < self._window:
            return False
        times.append(at)
        return True

    def _manifest(
        self,
        obj: dict[str, Any],
        *,
        reason: str,
        note: str,
        action: str,
        type: str,
        related: dict[str, Any] | None,
    ) -> dict[str, Any]:
        regarding = _reference(obj)
        at = self._now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        mark = hashlib.sha256(
            "\0".join((self._instance, regarding.get("uid", ""), reason, action, note, at)).encode()
        ).hexdigest()[:16]
        return {
            "apiVersion": EVENTS.api_version,
            "kind": EVENTS.kind,
            "metadata": {
                "name": f"{regarding['name'][:230]}.{mark}",
                # Events about what lies in no namespace are kept in this one.
                "namespace": regarding.get("namespace", "default"),
            },
            "eventTime": at,
            "reportingController": CONTROLLER,
            "reportingInstance": self._instance,
            "regarding": regarding,
            "reason": reason,
            "action": action,
            "type": type,
            "note": note,
            **({"related": _reference(related)} if related else {}),
        }


def _reference(obj: dict[str, Any]) -> dict[str, Any]:
    metadata = obj["metadata"]
    fields = {key: metadata[key] for key in ("namespace", "name", "uid") if metadata.get(key)}
    return {"apiVersion": obj["apiVersion"], "kind": obj["kind"], **fields}


def _cut(note: str) -> str:
    raw = note.encode()
    return note if len(raw) <= _NOTE else raw[: _NOTE - 3].decode(errors="ignore") + "…"
