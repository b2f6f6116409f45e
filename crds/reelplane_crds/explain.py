"""pydantic's errors, told to the person who wrote the file: what is wrong at which field, and what would be right.

Pure: a model class, a value and its validation error in, findings out. ``load`` adds file and line.
"""

from __future__ import annotations

import difflib
import re
import types
import typing
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Union

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from reelplane_crds.rules import Invalid, Rule, RulesBroken, shown
from reelplane_crds.yamltext import Path


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong; ``path`` is relative to the object."""

    path: Path
    message: str
    fix: str


def findings(
    model: type[BaseModel], value: Any, error: ValidationError, *, secret: bool = False
) -> list[Finding]:
    """All that is wrong with ``value``, whose validation raised ``error``. ``secret``: never show a value."""
    found = [finding for each in error.errors() for finding in _findings(model, each, secret)]
    return found + _rules_not_reached(model, value, found)


def _rules_not_reached(model: type[BaseModel], value: Any, found: list[Finding]) -> list[Finding]:
    """Broken rules that pydantic did not get to, as it judges an object only when all inside it is well.

    They are judged on the value without its bad parts, except those that speak of such a part.
    """
    bad = [finding.path for finding in found]
    rest = value
    for path in bad:
        rest = _without(rest, path)
    try:
        model.model_validate(rest)
    except ValidationError as error:
        return [
            finding
            for each in error.errors()
            for rule, finding in _broken(each)
            if finding not in found and not any(_speaks_of(rule, each["loc"], path) for path in bad)
        ]
    return []


def _without(value: Any, path: Path) -> Any:
    """The value without the field at ``path``; a list with something bad in it goes as a whole."""
    if not path or not isinstance(value, dict) or path[0] not in value:
        return value
    name, *below = path
    if not below or not isinstance(value[name], dict):
        return {key: each for key, each in value.items() if key != name}
    return {**value, name: _without(value[name], tuple(below))}


def _speaks_of(rule: Rule, place: Path, path: Path) -> bool:
    return path[: len(place)] == place and (len(path) == len(place) or path[len(place)] in rule.fields)


def _broken(error: ErrorDetails) -> Iterator[tuple[Rule, Finding]]:
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, RulesBroken):
        place: Path = error["loc"]
        for rule in cause.broken:
            path = (*place, rule.field) if rule.field else place
            yield rule, Finding(path, rule.message, f"e.g. {rule.right}")


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant, letter case aside."""
    by_fold = {name.casefold(): name for name in known}
    near = difflib.get_close_matches(word.casefold(), by_fold, n=1, cutoff=0.6)
    return by_fold[near[0]] if near else None


def _findings(model: type[BaseModel], error: ErrorDetails, secret: bool) -> Iterator[Finding]:
    path: Path = tuple(part for part in error["loc"] if part != "[key]")
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, RulesBroken):
        yield from (finding for _, finding in _broken(error))
    elif isinstance(cause, Invalid):
        yield Finding(path, cause.message, cause.fix)
    elif error["type"] == "extra_forbidden":
        yield _unknown(model, path)
    elif error["type"] == "missing":
        yield Finding(path, "is missing", _teach(model, path))
    elif error["type"] != "too_short" or len(error["input"]) < error["ctx"]["min_length"]:
        # pydantic counts valid entries only: a list that is too short just for that has been reported already.
        yield _mistyped(error, path, secret)


def _unknown(model: type[BaseModel], path: Path) -> Finding:
    *parent, name = path
    owner = _model_at(model, parent)
    known = [info.alias or key for key, info in owner.model_fields.items()] if owner else []
    if meant := closest(str(name), known):
        return Finding(path, "unknown field", f"did you mean {meant}?")
    fix = f"the fields here are {', '.join(known)}" if known else "there are no fields here"
    return Finding(path, "unknown field", fix)


def _teach(model: type[BaseModel], path: Path) -> str:
    *parent, name = path
    owner = _model_at(model, parent)
    for key, info in owner.model_fields.items() if owner else ():
        if name == (info.alias or key) and info.description:
            return f"add {name}: {info.description.rstrip('.')}"
    return f"add {name}"


def _mistyped(error: ErrorDetails, path: Path, secret: bool) -> Finding:
    kind, context, given = error["type"], error.get("ctx", {}), error["input"]
    value = "the value" if secret else shown(given)
    match kind:
        case "literal_error":
            choices = re.findall(r"'([^']*)'", context["expected"])
            meant = closest(given, choices) if isinstance(given, str) else None
            message = f"{value} is not {' or '.join(choices)}"
            fix = f"did you mean {meant}?" if meant else f"write {' or '.join(choices)}"
        case "greater_than_equal":
            message, fix = f"{value} is too small", f"{context['ge']} is the least"
        case "less_than_equal":
            message, fix = f"{value} is too large", f"{context['le']} is the most"
        case "too_long" | "string_too_long":
            message, fix = "is too long", f"at most {context['max_length']} are allowed"
        case "too_short":
            message, fix = "has too few entries", f"at least {context['min_length']} must be given"
        case _:
            wanted, fix = _WANTED.get(kind, ("of another form", "see the kind's reference page"))
            message, fix = f"must be {wanted}, not {_called(given)}", _quoting(kind, given, secret) or fix
    return Finding(path, message, fix)


_WANTED = {
    "string_type": ("text", "write one word or a quoted text"),
    "int_type": ("a whole number", "write digits only"),
    "bool_type": ("true or false", "write true or false, without quotes"),
    "model_type": ("an object", "write its fields, indented by two more spaces"),
    "dict_type": ("a mapping", "write 'key: value' lines, indented by two more spaces"),
    "tuple_type": ("a list", "write '- ' before each entry, or [a, b]"),
}


def _quoting(kind: str, given: object, secret: bool) -> str | None:
    """The usual slip: quotes where a number is wanted, or none where text is."""
    if kind == "int_type" and isinstance(given, str) and re.fullmatch(r"[0-9]{1,19}", given):
        return f"write {given} without quotes"
    if kind == "string_type" and isinstance(given, bool | int | float):
        text = str(given).lower() if isinstance(given, bool) else str(given)
        return "quote it" if secret else f'write "{text}"'
    return None


def _called(value: object) -> str:
    if isinstance(value, bool):
        return "true or false"
    names = {
        int: "a number",
        float: "a number with a fraction",
        str: "text",
        list: "a list",
        dict: "an object",
    }
    return names.get(type(value), "nothing")


def _model_at(model: type[BaseModel], path: Iterable[str | int]) -> type[BaseModel] | None:
    """The model whose fields stand at ``path`` below ``model``; None where something else stands."""
    current: Any = model
    for part in path:
        if isinstance(part, int):
            continue
        if not (isinstance(current, type) and issubclass(current, BaseModel)):
            return None
        fields = {info.alias or key: info.annotation for key, info in current.model_fields.items()}
        current = _inner(fields.get(str(part)))
    return current if isinstance(current, type) and issubclass(current, BaseModel) else None


def _inner(annotation: Any) -> Any:
    """The type behind Annotated, Optional and tuple[X, ...]."""
    while (origin := typing.get_origin(annotation)) is not None:
        arguments = [each for each in typing.get_args(annotation) if each not in (type(None), Ellipsis)]
        if origin in (typing.Annotated, Union, types.UnionType, tuple) and arguments:
            annotation = arguments[0]
        else:
            return None
    return annotation
