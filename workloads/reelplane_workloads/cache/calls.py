"""Commands and scripts over one pipelined connection, with the errors that callers here and in the queue expect."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import hiredis

from reelplane_workloads.cache.address import Address
from reelplane_workloads.cache.client import refusal
from reelplane_workloads.cache.scripts import Script
from reelplane_workloads.cache.wire import Wire, encode


class Calls:
    """Every call raises Problem(UNAVAILABLE) while the server is away, hangs, or says that it cannot serve."""

    def __init__(self, wire: Wire, address: Address) -> None:
        self._wire = wire
        self._address = address

    async def ask(self, payload: bytes) -> Any:
        """The reply to one encoded command. Raises hiredis.ReplyError where the command itself is at fault."""
        try:
            return await self._wire.call(payload)
        except hiredis.ReplyError as error:
            raise refusal(self._address, error) from error

    async def run(self, script: Script, keys: Sequence[str], *arguments: str | bytes | int) -> Any:
        """Run a script: a tenth of what the same call costs through redis-py."""
        payload = encode("EVALSHA", script.sha, len(keys), *keys, *arguments)
        try:
            return await self._wire.call(payload)
        except hiredis.ReplyError as error:
            return await self.load_and_retry(error, encode("SCRIPT", "LOAD", script.source), payload)

    async def load_and_retry(self, error: hiredis.ReplyError, load: bytes, payload: bytes) -> Any:
        """A restarted or wiped server does not know the script: send its text, then the call again."""
        if not str(error).startswith("NOSCRIPT"):
            raise refusal(self._address, error) from error
        await self.ask(load)
        return await self.ask(payload)
