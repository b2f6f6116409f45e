"""The names that an emulator gave: recorded value -> emulated value, by the resource that it belongs to.

An input may only use what its recorded dependencies export. A recorded id that reaches a request without such a
dependency is not replaced, and so names something that the emulator has never heard of; ``dangling`` finds these also
where an emulator does not look.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from reelplane_infra.record import Resource, plain, walk

_MARK: Final = re.compile(r"(?=[0-9]*[a-fA-F])(?=[a-fA-F]*[0-9])(?:[0-9a-f]{8,}|[0-9A-F]{8,})")
"""The digits of a made-up id (record/shapes.py): hexadecimal, with a letter, as an account's number has none."""


@dataclass(slots=True)
class Symbols:
    """Of one emulator."""

    given: dict[str, dict[str, str]] = field(default_factory=dict)
    """URN -> recorded value -> the emulator's."""
    owners: dict[str, str] = field(default_factory=dict)
    """Digits of a recorded id -> URN of the resource that it belongs to."""

    def learn(self, resource: Resource) -> None:
        """Takes note of the ids that the recorder made up for ``resource``."""
        known = _marks(str(each) for _, each in walk(plain(dict(resource.inputs))))
        for mark in _marks(made_up(resource).values()) - known:
            self.owners.setdefault(mark, resource.urn)

    def give(self, resource: Resource, emulated: Mapping[str, str], sent: Mapping[str, Any]) -> None:
        """``emulated`` is output (or ``id``) -> value; outputs that the emulator does not have keep their value.

        ``sent`` has the inputs with the emulator's names: an input that is also an output hands them on.
        """
        table: dict[str, str] = {}
        for key in resource.inputs.keys() & resource.outputs.keys() & sent.keys():
            pairs = zip(walk(plain(resource.inputs[key])), walk(sent[key]), strict=True)
            table |= {
                old: new
                for (_, old), (_, new) in pairs
                if isinstance(old, str) and isinstance(new, str) and old != new
            }
        for path, value in made_up(resource).items():
            answered = emulated.get(path)
            if answered is not None and answered != value:
                table[value] = answered
                # Kafka's topics and groups have ARNs of their own that end in their cluster's name and id.
                old, new = _tail(value), _tail(answered)
                if _MARK.search(old) and new:
                    table[old] = new
        self.given[resource.urn] = table

    def replace(self, value: Any, urns: Iterable[str]) -> Any:
        """``value`` with the emulator's names for what the resources ``urns`` export."""
        table: dict[str, str] = {}
        for urn in urns:
            table |= self.given.get(urn, {})
        return _replaced(value, table, _pattern(table)) if table else value

    def dangling(self, value: Any) -> list[str]:
        """Recorded ids that are left in a request, with the resource each belongs to."""
        found = []
        for path, each in walk(value):
            if isinstance(each, str):
                owners = {self.owners[mark] for mark in _MARK.findall(each) if mark in self.owners}
                found += [f"{path} is {each!r}, which belongs to {urn}" for urn in sorted(owners)]
        return found


def made_up(resource: Resource) -> dict[str, str]:
    """What the recorder answered by itself: ``id`` and the outputs that are no inputs, by path."""
    found = {"id": resource.id} if isinstance(resource.id, str) and resource.id else {}
    for key, value in resource.outputs.items():
        if key in resource.inputs:
            continue
        found |= {path: each for path, each in walk(plain(value), key) if isinstance(each, str) and each}
    return found


def _tail(arn: str) -> str:
    """What an ARN says after the resource's kind; empty when there is no more."""
    return arn.partition("/")[2] if arn.startswith("arn:") else ""


def _marks(texts: Iterable[str]) -> set[str]:
    return {mark for text in texts for mark in _MARK.findall(text)}


def _pattern(table: Mapping[str, str]) -> re.Pattern[str] | None:
    """Finds ids inside longer texts (a policy, an ARN); names that are words are replaced as a whole only."""
    inner = sorted((each for each in table if _MARK.search(each)), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, inner))) if inner else None


def _replaced(value: Any, table: Mapping[str, str], pattern: re.Pattern[str] | None) -> Any:
    if isinstance(value, str):
        if value in table:
            return table[value]
        return pattern.sub(lambda match: table[match[0]], value) if pattern else value
    if isinstance(value, dict):
        return {
            _replaced(key, table, pattern): _replaced(each, table, pattern) for key, each in value.items()
        }
    if isinstance(value, list):
        return [_replaced(each, table, pattern) for each in value]
    return value
