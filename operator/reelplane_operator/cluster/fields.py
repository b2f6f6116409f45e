"""Who owns which fields of an object: drift, seen without comparing a single value.

Under server-side apply the server keeps, per manager, the set of fields it wrote. Whoever changes the value of a
field of ours takes it out of our set; whoever writes fields that we leave alone (an autoscaler, an injector, a
controller writing status) does not touch it. So our set, hashed, changes if and only if something of ours was
changed, and comes back when we apply again. Pure: what a restart finds is what was there before it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

Path = tuple[str, ...]


def fingerprint(obj: dict[str, Any], manager: str = "reelplane") -> str | None:
    """A hash of the fields of ``obj`` that ``manager`` holds by apply (16 hex digits); None: it holds none.

    Fields of subresources (status) are entries of their own and not looked at.
    """
    fields = _field_set(obj, manager)
    if not fields:
        return None
    return hashlib.sha256(json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()).hexdigest()[:16]


def overridden(before: dict[str, Any], after: dict[str, Any], manager: str = "reelplane") -> tuple[str, ...]:
    """The managers that hold, in ``after``, fields that ``manager`` held in ``before`` and no longer does.

    ``before`` is any state of the object in which we held what we want: an earlier one, or the answer of the
    apply that put things right. A field that was removed is held by nobody, and names nobody.
    """
    lost = _held(before, manager) - _held(after, manager)
    takers = {
        str(entry.get("manager"))
        for entry in _entries(after)
        if entry.get("manager") != manager and not lost.isdisjoint(_paths(entry.get("fieldsV1", {})))
    }
    return tuple(sorted(takers))


def emptied(wanted: dict[str, Any], live: dict[str, Any], manager: str = "reelplane") -> dict[str, Any]:
    """The merge patch that takes from ``live`` what ``manager`` applied below objects that are empty in ``wanted``.

    Objects inside lists are left alone. Empty when there is nothing to take.
    """
    return _taken(wanted, live, _field_set(live, manager))


def as_merge_patch(
    wanted: dict[str, Any], live: dict[str, Any], manager: str = "reelplane"
) -> dict[str, Any]:
    """The merge patch that makes of ``live`` what an apply of ``wanted`` by ``manager`` would.

    Lists are as in ``wanted``, also where others have items in them: good for a dry run only.
    """
    return _merged(wanted, live, _field_set(live, manager))


def _merged(wanted: dict[str, Any], live: dict[str, Any], held: dict[str, Any]) -> dict[str, Any]:
    patch: dict[str, Any] = {key: None for key in live if f"f:{key}" in held}
    for key, value in wanted.items():
        there = live.get(key)
        if isinstance(value, dict) and isinstance(there, dict):
            patch[key] = _merged(value, there, held.get(f"f:{key}", {}))
        else:
            patch[key] = value
    return patch


def _taken(wanted: dict[str, Any], live: dict[str, Any], held: dict[str, Any]) -> dict[str, Any]:
    patch = {}
    for key, value in wanted.items():
        there, ours = live.get(key), held.get(f"f:{key}")
        if isinstance(value, dict) and isinstance(there, dict) and ours:
            below = _taken(value, there, ours) if value else {k: None for k in there if f"f:{k}" in ours}
            if below:
                patch[key] = below
    return patch


def _entries(obj: dict[str, Any]) -> list[dict[str, Any]]:
    return obj.get("metadata", {}).get("managedFields") or []


def _field_set(obj: dict[str, Any], manager: str) -> dict[str, Any]:
    """What ``manager`` applied, in the nested form of ``fieldsV1``: there is one such entry at most."""
    for entry in _entries(obj):
        ours = entry.get("manager") == manager and entry.get("operation") == "Apply"
        if ours and not entry.get("subresource"):
            fields: dict[str, Any] = entry.get("fieldsV1", {})
            return fields
    return {}


def _held(obj: dict[str, Any], manager: str) -> set[Path]:
    return set(_paths(_field_set(obj, manager)))


def _paths(fields: dict[str, Any], parent: Path = ()) -> Iterator[Path]:
    """The leaves of a field set: ``f:`` a field, ``k:`` and ``v:`` an item of a list, ``.`` the item itself."""
    for key, below in fields.items():
        path = (*parent, key)
        if below:
            yield from _paths(below, path)
        else:
            yield path
