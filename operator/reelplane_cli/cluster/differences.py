"""What would change in an object: live against what the API server says it would be. Pure.

Fields are named by path, as in ``spec.template.spec.containers[worker].image``: items of a list that have a name
are found by it, so that a container that moves is no change. The server's own bookkeeping is left out, and a
Secret's values are never shown.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_BOOKKEEPING = frozenset(
    {"managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink"}
)
_KEYS = ("name", "containerPort", "port", "mountPath", "type", "key")
"""Fields by which items of lists are told apart, in the order in which they are tried."""
_LONGEST = 48
"""Characters of a value that are shown."""
HIDDEN = "(hidden)"
_NOTHING = object()


@dataclass(frozen=True, slots=True)
class Difference:
    """One field. ``before`` or ``after`` is None where there is, or would be, no such field."""

    path: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        return f"{self.path}  {self.before or 'unset'} -> {self.after or 'unset'}"


def compare(live: Mapping[str, Any], would_be: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Every field that differs, in the order of the objects. Empty: nothing would change."""
    hidden = live.get("kind") == "Secret"
    return tuple(
        Difference(
            path,
            _shown(before, hidden and path.startswith(("data", "stringData"))),
            _shown(after, hidden and path.startswith(("data", "stringData"))),
        )
        for path, before, after in _differing("", _cleaned(live), _cleaned(would_be))
    )


def _cleaned(item: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {key: value for key, value in item.get("metadata", {}).items() if key not in _BOOKKEEPING}
    return {key: value for key, value in item.items() if key != "status"} | {"metadata": metadata}


def _differing(path: str, before: Any, after: Any) -> Iterator[tuple[str, Any, Any]]:
    if before == after:
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in dict.fromkeys((*before, *after)):
            yield from _differing(_joined(path, key), before.get(key, _NOTHING), after.get(key, _NOTHING))
    elif isinstance(before, list) and isinstance(after, list) and (key := _key(before, after)):
        old, new = {item[key]: item for item in before}, {item[key]: item for item in after}
        for name in dict.fromkeys((*old, *new)):
            yield from _differing(f"{path}[{name}]", old.get(name, _NOTHING), new.get(name, _NOTHING))
        if list(old) != list(new) and set(old) == set(new):
            yield f"{path} (order)", list(old), list(new)
    elif _is_document(before) and _is_document(after):
        yield from _differing(f"{path}:", json.loads(before), json.loads(after))
    else:
        yield path, before, after


def _joined(path: str, key: str) -> str:
    if not path or path.endswith(":"):
        return f"{path}{key}"
    # A dotted key, as of labels, would read like a path.
    return f"{path}[{key}]" if "/" in key or "." in key else f"{path}.{key}"


def _key(before: Sequence[Any], after: Sequence[Any]) -> str | None:
    """The field that tells the items of both lists apart; None when there is none."""
    items = [*before, *after]
    if not items or not all(isinstance(item, Mapping) for item in items):
        return None
    for key in _KEYS:
        if all(key in item for item in items):
            alone = all(len({str(item[key]) for item in side}) == len(side) for side in (before, after))
            return key if alone else None
    return None


def _is_document(value: Any) -> bool:
    """A JSON object inside a text, as in our ConfigMaps: its fields are what a person wants to see."""
    return isinstance(value, str) and value.startswith("{") and value.rstrip().endswith("}")


def _shown(value: Any, hidden: bool) -> str | None:
    if value is _NOTHING:
        return None
    if hidden:
        return HIDDEN
    text = value if isinstance(value, str) and value else json.dumps(value, sort_keys=True)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
