"""Where children come from: one waits ready, so that a job does not wait for the extractor's import."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from reelplane_workloads.download.process import Child, ChildDied
from reelplane_workloads.download.protocol import Ready

READY_TIMEOUT = 60.0
"""Seconds a child may take until it is ready: 1.3 on an idle machine, many times that when all start at once."""


class Nursery:
    """Starts children of one extractor. ``keep_warm``: whether one is kept waiting."""

    def __init__(
        self, python: str, extractor: Path, *, impersonate: bool, cwd: Path, keep_warm: bool
    ) -> None:
        self.version = ""
        """yt-dlp's version as the last child said it."""
        self._python = python
        self._extractor = extractor
        self._impersonate = impersonate
        self._cwd = cwd
        self._keep_warm = keep_warm
        self._warm: asyncio.Task[Child] | None = None

    def warm_up(self) -> None:
        """Start the child for the next job, unless there is one."""
        if self._keep_warm and self._warm is None:
            self._warm = asyncio.create_task(self._new())
            # Its failure is met when the child is wanted, and then tried again.
            self._warm.add_done_callback(lambda task: task.cancelled() or task.exception())

    async def take(self) -> Child:
        """A ready child, which the caller must end. Raises ChildDied, OSError or TimeoutError."""
        waiting, self._warm = self._warm, None
        child = None if waiting is None else await self._meet(waiting)
        if child is None:
            child = await self._new()
        self.warm_up()
        return child

    async def close(self) -> None:
        """End the child that waits, and start no other."""
        self._keep_warm = False
        waiting, self._warm = self._warm, None
        if waiting is not None:
            await _dispose(waiting)

    async def _meet(self, waiting: asyncio.Task[Child]) -> Child | None:
        """The child that was warmed up; None when it did not come up, or died while it waited."""
        try:
            child = await asyncio.shield(waiting)
        except (ChildDied, OSError, TimeoutError):
            return None
        except asyncio.CancelledError:
            await _dispose(waiting)
            raise
        if child.alive:
            return child
        await child.end()
        return None

    async def _new(self) -> Child:
        child = await Child.start(self._python, self._extractor, impersonate=self._impersonate, cwd=self._cwd)
        try:
            async with asyncio.timeout(READY_TIMEOUT):
                message = await child.receive()
            if not isinstance(message, Ready):
                raise ChildDied(None, "it did not say that it is ready")
        except BaseException:
            child.kill()
            await child.end()
            raise
        self.version = message.version
        return child


async def _dispose(waiting: asyncio.Task[Child]) -> None:
    """End a child, or its start."""
    waiting.cancel()
    with contextlib.suppress(asyncio.CancelledError, ChildDied, OSError, TimeoutError):
        await (await waiting).end()
