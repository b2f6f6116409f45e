"""Hypothesis strategies made from the kinds' own schemas: valid specs over every field, and specs just not valid.

    specs(VideoPlatform)        a spec as a person may write it: some of the fields, each with any value
    near_valid(VideoPlatform)   the same with exactly one thing wrong

Every example is drawn around a few leaves that it shall set, its aims, so that some fifty examples reach all of
them, however deep. Draw them in rounds of ten: Hypothesis makes most later examples from parts of earlier ones.

Unions are respected by construction; an object that breaks another rule is mended, by leaving out what the rule
speaks of or by starting from the rule's own example. So nothing is thrown away.
"""

from __future__ import annotations

import re
from functools import cache, reduce
from operator import and_
from random import Random
from typing import Any

from hypothesis import strategies as st

from reelplane_crds.kinds import Resource
from reelplane_crds.kinds.values import Cpu, Duration, Quantity, ValueText
from tests.testbed.mistakes import mistakes
from tests.testbed.schemas import Node, Spec, example, leaves, mended, tree

Aims = frozenset[str]

_AIMS = 6
"""Leaves that one example shall set."""
_MOST = 3
"""Entries of lists and maps: what holds for three holds for more, up to the bound, which ``mistakes`` tests."""
_UNION = re.compile(r"has\(self\.(\w+)\) != has\(self\.(\w+)\)")


@st.composite
def specs(draw: st.DrawFn, kind: type[Resource]) -> Spec:
    """Valid specs of a kind, as plain values with JSON names. References name objects that need not exist."""
    # A seed of its own, as several small draws would be the same ones again and again.
    chance = Random(draw(st.integers(0, 2**64 - 1)))
    aims = chance.sample(sorted(leaves(kind)), _AIMS)
    return _object(draw, tree(kind), frozenset(aims))


@st.composite
def near_valid(draw: st.DrawFn, kind: type[Resource]) -> Spec:
    """Specs of a kind with one thing wrong, which the model and the API server must both refuse."""
    mistake = draw(st.sampled_from(mistakes(kind)))
    if not mistake.path:
        return mistake.spec
    # What a rule of the whole spec speaks of stays as the mistake has it: two things would be wrong.
    spoken_of = {name for rule in tree(kind).rules for name in rule.fields}
    rest = {name: value for name, value in draw(specs(kind)).items() if name not in spoken_of}
    return {**rest, **mistake.spec}


def _value(draw: st.DrawFn, node: Node, aims: Aims) -> Any:
    """A value of ``node``, which sets those of the aims that stand below it."""
    if node.items:
        return _list(draw, node, node.items, aims)
    if node.values:
        keys = draw(st.lists(_keys(node), min_size=_aimed_at(node, aims), max_size=_MOST, unique=True))
        return {key: draw(_scalars(node.values)) for key in keys}
    return _object(draw, node, aims) if node.type == "object" else draw(_scalars(node))


def _object(draw: st.DrawFn, node: Node, aims: Aims) -> Spec:
    aimed_at = {name for name, each in node.fields.items() if _aimed_at(each, aims)}
    wanted, free = aimed_at | node.required, set(node.fields)
    for union in (_UNION.fullmatch(rule.cel) for rule in node.rules):
        choices = set(union.groups()) if union else set()
        taken = {draw(st.sampled_from(sorted(choices & wanted or choices)))} if union else set()
        wanted, free = wanted - choices | taken, free - choices
    if maybe := sorted(free - wanted):
        # A bit of three numbers each: people set few fields.
        coins = reduce(and_, (draw(st.integers(0, 2 ** len(maybe) - 1)) for _ in range(3)))
        wanted |= {name for place, name in enumerate(maybe) if coins & 1 << place}
    chosen = {name: _value(draw, each, aims) for name, each in node.fields.items() if name in wanted}
    return mended(node, chosen, keep=aimed_at & wanted)


def _aimed_at(node: Node, aims: Aims) -> bool:
    """Whether an aim is this node or stands below it."""
    below = (f"{node.path}.", f"{node.path}[", f"{node.path}{{")
    return any(aim == node.path or aim.startswith(below) for aim in aims)


def _list(draw: st.DrawFn, node: Node, items: Node, aims: Aims) -> list[Any]:
    least = max(_aimed_at(node, aims), node.schema.get("minItems", 0))
    entries = [_value(draw, items, aims) for _ in range(draw(st.integers(least, _MOST)))]
    if node.schema["x-kubernetes-list-type"] == "atomic":
        return entries
    names = node.schema.get("x-kubernetes-list-map-keys", ())
    once = {tuple(each[name] for name in names) or each: each for each in entries}
    return list(once.values())


@cache
def _scalars(node: Node) -> st.SearchStrategy[Any]:
    if "enum" in node.schema:
        return st.sampled_from(node.schema["enum"])
    if node.type == "integer":
        return st.integers(node.schema["minimum"], node.schema["maximum"])
    return st.booleans() if node.type == "boolean" else _texts(node)


def _texts(node: Node) -> st.SearchStrategy[str]:
    if node.bounds:
        return _between(*node.bounds)
    if node.is_range:
        return _RANGES
    if "pattern" in node.schema:
        # Mostly the example: a text costs more to make than all else, and the rest does not care.
        usual = st.sampled_from([example(node)])
        return st.one_of(usual, usual, _matching(node.schema["pattern"], node.schema["maxLength"]))
    return st.text(max_size=min(node.schema["maxLength"], 40))


_RANGES = st.one_of(
    st.builds("{}/{}".format, st.ip_addresses(v=4), st.integers(0, 32)),
    st.builds(
        "{}/{}".format,
        st.ip_addresses(v=6).filter(lambda each: each.ipv4_mapped is None),
        st.integers(0, 128),
    ),
)


@cache
def _keys(node: Node) -> st.SearchStrategy[str]:
    """Keys of the form that the map's CEL rule asks for."""
    (rule,) = (each["rule"] for each in node.schema["x-kubernetes-validations"])
    found = re.search(r"key\.size\(\) <= (\d+) && key\.matches\('(.*)'\)", rule)
    assert found
    return st.just("example.com/key") | _matching(found[2].replace("\\\\", "\\"), int(found[1]))


@cache
def _matching(pattern: str, longest: int) -> st.SearchStrategy[str]:
    form = re.compile(pattern.removeprefix("^").removesuffix("$"), re.ASCII)
    return st.from_regex(form, fullmatch=True).filter(lambda text: len(text) <= longest)


def _between(low: ValueText, high: ValueText) -> st.SearchStrategy[str]:
    """Texts between two bounds: the bounds, and what people write."""
    written = {
        Duration: ("300ms", "1.5s", "20s", "90s", "10m", "1h30m", "24h", "720h"),
        Quantity: ("16384", "500k", "64Ki", "1.5Mi", "256Mi", "500M", "2Gi", "1T"),
        Cpu: ("1m", "250m", "0.5", "1", "1.25", "16"),
    }[type(low)]
    inside = [text for text in written if low.magnitude <= type(low)(text).magnitude <= high.magnitude]
    return st.sampled_from([str(low), *inside, str(high)])
