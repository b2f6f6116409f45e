"""Where the hub's records are kept: ConfigMaps in the operator's own namespace."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from reelplane_operator.cluster import resources
from reelplane_operator.cluster.client import Cluster
from reelplane_operator.regions.record import LABEL, Record, Written, parse

_log = logging.getLogger(__name__)


class Records:
    def __init__(self, hub: Cluster, namespace: str) -> None:
        self._hub = hub
        self._namespace = namespace

    async def get(self, namespace: str, name: str) -> Record | None:
        wanted = Record(namespace, name, "", None, "", "", "", ())
        found = await self._hub.get(resources.CONFIG_MAPS, self._namespace, wanted.object_name)
        return parse(found) if found else None

    async def all(self) -> list[Record]:
        """Every record that can be read; one that cannot is named in the log."""
        found = []
        for each in await self._hub.list(resources.CONFIG_MAPS, self._namespace, f"{LABEL}=true"):
            try:
                found.append(parse(each))
            except ValueError as error:
                _log.error("%s", error)
        return found

    async def put(self, record: Record, *, also: Sequence[Written], before: Record | None) -> None:
        """Keep ``record``, with the objects of ``also`` that are still to be removed; nothing when it stands so."""
        kept = replace(record, objects=tuple(sorted({*record.objects, *also})))
        if kept != before:
            await self._hub.apply(kept.manifest(self._namespace))

    async def remove(self, record: Record) -> None:
        await self._hub.delete(resources.CONFIG_MAPS, self._namespace, record.object_name)
