"""Rules that cross fields, each declared once for both judges: the API server (CEL) and this process (Python).

A ``Rule`` carries the CEL text that goes into the CRD, the predicate that pydantic runs, the sentence a person
reads, and one fragment each that keeps and breaks it. The fragments stand on the reference page, and the tests
hold both judges to them, so that the two cannot drift apart unseen.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


class Invalid(ValueError):
    """One value that is wrong: ``message`` says what, ``fix`` what would be right."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(f"{message}; {fix}")
        self.message = message
        self.fix = fix


def shown(value: object) -> str:
    """A value as an error shows it: quoted if text, cut if long."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:56]}…{text[-1]}"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule over one object of the schema.

    ``right`` and ``wrong`` are YAML flow fragments of that object. ``field`` is the JSON name of the field an
    error is reported at; empty means the object itself.
    """

    cel: str
    holds: Callable[[Any], bool]
    message: str
    right: str
    wrong: str
    field: str = ""

    @property
    def fields(self) -> frozenset[str]:
        """JSON names of the object's fields that the rule speaks of."""
        return frozenset(re.findall(r"self\.(\w+)", self.cel))

    def schema(self) -> dict[str, str]:
        """The rule as an entry of ``x-kubernetes-validations``."""
        entry = {"rule": self.cel, "message": f"{self.message}, e.g. {self.right}"}
        if self.field:
            entry["fieldPath"] = f".{self.field}"
        return entry


class RulesBroken(ValueError):
    """Every rule that one object breaks; pydantic reports a validator's first exception only."""

    def __init__(self, broken: tuple[Rule, ...]) -> None:
        super().__init__("; ".join(rule.message for rule in broken))
        self.broken = broken


ONE_OF = "exactly one of "
"""How the message of every union's rule begins."""


def exactly_one(first: str, second: str, *, right: str) -> Rule:
    """A union: one of two optional fields is set. ``right`` shows the usual choice, e.g. ``{embedded: {}}``."""
    return Rule(
        cel=f"has(self.{first}) != has(self.{second})",
        holds=lambda model: len({first, second} & _set_fields(model)) == 1,
        message=f"{ONE_OF}{first} and {second} must be set",
        right=right,
        wrong="{}",
    )


def at_most_one(first: str, second: str, *, right: str, wrong: str) -> Rule:
    """A choice that may be left open: of two optional fields not both are set."""
    return Rule(
        cel=f"!has(self.{first}) || !has(self.{second})",
        holds=lambda model: not {first, second} <= _set_fields(model),
        message=f"at most one of {first} and {second} may be set",
        right=right,
        wrong=wrong,
    )


def keys_not_under(field: str, *prefixes: str, right: str, wrong: str) -> Rule:
    """No key of a map starts with one of these prefixes."""
    tests = " && ".join(f"!key.startsWith('{prefix}')" for prefix in prefixes)
    return Rule(
        cel=f"self.{field}.all(key, {tests})",
        holds=lambda model: not any(key.startswith(prefixes) for key in _by_json_name(model)[field]),
        message=f"keys under {' and '.join(prefixes)} are Reelplane's own",
        right=right,
        wrong=wrong,
        field=field,
    )


def ordered(
    low: str, high: str, *, right: str, wrong: str, convert: str = "", optional: bool = False
) -> Rule:
    """``low`` is at most ``high``. ``convert`` names the CEL function that makes text comparable (``duration``).

    Quantities have no ``<=`` in CEL but ``compareTo``; the Python side compares ``magnitude`` of the text types.
    ``optional``: either may be absent, and then there is nothing to compare.
    """
    if convert == "quantity":
        cel = f"quantity(self.{low}).compareTo(quantity(self.{high})) <= 0"
    elif convert:
        cel = f"{convert}(self.{low}) <= {convert}(self.{high})"
    else:
        cel = f"self.{low} <= self.{high}"
    if optional:
        cel = f"!has(self.{low}) || !has(self.{high}) || {cel}"

    def holds(model: Any) -> bool:
        fields = _by_json_name(model)
        if fields[low] is None or fields[high] is None:
            return True
        return _magnitude(fields[low]) <= _magnitude(fields[high])

    return Rule(
        cel=cel,
        holds=holds,
        message=f"{low} must not be above {high}",
        right=right,
        wrong=wrong,
        field=low,
    )


def _magnitude(value: Any) -> int:
    return value if isinstance(value, int) else value.magnitude


def _by_json_name(model: Any) -> Mapping[str, Any]:
    fields = type(model).model_fields
    return {info.alias or name: getattr(model, name) for name, info in fields.items()}


def _set_fields(model: Any) -> set[str]:
    return {name for name, value in _by_json_name(model).items() if value is not None}
