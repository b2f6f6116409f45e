"""Nodes of a CloudFormation resource schema, as the shaper reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from reelplane_infra.checks.shaping import Kind

_KINDS: Final[Mapping[str, Kind]] = {
    "array": "list",
    "string": "string",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
}


@dataclass(frozen=True)
class SchemaTarget:
    """A schema inside ``document``, whose ``$ref``s it follows."""

    document: Mapping[str, Any]
    schema: Mapping[str, Any]

    @cached_property
    def _resolved(self) -> Mapping[str, Any]:
        """The schema with its reference followed and the properties of its alternatives laid together."""
        schema: Mapping[str, Any] = self.schema
        while "$ref" in schema:
            found: Any = self.document
            for part in str(schema["$ref"]).removeprefix("#/").split("/"):
                found = found[part]
            schema = found
        if "properties" in schema or "items" in schema:
            return schema
        merged: dict[str, Any] = {}
        for branch in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())):
            inner = SchemaTarget(self.document, branch)._resolved
            merged |= {key: each for key, each in inner.items() if key != "properties"}
            merged["properties"] = merged.get("properties", {}) | dict(inner.get("properties", {}))
        return {**merged, **schema} if merged.get("properties") or "items" in merged else schema

    @cached_property
    def kind(self) -> Kind:
        schema = self._resolved
        types = schema.get("type", "object")
        named = [types] if isinstance(types, str) else list(types)
        if schema.get("properties"):
            return "structure"
        if "object" in named:
            return "map" if schema.get("patternProperties") else "json"
        return _KINDS[named[0]]

    @cached_property
    def members(self) -> Mapping[str, SchemaTarget]:
        return {
            name: SchemaTarget(self.document, each)
            for name, each in self._resolved.get("properties", {}).items()
        }

    @cached_property
    def item(self) -> SchemaTarget | None:
        schema = self._resolved
        if "items" in schema:
            return SchemaTarget(self.document, schema["items"])
        for each in schema.get("patternProperties", {}).values():
            return SchemaTarget(self.document, each)
        return None

    @cached_property
    def enum(self) -> Sequence[str]:
        return [str(each) for each in self._resolved.get("enum", ())]
