"""Models to CustomResourceDefinitions: pydantic's JSON schema made structural, as apiextensions.k8s.io/v1 asks for.

Structural means: no ``$ref``, no ``anyOf`` for what may be absent, a type everywhere, defaults written out in
full. Defaults of objects contain the defaults inside them, because the API server checks a default against the
CEL rules as it stands.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from reelplane_crds.kinds.common import GROUP, VERSION, Resource
from reelplane_crds.kinds.forms import Name
from reelplane_crds.kinds.values import DETAIL, EXAMPLE, MEANS, JsonSchema, with_rules
from reelplane_crds.rules import ONE_OF

_DROPPED = frozenset({"title", "$defs"})
_WORDS = frozenset({MEANS, DETAIL, EXAMPLE})


class _Generator(GenerateJsonSchema):
    """Writes the default of an object under its JSON names, without what is absent."""

    def encode_default(self, dft: Any) -> Any:
        if isinstance(dft, BaseModel):
            return dft.model_dump(mode="json", by_alias=True, exclude_none=True)
        return super().encode_default(dft)


def openapi(kind: type[Resource]) -> JsonSchema:
    """The structural schema of a kind, still with the words that only reference pages and tests read (``_WORDS``)."""
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
            {
                "name": column.name,
                "type": column.type,
                "jsonPath": column.path,
                **({"priority": column.priority} if column.priority else {}),
            }
            for column in names.columns
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
    if "description" in node:
        # Docstrings are wrapped, explanations are not.
        node["description"] = " ".join(node["description"].split())
    if "const" in node:
        node["enum"] = [node.pop("const")]
    if node.get("default", ...) is None:
        del node["default"]
    if node.get("type") == "integer":
        node["format"] = "int32" if node.get("maximum", 2**63) < 2**31 else "int64"
    if properties := node.pop("properties", None):
        node["properties"] = {name: _structural(each, definitions) for name, each in properties.items()}
    if "items" in node:
        node["items"] = _structural(node["items"], definitions)
    if node.get("additionalProperties") is False:
        # Implied: what a structural schema does not name is refused or pruned.
        del node["additionalProperties"]
    if "patternProperties" in node:
        node = _map(node, definitions)
    return {key: node[key] for key in _in_order(node) if key not in _DROPPED}


def _map(node: JsonSchema, definitions: dict[str, JsonSchema]) -> JsonSchema:
    """A map whose keys have a form. A structural schema has no words for keys, so CEL says it."""
    rest = {key: value for key, value in node.items() if key not in ("patternProperties", "propertyNames")}
    ((pattern, values),) = node["patternProperties"].items()
    keys = node["propertyNames"]
    rest["additionalProperties"] = _structural(values, definitions)
    form = pattern.replace("\\", "\\\\")
    return with_rules(
        rest,
        {
            "rule": f"self.all(key, key.size() <= {keys['maxLength']} && key.matches('{form}'))",
            "message": f"every key must be {keys[MEANS]} ({keys[DETAIL]})",
        },
    )


_FIRST = ("type", "format", "description", "default", "enum")
_LAST = ("required", "properties", "items", "additionalProperties")


def _in_order(node: JsonSchema) -> list[str]:
    """Keys as a person reads them: what it is, then its bounds, then what is inside."""
    first = [key for key in _FIRST if key in node]
    last = [key for key in _LAST if key in node]
    return [*first, *(key for key in node if key not in _FIRST + _LAST), *last]


def _published(node: Any) -> Any:
    """The schema without the words that are for reference pages only, and without defaults of unions.

    A default that the server writes into an object stays there: whoever adds ``cache: {external: …}`` later would
    have two members set. The operator and the planner choose the same default where the field is missing.
    """
    if isinstance(node, dict):
        dropped = _WORDS | {"default"} if _is_union(node) else _WORDS
        return {key: _published(value) for key, value in node.items() if key not in dropped}
    return [_published(each) for each in node] if isinstance(node, list) else node


def _is_union(node: JsonSchema) -> bool:
    rules = node.get("x-kubernetes-validations") or ()
    return any(isinstance(rule, dict) and rule["message"].startswith(ONE_OF) for rule in rules)
