"""Writes into a region: only what differs, and deletes only what this hub wrote."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from reelplane_operator.cluster import resources
from reelplane_operator.cluster.client import Cluster
from reelplane_operator.cluster.fields import fingerprint
from reelplane_operator.regions.record import Written

HUB = "reelplane.io/hub"
"""Annotation on what a hub wrote: ``<namespace>.<name>`` of its RegionDeployment."""


async def apply_all(
    where: Cluster,
    namespace: str,
    wanted: Sequence[dict[str, Any]],
    digests: Mapping[tuple[str, str, str], str],
) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """Bring all of ``wanted`` there; returns them as they then stand, and the inventory with their digests.

    Raises ClusterError. The namespace is made when it is missing.
    """
    await _namespace(where, namespace)
    live = await asyncio.gather(*(_bring(where, each, digests) for each in wanted))
    inventory = [
        {
            "apiVersion": each["apiVersion"],
            "kind": each["kind"],
            "name": each["metadata"]["name"],
            "digest": digest(each, found),
        }
        for each, found in zip(wanted, live, strict=True)
    ]
    return list(live), inventory


async def remove_all(where: Cluster, namespace: str, objects: Sequence[Written], *, owner: str) -> bool:
    """Delete what ``owner`` wrote there; True while something of it still stands. Raises ClusterError."""
    standing = await asyncio.gather(*(_remove(where, namespace, each, owner) for each in objects))
    return any(standing)


def digest(wanted: Mapping[str, Any], live: Mapping[str, Any]) -> str:
    """What we want and which of its fields are still ours, as one short text."""
    text = json.dumps(wanted, sort_keys=True, separators=(",", ":"))
    return f"{hashlib.sha256(text.encode()).hexdigest()[:16]}-{fingerprint(dict(live))}"


async def _bring(
    where: Cluster, wanted: dict[str, Any], digests: Mapping[tuple[str, str, str], str]
) -> dict[str, Any]:
    metadata = wanted["metadata"]
    kind = resources.type_of(wanted)
    live = await where.get(kind, metadata["namespace"], metadata["name"])
    known = digests.get((wanted["apiVersion"], wanted["kind"], metadata["name"]))
    if live is not None and known == digest(wanted, live):
        return live
    return await where.apply(wanted)


async def _remove(where: Cluster, namespace: str, each: Written, owner: str) -> bool:
    kind = resources.resource(each.api_version, each.kind)
    live = await where.get(kind, namespace, each.name)
    if live is None or live["metadata"].get("annotations", {}).get(HUB) != owner:
        return False
    await where.delete(kind, namespace, each.name, uid=live["metadata"]["uid"])
    return True


async def _namespace(where: Cluster, name: str) -> None:
    if await where.get(resources.NAMESPACES, None, name) is None:
        await where.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
