"""The reference page of a kind, as Markdown: fields from its schema, prose from its guide, rules from both.

Pure: a kind in, text out. The guide (``kinds/guides/<Kind>.md``) is the only part written by hand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import yaml

from reelplane_crds.kinds.common import API_VERSION, GROUP, Resource
from reelplane_crds.kinds.values import DETAIL, MEANS, JsonSchema
from reelplane_crds.schema import openapi

_VALIDATIONS = "x-kubernetes-validations"
_CONDITIONS = """\
| condition | when it is True |
|---|---|
| `Ready` | the object does its work as its spec says. `kubectl wait --for=condition=Ready` waits for it |
| `Reconciling` | it is being brought to its spec |
| `Stalled` | it cannot get there without a person: the message says what to do, running children stay untouched |
| `Available` | enough copies answer to serve clients, also while it is being changed |
| `Paused` | the annotation `reelplane.io/paused` is set: nothing of its children is written |
| `DevelopmentOnly` | a VideoPlatform keeps data in embedded stores on a cluster, which nobody replicates or backs up |
| `ExtractorRejected` | a VideoPlatform's wanted version of the extractor failed its trial and was taken back |

A condition that does not hold is False with its reason. One whose `observedGeneration` is below \
`metadata.generation` is about an older spec."""


def page(kind: type[Resource]) -> str:
    """The page of one kind: guide, then spec, rules, status and what kubectl shows."""
    schema = openapi(kind)
    spec, status = schema["properties"]["spec"], schema["properties"]["status"]
    names = kind.definition
    columns = ", ".join(column.name.upper() for column in names.columns if not column.priority)
    wide = ", ".join(column.name.upper() for column in names.columns if column.priority)
    parts = [
        f"# {kind.__name__}",
        schema["description"],
        f"`{API_VERSION}`, short name `{names.short}`: `kubectl get {names.short}`, "
        f"`kubectl explain {names.short}.spec`. All kinds at once: `kubectl get {GROUP.partition('.')[0]}`.",
        guide(kind).strip(),
        "## Spec",
        "Durations are Go durations (`90s`, `1h30m`, `720h`; there are no days), sizes are Kubernetes quantities "
        "(`512Mi`, `50Gi`), rates are a count in `s`, `min` or `h` (`10/min`). Unknown fields are refused.",
        _table(spec, "spec"),
        "## Rules",
        "What crosses fields. The API server and `reelplane` check the same rules.",
        "\n".join(_rules(spec, "spec")),
        "## Status",
        f"Written by Reelplane, never by hand. `kubectl get {names.short}` shows {columns}; with "
        f"`-o wide` also {wide}.",
        _table(status, "status"),
        _CONDITIONS,
    ]
    return "\n\n".join(parts) + "\n"


def guide(kind: type[Resource]) -> str:
    """The hand-written part of a kind's page."""
    return files("reelplane_crds.kinds").joinpath("guides", f"{kind.__name__}.md").read_text(encoding="utf-8")


def _table(schema: JsonSchema, path: str) -> str:
    lines = ["| field | type | default | bounds | meaning |", "|---|---|---|---|---|"]
    for where, node, required in _fields(schema, path):
        cells = (f"`{where}`", _type(node), _default(node, required), _bounds(node), node["description"])
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def _fields(schema: JsonSchema, path: str) -> Iterator[tuple[str, JsonSchema, bool]]:
    """Every field below an object, lists' items under ``path[]``."""
    for name, node in schema.get("properties", {}).items():
        where = f"{path}.{name}"
        yield where, node, name in schema.get("required", ())
        if not _is_reference(node):
            yield from _fields(node, where)
        if "items" in node:
            yield from _fields(node["items"], f"{where}[]")


def _is_reference(node: JsonSchema) -> bool:
    """Whether it names a Secret: shown in one row, its two fields are the same everywhere."""
    return node.get("x-kubernetes-map-type") == "atomic"


def _type(node: JsonSchema) -> str:
    if "enum" in node:
        return " or ".join(f"`{value}`" for value in node["enum"])
    if "items" in node:
        return f"list of {_type(node['items'])}"
    if "additionalProperties" in node:
        return f"map to {_type(node['additionalProperties'])}"
    if _is_reference(node):
        return f"`{{{', '.join(node['properties'])}}}`"
    words = node.get(MEANS) or (
        node["format"] if node["type"] == "string" and "format" in node else node["type"]
    )
    return re.sub("^(a|an|the) ", "", words)


def _default(node: JsonSchema, required: bool) -> str:
    if required:
        return "**required**"
    if "default" not in node:
        return "not set"
    if node["type"] == "object" and "properties" in node:
        inner = node["default"]
        if all(each == node["properties"][name].get("default") for name, each in inner.items()):
            return "those of its fields"
    return f"`{_flow(node['default'])}`"


def _flow(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10_000, allow_unicode=True)
    return text.removesuffix("\n").removesuffix("\n...")


def _bounds(node: JsonSchema) -> str:
    found = []
    if "minimum" in node and "maximum" in node:
        found.append(f"{node['minimum']} to {node['maximum']}")
    elif "minimum" in node:
        found.append(f"{node['minimum']} or more")
    if "maxItems" in node:
        found.append(
            f"{node['minItems']} to {node['maxItems']} entries"
            if "minItems" in node
            else f"at most {node['maxItems']} entries"
        )
    if "maxProperties" in node:
        found.append(f"at most {node['maxProperties']} entries")
    if "maxLength" in node and MEANS not in node:
        found.append(f"at most {node['maxLength']} characters")
    found += [
        rule["message"].removeprefix("must be ")
        for rule in node.get(_VALIDATIONS, ())
        if node["type"] == "string"
    ]
    if node.get(DETAIL):
        found.append(node[DETAIL])
    return ", ".join(found)


def _rules(schema: JsonSchema, path: str) -> Iterator[str]:
    if schema["type"] == "object":
        for rule in schema.get(_VALIDATIONS, ()):
            where = f"{path}{rule.get('fieldPath', '')}"
            message, _, right = rule["message"].partition(", e.g. ")
            yield f"- `{where}`: {message}" + (f", e.g. `{right}`." if right else ".")
    for name, node in schema.get("properties", {}).items():
        yield from _rules(node, f"{path}.{name}")
    if "items" in schema:
        yield from _rules(schema["items"], f"{path}[]")
