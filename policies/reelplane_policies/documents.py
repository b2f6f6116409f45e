"""IAM's documents, wherever they stand: inputs of any resource that hold JSON with statements."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any


def documents(value: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every document inside ``value`` with its path, also those inside other JSON."""
    if isinstance(value, str) and '"Statement"' in value:
        try:
            value = json.loads(value)
        except ValueError:
            return
    if isinstance(value, Mapping):
        if "Statement" in value:
            yield path, dict(value)
            return
        for key, each in value.items():
            yield from documents(each, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple):
        for index, each in enumerate(value):
            yield from documents(each, f"{path}[{index}]")


def statements(value: Any) -> Iterator[dict[str, Any]]:
    """The statements of the documents in ``value``."""
    for _, document in documents(value):
        yield from of(document)


def of(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    found = document.get("Statement")
    for each in found if isinstance(found, list) else [found]:
        if isinstance(each, Mapping):
            yield dict(each)


def any_of(statement: Mapping[str, Any], key: str) -> list[str]:
    """The values of ``key`` as a list; of a principal those of all kinds."""
    value = statement.get(key)
    if isinstance(value, Mapping):
        return [each for kind in value.values() for each in (kind if isinstance(kind, list) else [kind])]
    return [] if value is None else list(value) if isinstance(value, list) else [value]
