"""A recorded plan as data: what every check, price and report reads.

A ``Record`` is one stack in one mode, a ``RecordedPlan`` all stacks of an environment in the order they are deployed.
Both go to JSON and come back equal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

from reelplane_infra.record.values import Value, from_json, plain, to_json
from reelplane_infra.stack import StackName


class Mode(StrEnum):
    """Which of the engine's two runs is recorded."""

    PREVIEW = "preview"
    """What a provider computes is unknown."""
    UPDATE = "update"
    """What a provider computes has a value of the documented shape, so that everything downstream is known."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One registration, as the program sent it and as it was answered."""

    urn: str
    type: str
    """Type token, e.g. ``aws:s3/bucket:Bucket``; a component's is ``reelplane:<module>:<Name>``."""
    name: str
    parent: str = ""
    """URN; empty for the stack itself."""
    custom: bool = True
    """False for a component, which has no counterpart at a provider."""
    id: Value = None
    inputs: dict[str, Value] = field(default_factory=dict)
    """By their names on the wire (camelCase)."""
    outputs: dict[str, Value] = field(default_factory=dict)
    dependencies: tuple[str, ...] = ()
    """URNs, of inputs and of ``depends_on``."""
    property_dependencies: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """URNs by input."""
    protect: bool = False
    retain: bool = False
    """Kept at the provider when it leaves the program."""
    aliases: tuple[str, ...] = ()
    """URNs and names that it had before."""
    ignore_changes: tuple[str, ...] = ()
    provider: str = ""
    version: str = ""
    """Of the provider's plugin."""
    source: str = ""
    """``file:line`` of the program that made it."""
    read: bool = False
    """Read, not made: a stack reference or a ``get``."""

    @property
    def region(self) -> str | None:
        """The ``region`` input; None where the type has none or it is not known."""
        value = plain(self.inputs.get("region"))
        return value if isinstance(value, str) else None


@dataclass(frozen=True, slots=True)
class Invocation:
    """A function of a provider that the program called."""

    token: str
    arguments: dict[str, Value]
    result: dict[str, Value]


@dataclass(frozen=True, slots=True)
class Record:
    """One stack, one mode."""

    stack: StackName
    mode: Mode
    resources: tuple[Resource, ...] = ()
    """What others depend on first, then by URN: two runs agree."""
    invocations: tuple[Invocation, ...] = ()
    outputs: dict[str, Value] = field(default_factory=dict)
    logs: tuple[str, ...] = ()
    """Warnings of the program; an error ends the recording instead."""
    seconds: float = 0.0

    def of_type(self, *types: str) -> tuple[Resource, ...]:
        """Resources of these type tokens, in the record's order."""
        return tuple(each for each in self.resources if each.type in types)

    def by_urn(self) -> dict[str, Resource]:
        return {each.urn: each for each in self.resources}

    def managed(self) -> Iterator[Resource]:
        """What a provider makes: no components, nothing that is only read."""
        return (each for each in self.resources if each.custom and not each.read)


@dataclass(frozen=True, slots=True)
class RecordedPlan:
    """All stacks of an environment."""

    environment: dict[str, Any]
    """The environment's document, as JSON."""
    mode: Mode
    records: tuple[Record, ...]
    """In the order of deployment."""

    def record(self, stack: StackName | str) -> Record:
        """Raises KeyError, with the stacks that there are."""
        for each in self.records:
            if str(each.stack) == str(stack):
                return each
        raise KeyError(f"{stack}: recorded are {', '.join(str(each.stack) for each in self.records)}")

    def resources(self) -> Iterator[tuple[Record, Resource]]:
        """Every resource that a provider makes, with the record it is in."""
        return ((record, resource) for record in self.records for resource in record.managed())


def plan_to_json(plan: RecordedPlan) -> dict[str, Any]:
    return {
        "environment": plan.environment,
        "mode": plan.mode.value,
        "records": [record_to_json(each) for each in plan.records],
    }


def plan_from_json(data: Mapping[str, Any]) -> RecordedPlan:
    records = tuple(record_from_json(each) for each in data["records"])
    return RecordedPlan(dict(data["environment"]), Mode(data["mode"]), records)


def record_to_json(record: Record) -> dict[str, Any]:
    return {
        "stack": str(record.stack),
        "mode": record.mode.value,
        "resources": [_to_json(each) for each in record.resources],
        "invocations": [_to_json(each) for each in record.invocations],
        "outputs": to_json(record.outputs),
        "logs": list(record.logs),
        "seconds": record.seconds,
    }


def record_from_json(data: Mapping[str, Any]) -> Record:
    return Record(
        stack=StackName.parse(data["stack"]),
        mode=Mode(data["mode"]),
        resources=tuple(_resource(each) for each in data["resources"]),
        invocations=tuple(Invocation(**_marked(each)) for each in data["invocations"]),
        outputs=_marked(data["outputs"]),
        logs=tuple(data["logs"]),
        seconds=data["seconds"],
    )


def _to_json(item: Resource | Invocation) -> dict[str, Any]:
    """By field, without what is empty: most resources have no aliases and no parent's provider."""
    values = {each.name: getattr(item, each.name) for each in fields(item)}
    return {key: _listed(value) for key, value in values.items() if value not in ("", (), {}) or key == "id"}


def _listed(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, dict):
        return {key: _listed(each) for key, each in value.items()}
    return to_json(value)


def _resource(data: Mapping[str, Any]) -> Resource:
    values = dict(data)
    for key in ("dependencies", "aliases", "ignore_changes"):
        values[key] = tuple(values.get(key, ()))
    for key in ("inputs", "outputs"):
        values[key] = _marked(values.get(key, {}))
    edges = values.get("property_dependencies", {})
    values["property_dependencies"] = {key: tuple(urns) for key, urns in edges.items()}
    values["id"] = from_json(values.get("id"))
    return Resource(**values)


def _marked(data: Mapping[str, Any]) -> dict[str, Any]:
    return {key: from_json(each) for key, each in data.items()}
