"""A watch: what changed after a version, one change at a time.

A server ends every watch after some minutes; the stream then goes on from the last version that was seen. Bookmarks
keep that version young where nothing changes, so that it is still remembered.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator
from enum import StrEnum
from typing import Any, NamedTuple
from urllib.parse import urlencode

from reelplane_operator.cluster.errors import from_answer
from reelplane_operator.cluster.resources import ResourceType
from reelplane_operator.cluster.transport import Call, Transport

METADATA = "application/json;as={};g=meta.k8s.io;v=v1"
"""How a server is asked for metadata alone: of a Secret without its values, of a Deployment without its spec."""
_LENGTH = 300
"""Seconds after which a server ends a watch. client-go asks for 5 to 10 minutes."""
_HASTE = 1.0
"""Seconds. A server or proxy that ends watches sooner than this is not asked again at once."""


class Kind(StrEnum):
    """What happened to the object."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"


class Change(NamedTuple):
    """The object as it is after the change; before it, for a deletion."""

    kind: Kind
    object: dict[str, Any]


async def changes(
    transport: Transport,
    type: ResourceType,
    namespace: str | None,
    resource_version: str,
    label_selector: str | None = None,
    *,
    metadata_only: bool = False,
) -> AsyncGenerator[Change, None]:
    """See ``Cluster.watch``."""
    version = resource_version
    accept = METADATA.format("PartialObjectMetadata") if metadata_only else None
    query = {"watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": str(_LENGTH)}
    if label_selector:
        query["labelSelector"] = label_selector
    while True:
        path = f"{type.path(namespace)}?{urlencode(query | {'resourceVersion': version})}"
        call = Call("watch", "GET", path, type.kind, namespace, accept=accept)
        started = time.monotonic()
        async with transport.stream(call) as pieces:
            async for line in _lines(pieces):
                event = json.loads(line)
                item = event["object"]
                if event["type"] == "ERROR":
                    raise from_answer(str(call), item.get("code", 500), json.dumps(item).encode())
                version = item["metadata"]["resourceVersion"]
                if event["type"] != "BOOKMARK":
                    if metadata_only:
                        item |= {"apiVersion": type.api_version, "kind": type.kind}
                    yield Change(Kind(event["type"]), item)
        if time.monotonic() - started < _HASTE:
            await asyncio.sleep(_HASTE)


async def _lines(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Whole lines out of ``pieces``: a line may be as long as an object, which is more than a reader's buffer."""
    parts: list[bytes] = []
    async for piece in pieces:
        *whole, rest = piece.split(b"\n")
        for line in whole:
            parts.append(line)
            if joined := b"".join(parts):
                yield joined
            parts.clear()
        parts.append(rest)
