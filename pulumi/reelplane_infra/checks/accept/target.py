"""Nodes of an operation's request in AWS's own model of it, which botocore carries, as the shaper reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from reelplane_infra.checks.shaping import Kind

_KINDS: Final[Mapping[str, Kind]] = {
    "structure": "structure",
    "list": "list",
    "map": "map",
    "boolean": "boolean",
    "integer": "integer",
    "long": "integer",
    "float": "number",
    "double": "number",
}
OPEN_LISTS: Final[Mapping[str, str]] = {
    "OpenSearchPartitionInstanceType": "has no r7g and newer families, which OpenSearch offers: "
    "https://docs.aws.amazon.com/opensearch-service/latest/developerguide/supported-instance-types.html (2026-11)",
}
"""Shapes whose lists are behind the service, with where the service says so."""


@dataclass(frozen=True)
class ShapeTarget:
    """A shape of botocore's."""

    shape: Any

    @cached_property
    def kind(self) -> Kind:
        if self.shape.type_name == "structure" and getattr(self.shape, "is_document_type", False):
            return "json"
        return _KINDS.get(self.shape.type_name, "string")

    @cached_property
    def members(self) -> Mapping[str, ShapeTarget]:
        if self.shape.type_name != "structure":
            return {}
        return {name: ShapeTarget(each) for name, each in self.shape.members.items()}

    @cached_property
    def item(self) -> ShapeTarget | None:
        if self.shape.type_name == "list":
            return ShapeTarget(self.shape.member)
        return ShapeTarget(self.shape.value) if self.shape.type_name == "map" else None

    @cached_property
    def enum(self) -> Sequence[str]:
        return [] if self.shape.name in OPEN_LISTS else list(getattr(self.shape, "enum", ()))


def wrong_enums(value: Any, target: ShapeTarget, path: str = "") -> list[str]:
    """Values that AWS's model of the request does not list. botocore knows the lists and does not hold to them."""
    if target.kind == "structure" and isinstance(value, Mapping):
        pairs = [
            (each, target.members[name], f"{path}.{name}")
            for name, each in value.items()
            if name in target.members
        ]
    elif target.kind == "list" and isinstance(value, list) and target.item is not None:
        pairs = [(each, target.item, f"{path}[{index}]") for index, each in enumerate(value)]
    elif target.enum and isinstance(value, str) and value not in target.enum:
        return [f"{path.lstrip('.')} is {value!r}; one of {', '.join(target.enum[:12])} would be right"]
    else:
        return []
    return [wrong for each, inner, where in pairs for wrong in wrong_enums(each, inner, where)]
