"""What changes between the processes that run and the ones that are planned, said per group."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from reelplane_plan.render.processes import ProcessSpec

_SHOWN = 6
"""Changed fields named per group; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Running:
    """A process that runs: its group, its instance, and what it was started with."""

    group: str
    instance: str
    fingerprint: str
    document: str = ""
    """Text of the runtime document it reads; empty for one that reads none."""


@dataclass(frozen=True, slots=True)
class Change:
    sign: Literal["+", "~", "-"]
    """Start, restart, stop."""
    group: str
    detail: str

    def __str__(self) -> str:
        return f"{self.sign} {self.group:<8} {self.detail}".rstrip()


def compare(specs: Sequence[ProcessSpec], running: Sequence[Running]) -> tuple[Change, ...]:
    """Changes in the plan's order, then groups that are no longer planned. Empty: it runs as planned."""
    found = [
        change
        for spec in specs
        for change in _group(spec, [each for each in running if each.group == spec.name])
    ]
    planned = {spec.name for spec in specs}
    gone = sorted({each.group for each in running if each.group not in planned})
    return (
        *found,
        *(Change("-", name, _count(sum(each.group == name for each in running))) for name in gone),
    )


def _group(spec: ProcessSpec, live: list[Running]) -> Iterator[Change]:
    if not live:
        yield Change("+", spec.name, _count(spec.replicas) + _range(spec))
        return
    stale = [each for each in live if each.fingerprint != spec.fingerprint]
    if stale:
        yield Change("~", spec.name, f"{_count(len(stale))}: {_why(stale[0], spec)}")
    # The number of scaled processes is the backlog's to decide, within bounds.
    highest = spec.rule.maximum if spec.rule else spec.replicas
    lowest = spec.rule.minimum if spec.rule else spec.replicas
    if len(live) < lowest:
        yield Change("+", spec.name, _count(lowest - len(live)))
    if len(live) > highest:
        yield Change("-", spec.name, _count(len(live) - highest))


def _why(old: Running, spec: ProcessSpec) -> str:
    before, after = dict(_flat(old.document)), dict(_flat(spec.document or ""))
    paths = [path for path in sorted(before | after) if before.get(path) != after.get(path)]
    shown = [f"{path} {before.get(path, 'unset')} -> {after.get(path, 'unset')}" for path in paths[:_SHOWN]]
    if len(paths) > _SHOWN:
        shown.append(f"and {len(paths) - _SHOWN} more")
    return ", ".join(shown) or "its command line, scaling or a secret changed"


def _flat(text: str) -> Iterator[tuple[str, str]]:
    yield from _leaves("", json.loads(text)) if text else ()


def _leaves(path: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _leaves(f"{path}.{key}" if path else key, each)
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _leaves(f"{path}[{index}]", each)
    else:
        yield path, json.dumps(value)


def _count(number: int) -> str:
    return f"{number} process{'' if number == 1 else 'es'}"


def _range(spec: ProcessSpec) -> str:
    return f", up to {spec.rule.maximum} by backlog" if spec.rule else ""
