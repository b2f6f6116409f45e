"""Checks every input of a recorded plan against the SDK's own annotations.

The SDK takes whatever it is given at run time: ``Bucket(bucket=12345, tags="nope")`` reaches the engine, and the
provider refuses it in the middle of an ``up``. Its argument classes say what is right, nested ones too, so each value
that crossed the wire is compared with them: wrong types, keys that there are not, keys that are missing. Unknown
values are right by definition, and secrets are read like everything else without being shown.
"""

from __future__ import annotations

import difflib
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Final, Union, get_args, get_origin

import pulumi
from pulumi import _types

from reelplane_infra.checks.finding import Finding
from reelplane_infra.record import UNKNOWN, RecordedPlan, Resource, Secret, Value, sdk

SHOWN: Final = 40
"""Characters of a wrong value that a message quotes."""
Fault = tuple[str, str, str]
"""Path, rule, message."""


def check_types(plan: RecordedPlan) -> list[Finding]:
    """Every input of every resource that is not what the SDK's class of it takes."""
    return sorted(
        Finding(str(record.stack), resource.urn, path, rule, message)
        for record, resource in plan.resources()
        for path, rule, message in faults(resource)
    )


def faults(resource: Resource) -> Iterator[Fault]:
    """What is wrong with one resource's inputs; the SDK knows nothing of custom objects of Kubernetes."""
    if resource.type.startswith("pulumi:") or _is_custom_object(resource):
        return
    try:
        properties = sdk.inputs(resource.type)
    except sdk.UnknownType as error:
        yield "", "types-resource", str(error)
        return
    yield from _object(resource.inputs, properties, "")


def _is_custom_object(resource: Resource) -> bool:
    """Made with ``apiextensions.CustomResource``: its group is a domain that is none of Kubernetes' own."""
    group = resource.type.removeprefix("kubernetes:").partition("/")[0]
    return resource.type.startswith("kubernetes:") and "." in group and not group.endswith(".k8s.io")


def _object(value: Mapping[str, Value], properties: tuple[sdk.Property, ...], path: str) -> Iterator[Fault]:
    known = {each.name: each for each in properties}
    for key, each in value.items():
        at = f"{path}.{key}" if path else key
        if key in known:
            yield from _value(each, known[key].type, at)
        else:
            near = difflib.get_close_matches(key, known, 1)
            right = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(known))}"
            yield at, "types-key", f"no such input; {right}"
    for wanted in properties:
        if not wanted.optional and value.get(wanted.name) is None:
            at = f"{path}.{wanted.name}" if path else wanted.name
            yield at, "types-missing", f"is required: {_named(wanted.type)}"


def _value(value: Value, hint: Any, path: str) -> Iterator[Fault]:
    if isinstance(value, Secret):
        # The value of a secret is never quoted, so what is said of it names its type alone.
        wrong = any(True for _ in _value(value.value, hint, path))
        if wrong:
            yield path, "types-value", f"a secret of the wrong type; it takes {_named(hint)}"
        return
    choices = alternatives(hint)
    if value is None or value is UNKNOWN or not choices or Any in choices:
        return
    found = [list(_against(value, each, path)) for each in choices]
    if all(found):
        # With a choice of types, the one that is nearest explains best: its faults lie deepest.
        yield from max(found, key=lambda each: each[0][0].count(".") + each[0][0].count("["))


def _against(value: Value, hint: Any, path: str) -> Iterator[Fault]:
    kind = get_origin(hint) or hint
    if not _is(value, kind):
        yield path, "types-value", f"is {_shown(value)}; it takes {_named(hint)}"
    elif isinstance(value, dict) and _types.is_input_type(kind):
        yield from _object(value, sdk.arguments(kind), path)
    elif isinstance(value, dict) and len(get_args(hint)) == 2:
        for key, each in value.items():
            yield from _value(each, get_args(hint)[1], f"{path}.{key}")
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _value(each, get_args(hint)[0], f"{path}[{index}]")


def _is(value: Value, kind: Any) -> bool:
    """Whether ``value`` has the outer form of ``kind``."""
    if not isinstance(kind, type):
        return True  # a Literal of Kubernetes, whose value the SDK writes itself
    if issubclass(kind, Enum):
        return value in [each.value for each in kind]
    if issubclass(kind, Mapping | pulumi.Asset | pulumi.Archive) or _types.is_input_type(kind):
        return isinstance(value, dict)
    if issubclass(kind, Sequence) and kind is not str:
        return isinstance(value, list)
    # True is an int to Python and none to a provider; a whole number is a number.
    if kind in (int, float):
        return isinstance(value, (int, kind)) and not isinstance(value, bool)
    return isinstance(value, bool if kind is bool else str)


def alternatives(hint: Any) -> tuple[Any, ...]:
    """The types that ``hint`` allows on the wire: without ``Output``, ``Awaitable`` and ``None``."""
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return tuple(dict.fromkeys(each for arg in get_args(hint) for each in alternatives(arg)))
    return () if origin in (pulumi.Output, Awaitable) or hint is NoneType else (hint,)


def _named(hint: Any) -> str:
    """A type as a person says it."""
    return " or ".join(_one_named(each) for each in alternatives(hint))


def _one_named(hint: Any) -> str:
    origin = get_origin(hint) or hint
    if isinstance(origin, type) and issubclass(origin, Enum):
        return f"one of {', '.join(str(each.value) for each in origin)}"
    names = {str: "a string", bool: "true or false", int: "a whole number", float: "a number"}
    if origin in names:
        return names[origin]
    if isinstance(origin, type) and _types.is_input_type(origin):
        return f"an object with {', '.join(sorted(each.name for each in sdk.arguments(origin)))}"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        of = get_args(hint)
        return f"a map of strings to {_named(of[1])}" if len(of) == 2 else "a map"
    if get_args(hint):
        return f"a list, each item {_named(get_args(hint)[0])}"
    return str(getattr(hint, "__name__", hint))


def _shown(value: Value) -> str:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    text = repr(value)
    kind = "text" if isinstance(value, str) else type(value).__name__
    return f"{text if len(text) <= SHOWN else text[:SHOWN] + '...'} ({kind})"
