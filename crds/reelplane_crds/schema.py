"""Models to CustomResourceDefinitions: pydantic's JSON schema made structural, as apiextensions.k8s.io/v1 asks for.

Structural means: no ``$ref``, no ``anyOf`` for what may be absent, a type everywhere, defaults written out in
full. Defaults of objects contain the defaults inside them, because the API server checks a default against the
CEL rules as it stands.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from reelplane_crds.kinds.common import GROUP, VERSION, Name, Resource
from reelplane_crds.kinds.values import DETAIL, MEANS, JsonSchema

_DROPPED = frozenset({"title", "additionalProperties", "$defs"})


class _Generator(GenerateJsonSchema):
    """Writes the default of an object under its JSON names, without what is absent."""

    def encode_default(self, dft: Any) -> Any:
        if isinstance(dft, BaseModel):
            return dft.model_dump(mode="json", by_alias=True, exclude_none=True)
        return super().encode_default(dft)


def openapi(kind: type[Resource]) -> JsonSchema:
    """The structural schema of a kind, still with the words that only reference pages show (``values.MEANS``)."""
    raw = kind.model_json_schema(by_alias=True, schema_generator=_Generator)
    schema = _structural(raw, raw.get("$defs", {}))
    properties = {
        "apiVersion": {"type": "string", "description": f"Version of this schema: {GROUP}/{VERSION}."},
        "kind": {"type": "string", "description": f"What this object is: {kind.__name__}."},
        "metadata": {"type": "object", "properties": {"name": _name()}},
        "spec": schema["properties"]["spec"],
        "status": schema["properties"]["status"],
    }
    return {"type": "object", "description": kind.__doc__, "required": ["spec"], "properties": properties}


def crd(kind: type[Resource]) -> dict[str, Any]:
    """The CustomResourceDefinition of a kind."""
    names = kind.definition
    version = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": _published(openapi(kind))},
        "subresources": {"status": {}},
        "additionalPrinterColumns": [
            {"name": column.name, "type": column.type, "jsonPath": column.path} for column in names.columns
        ],
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{names.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind.__name__,
                "listKind": f"{kind.__name__}List",
                "plural": names.plural,
                "singular": kind.__name__.lower(),
                "shortNames": [names.short],
                "categories": ["reelplane"],
            },
            "versions": [version],
        },
    }


def _name() -> JsonSchema:
    """All that a CRD may say about metadata is what names are allowed."""
    schema = TypeAdapter(Name).json_schema()
    return {**schema, "description": "Name of the object; its children's names start with it."}


def _structural(node: JsonSchema, definitions: dict[str, JsonSchema]) -> JsonSchema:
    """One schema node without references and alternatives; what stands beside a reference wins over its target."""
    node = dict(node)
    if reference := node.pop("$ref", None):
        node = {**definitions[reference.removeprefix("#/$defs/")], **node}
    if alternatives := node.pop("anyOf", None):
        (present,) = (each for each in alternatives if each.get("type") != "null")
        node = {**_structural(present, definitions), **node}
    if "const" in node:
        node["enum"] = [node.pop("const")]
    if node.get("default", ...) is None:
        del node["default"]
    if node.get("type") == "integer":
        node["format"] = "int32" if node.get("maximum", 2**63) < 2**31 else "int64"
    if "properties" in node:
        node["properties"] = {
            name: _structural(each, definitions) for name, each in node["properties"].items()
        }
    if "items" in node:
        node["items"] = _structural(node["items"], definitions)
    return {key: node[key] for key in _in_order(node) if key not in _DROPPED}


_ORDER = ("type", "format", "description", "default", "enum", "required", "properties", "items")


def _in_order(node: JsonSchema) -> list[str]:
    """Keys as a person reads them: what it is, then its bounds, then what is inside."""
    first = [key for key in _ORDER[:5] if key in node]
    last = [key for key in _ORDER[5:] if key in node]
    return [*first, *(key for key in node if key not in _ORDER), *last]


def _published(node: Any) -> Any:
    """The schema without the words that are for reference pages only."""
    if isinstance(node, dict):
        return {key: _published(value) for key, value in node.items() if key not in (MEANS, DETAIL)}
    return [_published(each) for each in node] if isinstance(node, list) else node
