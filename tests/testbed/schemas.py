"""A kind's spec as a tree, from its CRD schema and its models: what may be set, an example of each, and what is wrong.

Everything is derived, so that a new field is covered by the tests that use this without anybody's help:

    tree(kind) ──► leaves: every path that can be set
               ──► placed: the smallest valid spec around one value
               ──► mistakes: every way in which exactly one thing is wrong

Paths are relative to the spec: ``api.replicas.min``, ``egress.allow[].cidr``, ``pods.labels{}``.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import yaml
from pydantic import ValidationError

from reelplane_crds.kinds import ProxyPool, RegionDeployment, Resource, VideoPipeline, VideoPlatform
from reelplane_crds.kinds.common import ApiModel
from reelplane_crds.kinds.values import EXAMPLE, MEANS, Cpu, Duration, Quantity, ValueText
from reelplane_crds.rules import Rule, RulesBroken
from reelplane_crds.schema import openapi

Spec = dict[str, Any]

SMALLEST: Mapping[type[Resource], Spec] = {
    VideoPlatform: {"domain": "reels.example.com"},
    VideoPipeline: {"platform": "reels"},
    ProxyPool: {"endpoints": [], "whenExhausted": "Direct"},
    RegionDeployment: {"platform": "reels", "region": "us-west-2", "cluster": {"inCluster": {}}},
}
"""A spec that any single further field may be put into: with a domain, since a gateway asks for one."""


@dataclass(frozen=True, eq=False)
class Node:
    """One place of a spec."""

    path: str
    schema: Mapping[str, Any] = field(repr=False)
    model: type[ApiModel] | None = field(default=None, repr=False)
    """Of objects."""
    fields: Mapping[str, Node] = field(default_factory=dict, repr=False)
    """Of objects, by their JSON names."""
    items: Node | None = field(default=None, repr=False)
    """Of lists."""
    values: Node | None = field(default=None, repr=False)
    """Of maps."""

    @property
    def type(self) -> str:
        return str(self.schema["type"])

    @property
    def required(self) -> frozenset[str]:
        return frozenset(self.schema.get("required", ()))

    @property
    def rules(self) -> tuple[Rule, ...]:
        return self.model.rules if self.model else ()

    @property
    def is_leaf(self) -> bool:
        """Whether nothing stands below it; an object without fields is chosen by being there."""
        return not (self.fields or self.items or self.values)

    @property
    def is_range(self) -> bool:
        """Whether it is a range of addresses: of these, a pattern says too little."""
        return "isCIDR(self)" in str(self.schema.get("x-kubernetes-validations"))

    @property
    def bounds(self) -> tuple[ValueText, ValueText] | None:
        """The least and the largest text, both allowed, of a duration, size or number of processors."""
        kind = next(
            (each for each in (Duration, Quantity, Cpu) if each.means == self.schema.get(MEANS)), None
        )
        for rule in self.schema.get("x-kubernetes-validations", ()) if kind else ():
            if found := re.fullmatch("must be between (.+) and (.+)", rule["message"]):
                return kind(found[1]), kind(found[2])
        return None


@cache
def tree(kind: type[Resource]) -> Node:
    """The spec of a kind."""
    return _node("", openapi(kind)["properties"]["spec"], kind.model_fields["spec"].annotation)


def _node(path: str, schema: Mapping[str, Any], annotation: Any) -> Node:
    inner = _inner(annotation)
    if "items" in schema:
        return Node(path, schema, items=_node(f"{path}[]", schema["items"], inner))
    if "additionalProperties" in schema:
        return Node(path, schema, values=_node(f"{path}{{}}", schema["additionalProperties"], None))
    if schema["type"] != "object":
        return Node(path, schema)
    annotations = {info.alias or name: info.annotation for name, info in inner.model_fields.items()}
    fields = {
        name: _node(f"{path}.{name}".lstrip("."), each, annotations[name])
        for name, each in schema.get("properties", {}).items()
    }
    return Node(path, schema, model=inner, fields=fields)


def _inner(annotation: Any) -> Any:
    """The type behind Annotated, Optional and tuple[X, ...]."""
    while typing.get_origin(annotation) in (typing.Annotated, typing.Union, types.UnionType, tuple):
        annotation = next(each for each in typing.get_args(annotation) if each is not type(None))
    return annotation


def walk(node: Node) -> Iterator[Node]:
    """A node and all below it."""
    yield node
    below = [*node.fields.values(), *(each for each in (node.items, node.values) if each)]
    for each in below:
        yield from walk(each)


def leaves(kind: type[Resource]) -> frozenset[str]:
    """Paths of all that can be set."""
    return frozenset(node.path for node in walk(tree(kind)) if node.is_leaf)


def reached(node: Node, value: Any) -> Iterator[str]:
    """Paths of the leaves that a value sets."""
    if node.is_leaf:
        yield node.path
    elif node.items:
        for each in value:
            yield from reached(node.items, each)
    elif node.values:
        for each in value.values():
            yield from reached(node.values, each)
    else:
        for name, each in value.items():
            yield from reached(node.fields[name], each)


def broken_rules(node: Node, value: Spec) -> list[Rule]:
    """Rules of an object that it breaks; all inside it must be valid."""
    assert node.model
    try:
        node.model.model_validate(value)
    except ValidationError as error:
        found = error
    else:
        return []
    (only,) = found.errors()
    cause = only.get("ctx", {}).get("error")
    assert isinstance(cause, RulesBroken), f"{node.path}: {found}"
    assert not only["loc"], f"{node.path}: {found}"
    return list(cause.broken)


def mended(node: Node, value: Spec, keep: Set[str] = frozenset()) -> Spec:
    """An object without what breaks a rule; where that does not help, some valid one with as much of ``keep``."""
    while broken := broken_rules(node, value):
        kept = node.required | keep
        less = {name: each for name, each in value.items() if name not in broken[0].fields - kept}
        if len(broken_rules(node, less)) >= len(broken):
            return _rebuilt(node, {name: each for name, each in value.items() if name in kept})
        value = less
    return value


def _rebuilt(node: Node, value: Spec) -> Spec:
    """Of the valid objects that can be made of examples and these fields, the one that keeps most of the fields."""
    fields = list(value.items())
    parts = [dict(fields[:number]) for number in range(len(fields) + 1)]
    made = [each | part for part in parts for each in _bases(node)]

    def kept(each: Spec) -> tuple[int, int]:
        """With their values, and at all."""
        return sum(each.get(name) == one for name, one in fields), len(each.keys() & value)

    return max((each for each in made if not broken_rules(node, each)), key=kept)


def example(node: Node) -> Any:
    """A valid value, as small as can be."""
    if node.items:
        return [example(node.items)] * node.schema.get("minItems", 0)
    if node.values:
        return {}
    if node.type == "object":
        smallest = {name: example(node.fields[name]) for name in sorted(node.required)}
        broken = broken_rules(node, smallest)
        return yaml.safe_load(broken[0].right) if broken else smallest
    return _example_of_leaf(node)


def _example_of_leaf(node: Node) -> Any:
    if "default" in node.schema:
        return node.schema["default"]
    if "enum" in node.schema:
        return node.schema["enum"][0]
    if node.bounds:
        return str(node.bounds[0])
    others = {
        "boolean": True,
        "integer": node.schema.get("minimum"),
        "string": node.schema.get(EXAMPLE, "text"),
    }
    return others[node.type]


def placed(kind: type[Resource], path: str, value: Any) -> Spec:
    """The smallest spec that has ``value`` at ``path`` and is valid beside it."""
    root = tree(kind)
    target = next(node for node in walk(root) if node.path == path)
    around, _ = _around(root, target, value, SMALLEST[kind])
    return around


def _around(node: Node, target: Node, value: Any, base: Spec | None = None) -> tuple[Any, Any]:
    """A value of ``node`` with ``value`` at the target, and the same with a good one there."""
    if node is target:
        return value, example(node)
    if node.items:
        bad, good = _around(node.items, target, value)
        return [bad], [good]
    if node.values:
        bad, good = _around(node.values, target, value)
        return {"example.com/key": bad}, {"example.com/key": good}
    name = next(name for name, each in node.fields.items() if any(below is target for below in walk(each)))
    bad, good = _around(node.fields[name], target, value)
    for each in _bases(node) if base is None else (base, *_bases(node)):
        if not broken_rules(node, {**each, name: good}):
            return {**each, name: bad}, {**each, name: good}
    raise AssertionError(
        f"no valid object around {target.path}: give the rules of {node.path} a richer example"
    )


@cache
def _bases(node: Node) -> tuple[Spec, ...]:
    """Objects that a further field may be put into, the smallest first."""
    smallest = {name: example(node.fields[name]) for name in sorted(node.required)}
    everything = {name: example(each) for name, each in node.fields.items()}
    broken = {name for rule in broken_rules(node, everything) for name in rule.fields}
    largest = {name: each for name, each in everything.items() if name not in broken - node.required}
    return (smallest, *(yaml.safe_load(rule.right) for rule in node.rules), largest)
