"""The state of a namespace in a form in which two runs can be compared: without what differs between any two.

Left out are uids, versions and times, what controllers add (statuses of children, cluster addresses), and the
random values of generated Secrets, of which the keys stay.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

from reelplane_operator.cluster import resources
from tests.operator.reconcile.conftest import WITHIN, Object, Site

State = dict[tuple[str, str], Object]
_BOOKKEEPING = (
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "generation",
    "managedFields",
    "selfLink",
    "namespace",
)
_ASSIGNED = ("clusterIP", "clusterIPs", "ipFamilies", "healthCheckNodePort", "lastTransitionTime", "digest")


async def state(site: Site) -> State:
    """All that is of ours in a namespace."""
    found = {name: _child(obj) for name, obj in (await site.children()).items()}
    for type in resources.CUSTOM:
        for obj in await site.cluster.list(type, site.name):
            found[type.kind, obj["metadata"]["name"]] = _bare(obj)
    namespaced: State = _renamed(found, site.name)
    return namespaced


async def ends_as(
    site: Site, expected: State, what: str, seen: Callable[[State], State] = lambda found: found
) -> None:
    """Wait until the state is ``expected``; what differs is shown. ``seen``: what is looked at of a state."""
    deadline = time.monotonic() + WITHIN
    while True:
        found = seen(await state(site))
        if found == expected or time.monotonic() > deadline:
            break
        await asyncio.sleep(0.1)
    assert found.keys() == expected.keys(), f"{what}: {sorted(found.keys() ^ expected.keys())}"
    differing = [
        f"{name}{path}: {after!r} instead of {before!r}"
        for name, obj in found.items()
        for path, before, after in _differences(expected[name], obj)
    ]
    assert not differing, f"{what}: {'; '.join(differing)}"


def _differences(before: Any, after: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            yield from _differences(before.get(key), after.get(key), f"{path}.{key}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _differences(old, new, f"{path}[{index}]")
    elif before != after:
        yield path, before, after


async def uids(site: Site) -> dict[tuple[str, str], str]:
    return {name: obj["metadata"]["uid"] for name, obj in (await site.children()).items()}


def _child(obj: Object) -> Object:
    bare: Object = _bare({key: value for key, value in obj.items() if key != "status"})
    if "reelplane.io/generated" in (obj["metadata"].get("annotations") or {}):
        bare["data"] = sorted(obj["data"])
    return bare


def _bare(node: Any) -> Any:
    if isinstance(node, dict):
        return {
            key: _bare(value)
            for key, value in node.items()
            if key not in _BOOKKEEPING and key not in _ASSIGNED
        }
    return [_bare(each) for each in node] if isinstance(node, list) else node


def _renamed(node: Any, namespace: str) -> Any:
    if isinstance(node, dict):
        return {key: _renamed(value, namespace) for key, value in node.items()}
    if isinstance(node, list):
        return [_renamed(each, namespace) for each in node]
    return node.replace(namespace, "<namespace>") if isinstance(node, str) else node
