"""The end of a process: in good order, but not later than that is worth waiting for."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import threading
import time
from collections.abc import AsyncIterator

CLOSING = 10.0
"""Seconds for connections, threads and the event loop to be closed, which takes a tenth of one when all is well."""


def leave_soon(code: int = 0) -> None:
    """End this process with ``code`` in CLOSING seconds, where it has not ended by then.

    For when everything is handed back and said. What is left to be waited for are threads, and one that asks libc's
    resolver cannot be interrupted: it takes minutes to give up on name servers that do not answer.
    """

    def leave() -> None:
        time.sleep(CLOSING)
        logging.shutdown()
        os._exit(code)

    threading.Thread(target=leave, name="leave", daemon=True).start()


@contextlib.asynccontextmanager
async def leaving_when(told: asyncio.Event) -> AsyncIterator[None]:
    """Within: a process that is told to leave does so soon, whatever it waits for, since it has taken nothing yet."""

    async def watch() -> None:
        await told.wait()
        leave_soon()

    watching = asyncio.create_task(watch(), name="leave when told")
    try:
        yield
    finally:
        watching.cancel()
