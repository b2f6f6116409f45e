"""Turns the inputs of a recorded resource into the form that another description of it asks for.

A ``Target`` is a node of that description: a resource type's schema of CloudFormation (``cfn/target.py``) or the
request of an operation of AWS's API (``accept/target.py``). Inputs find their places by name, whatever the case and
the number (``cidrBlock`` -> ``CidrBlock``, ``principalArn`` -> ``principalArn``); what is named or nested otherwise is
said in ``Rules``. Nothing is left out silently: an input that has no place is in ``Shaped.unmapped``, and one that is
left out on purpose has its reason in ``Rules.drop``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol

from reelplane_infra.record.values import Unknown

Kind = Literal["structure", "list", "map", "string", "integer", "number", "boolean", "json"]
Convert = Callable[[Any], Any]

PROVIDER_ONLY: Final[Mapping[str, str]] = {
    "region": "says where the request is sent",
    "tagsAll": "the provider's own sum of tags",
    "forceDestroy": "read when the resource is destroyed",
    "waitForDeployment": "how long the provider waits",
    "waitForCompletion": "how long the provider waits",
    "skipDestroy": "read when the resource is destroyed",
}
"""Inputs of pulumi-aws that never reach AWS when a resource is made, with what they are for."""


class Target(Protocol):
    """One node of a description."""

    @property
    def kind(self) -> Kind: ...
    @property
    def members(self) -> Mapping[str, Target]: ...
    @property
    def item(self) -> Target | None: ...
    @property
    def enum(self) -> Sequence[str]: ...


@dataclass(frozen=True, slots=True)
class Rules:
    """What differs from the common names. Keys are paths of inputs without indices: ``rule.filter.prefix``."""

    rename: Mapping[str, str] = field(default_factory=dict)
    """Path -> name in the structure around it; dots nest, ``.`` puts the members of an object, or of what it is
    converted to, in its place."""
    drop: Mapping[str, str] = field(default_factory=dict)
    """Path -> why it has no place."""
    convert: Mapping[str, Convert] = field(default_factory=dict)
    """Path -> function of the plain value, whose result is taken as it is."""
    constant: Mapping[str, Any] = field(default_factory=dict)
    """Dotted name in the target -> value that no input says."""


@dataclass(slots=True)
class Shaped:
    """A result, with what is needed to speak of it in terms of the inputs."""

    value: dict[str, Any] = field(default_factory=dict)
    origin: dict[tuple[str | int, ...], str] = field(default_factory=dict)
    """Place in ``value`` -> path of the input."""
    unmapped: list[str] = field(default_factory=list)

    def source(self, place: Sequence[str | int]) -> str:
        """The input that is nearest to ``place``: its own, or that of what it is in; "" for what no input says."""
        for length in range(len(place), 0, -1):
            if (path := self.origin.get(tuple(place[:length]))) is not None:
                return path
        return ""


def shape(inputs: Mapping[str, Any], target: Target, rules: Rules) -> Shaped:
    """``inputs`` (plain: no secrets, no unknowns) in the form of ``target``.

    Raises ValueError where a rule names a member that the target does not have, or an input is unknown.
    """
    shaped = Shaped()
    _Shaper(rules, shaped).structure(inputs, target, shaped.value, "", ())
    for name, value in rules.constant.items():
        _put(shaped.value, name.split("."), value)
    return shaped


def _put(value: dict[str, Any], names: Sequence[str], leaf: Any) -> None:
    for name in names[:-1]:
        value = value.setdefault(name, {})
    value.setdefault(names[-1], leaf)


class _Shaper:
    def __init__(self, rules: Rules, shaped: Shaped) -> None:
        self._rules = rules
        self._shaped = shaped

    def structure(
        self,
        inputs: Mapping[str, Any],
        target: Target,
        out: dict[str, Any],
        path: str,
        place: tuple[str | int, ...],
    ) -> None:
        names = {_plainest(name): name for name in target.members}
        for key, value in inputs.items():
            at = f"{path}.{key}" if path else key
            if at not in self._rules.convert and value == []:
                continue  # as the provider has it: an empty list says no more than none
            if value is None or at in self._rules.drop or at in PROVIDER_ONLY:
                continue
            name = self._rules.rename.get(at) or names.get(_plainest(key))
            if name is None:
                self._shaped.unmapped.append(at)
            elif name == "." and at in self._rules.convert:
                made = self._rules.convert[at](value)
                self._shaped.origin |= {(*place, each): at for each in made}
                out.update(made)
            elif name == ".":
                self.structure(value, target, out, at, place)
            else:
                self._member(value, target, out, at, place=place, name=name)

    def _member(
        self,
        value: Any,
        target: Target,
        out: dict[str, Any],
        path: str,
        *,
        place: tuple[str | int, ...],
        name: str,
    ) -> None:
        *around, last = name.split(".")
        place = (*place, *around, last)
        for each in around:
            target = _within(target, each, path)
            out = out.setdefault(each, {})
        target = _within(target, last, path)
        self._shaped.origin[place] = path
        made = self.value(value, target, path, place)
        if isinstance(made, dict) and isinstance(out.get(last), dict):
            out[last].update(made)
        else:
            out[last] = made

    def value(self, value: Any, target: Target, path: str, place: tuple[str | int, ...]) -> Any:
        if isinstance(value, Unknown):
            raise ValueError(
                f"{path} is unknown; this check reads a plan that was recorded in the mode update"
            )
        if path in self._rules.convert:
            return self._rules.convert[path](value)
        if target.kind == "list":
            return self._list(value, target, path, place)
        if target.kind == "structure":
            return self._structure(value, target, path, place)
        if target.kind == "map" and isinstance(value, Mapping):
            item = target.item
            return {
                key: self.value(each, item, f"{path}.{key}", (*place, key)) if item else each
                for key, each in value.items()
            }
        return _scalar(value, target)

    def _list(self, value: Any, target: Target, path: str, place: tuple[str | int, ...]) -> Any:
        item = target.item
        pair = _pair(item) if item is not None else None
        if isinstance(value, Mapping) and pair and not _is_pair(value):
            key, held = pair
            return [{key: name, held: each} for name, each in value.items()]
        values = value if isinstance(value, list) else [value]
        if item is None:
            return values
        made = []
        for index, each in enumerate(values):
            self._shaped.origin[(*place, index)] = f"{path}[{index}]" if isinstance(value, list) else path
            made.append(self.value(each, item, path, (*place, index)))
        return made

    def _structure(self, value: Any, target: Target, path: str, place: tuple[str | int, ...]) -> Any:
        members = target.members
        if isinstance(value, Mapping) and value.keys() == {"items"} and "Quantity" in members:
            value = value["items"]
        if isinstance(value, list) and {"Quantity", "Items"} <= members.keys():
            items = self.value(value, members["Items"], path, (*place, "Items"))
            return {"Quantity": len(value), **({"Items": items} if items else {})}
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if isinstance(value, str) and not members:
            return _scalar(value, target)
        if not isinstance(value, Mapping):
            return value
        out: dict[str, Any] = {}
        self.structure(value, target, out, path, place)
        return out


def _within(target: Target, name: str, path: str) -> Target:
    """The member ``name``, which a rule promised for ``path``."""
    if target.kind == "list" and target.item is not None:
        target = target.item
    if name not in target.members:
        raise ValueError(f"the rule for {path} names {name}; there are {', '.join(sorted(target.members))}")
    return target.members[name]


def _plainest(name: str) -> str:
    """Without case, separators and plural: ``SubnetIDs`` and ``subnet_id`` are the same name."""
    letters = re.sub(r"[^a-z0-9]", "", name.lower())
    if letters.endswith("ies"):
        return f"{letters[:-3]}y"
    return letters.removesuffix("s")


def _pair(item: Target) -> tuple[str, str] | None:
    """The names of a key and a value, if ``item`` is a structure of these two."""
    names = {name.lower().removeprefix("tag").removeprefix("parameter"): name for name in item.members}
    for key in ("key", "name"):
        if {key, "value"} <= names.keys():
            return names[key], names["value"]
    return None


def _is_pair(value: Mapping[str, Any]) -> bool:
    return {"key", "value"} <= value.keys() or {"name", "value"} <= value.keys()


def _scalar(value: Any, target: Target) -> Any:
    """The value in the target's type where only the writing differs (``"3"`` and 3, true and ``"ENABLED"``)."""
    kind = target.kind
    if kind == "string" and isinstance(value, bool):
        wanted = {"enabled", "enable"} if value else {"disabled", "disable", "suspended"}
        return next((each for each in target.enum if each.lower() in wanted), str(value).lower())
    if kind == "string" and isinstance(value, int | float):
        return str(value)
    if (
        kind == "boolean"
        and isinstance(value, str)
        and value.lower() in ("true", "false", "enabled", "disabled")
    ):
        return value.lower() in ("true", "enabled")
    if kind in ("integer", "number") and isinstance(value, str) and re.fullmatch(r"-?\d+(\.\d+)?", value):
        return float(value) if "." in value else int(value)
    if (
        kind in ("json", "map", "structure")
        and isinstance(value, str)
        and value.lstrip().startswith(("{", "["))
    ):
        return json.loads(value)
    return value
