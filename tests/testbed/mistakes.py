"""Every way in which exactly one thing of a spec is wrong, from the tree of its kind (``schemas``)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

from reelplane_crds.kinds import Resource
from reelplane_crds.kinds.values import Cpu, Duration, ValueText
from tests.testbed.schemas import Node, Spec, example, placed, tree, walk

_JUNK = ("", "-", "Not One", "UPPER/", "a b", "é", "x\n", "1.2.3.4/99", "http://user:pass@example.com/")
"""Texts that most forms refuse."""
_NO_RANGES = ("999.0.0.0/8", "10.0.0.0/33", "10.0.0.0/08", "::ffff:10.0.0.0/104")
"""The last is an IPv4 range as IPv6 writes it."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong: where, what, and the smallest spec that has it."""

    node: Node
    what: str
    spec: Spec

    @property
    def path(self) -> str:
        return self.node.path

    def __str__(self) -> str:
        return f"{self.path or 'spec'}: {self.what}"


@cache
def mistakes(kind: type[Resource]) -> tuple[Mistake, ...]:
    """All of a kind, in the order of its fields."""
    root = tree(kind)
    return tuple(
        Mistake(node, what, value if node is root else placed(kind, node.path, value))
        for node in walk(root)
        for what, value in _wrong(node)
    )


def _wrong(node: Node) -> Iterator[tuple[str, Any]]:
    if node.items:
        yield from _wrong_lists(node, node.items)
    elif node.values:
        yield from _wrong_maps(node, node.values)
    elif node.type == "object":
        yield from _wrong_objects(node)
    elif node.type == "boolean":
        yield "text for a boolean", "yes"
    elif node.type == "integer":
        yield "text for a number", str(example(node))
        yield "too small", node.schema["minimum"] - 1
        yield "too large", node.schema["maximum"] + 1
    else:
        yield from _wrong_texts(node)


def _wrong_objects(node: Node) -> Iterator[tuple[str, Any]]:
    smallest = example(node)
    yield "text for an object", "text"
    yield "an unknown field", {**smallest, "nope": 1}
    for name in sorted(node.required):
        yield f"{name} is missing", {key: value for key, value in smallest.items() if key != name}
    for rule in node.rules:
        yield rule.message, yaml.safe_load(rule.wrong)


def _wrong_lists(node: Node, items: Node) -> Iterator[tuple[str, Any]]:
    yield "an object for a list", {}
    most = node.schema["maxItems"]
    yield "too many entries", [_numbered(items, number) for number in range(most + 1)]
    if node.schema.get("minItems"):
        yield "too few entries", []
    if node.schema["x-kubernetes-list-type"] != "atomic":
        yield "an entry twice", [_numbered(items, 0)] * 2


def _numbered(node: Node, number: int) -> Any:
    """Entries that differ from each other."""
    if node.type == "integer":
        return node.schema["minimum"] + number
    if node.type == "object":
        named = {"name": f"name-{number}"} if "name" in node.fields else {}
        return {**example(node), **named}
    return f"10.0.{number}.0/24" if node.is_range else f"{example(node)}{number}"


def _wrong_maps(node: Node, values: Node) -> Iterator[tuple[str, Any]]:
    yield "a list for a map", []
    yield (
        "too many entries",
        {f"key-{number}": example(values) for number in range(node.schema["maxProperties"] + 1)},
    )
    for key in ("not a key", "a/b/c", "-a", "", f"{'a' * 64}"):
        yield f"the key {key!r}", {key: example(values)}


def _wrong_texts(node: Node) -> Iterator[tuple[str, Any]]:
    yield "a number for text", 5
    if "enum" in node.schema:
        yield "no choice", "Nope"
        return
    most = node.schema["maxLength"]
    yield "too long", (str(example(node)) + "a" * most)[: most + 1]
    pattern = node.schema.get("pattern")
    junk = [text for text in _JUNK if not re.fullmatch(pattern, text)] if pattern else []
    for text in (*junk[:3], *(_NO_RANGES if node.is_range else ())):
        yield f"{text!r}", text
    if node.bounds:
        low, high = node.bounds
        yield "below its bounds", _text(type(low), low.magnitude - _step(low))
        yield "above its bounds", _text(type(high), high.magnitude + _step(high))


def _step(value: ValueText) -> int:
    return 10**6 if isinstance(value, Duration) else 1


def _text(kind: type[ValueText], magnitude: int) -> str:
    """A magnitude in the type's smallest unit, as text."""
    if kind is Duration:
        return f"{magnitude // 10**6}ms"
    return f"{magnitude}m" if kind is Cpu else str(magnitude)
