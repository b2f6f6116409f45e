"""What a provider would answer to a registration: its id and its outputs, never an echo of the program.

An output is the input of the same name where the program set one, since a provider returns those. Everything else is
computed: in a preview unknown, in an update a value of the type that the SDK's getter promises, in the documented
shape where ``shapes`` has one. A program that reads an output the class has no getter for fails as it would at AWS.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from pulumi import _types

from reelplane_infra.record import sdk
from reelplane_infra.record.record import Mode
from reelplane_infra.record.shapes import IDS, PROPERTIES
from reelplane_infra.record.values import UNKNOWN, Value, plain

_FIELD = re.compile(r"\{([^}]+)\}")
_DEPTH = 4
"""Levels of nested output types that are filled; the deepest that a program reads is three."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the engine tells the program about a resource."""

    id: Value
    outputs: dict[str, Value]


@dataclass(frozen=True, slots=True)
class _Subject:
    """What templates are filled from."""

    urn: str
    inputs: Mapping[str, Value]
    region: str
    account: str
    id: str = ""

    def fill(self, template: str) -> str:
        return _FIELD.sub(lambda match: self._field(match[1]), template)

    def _field(self, field: str) -> str:
        digest = hashlib.sha256(self.urn.encode()).hexdigest()
        source, _, name = field.partition(".")
        if name:
            value = plain(self.inputs.get(name))
            text = value if isinstance(value, str) else f"{self.urn.rpartition('::')[2]}-{digest[:7]}"
            return text.rpartition("/")[2] if source == "last" else text
        if field.lower().startswith("hex"):
            digits = digest[: int(field[3:])]
            return digits.upper() if field.startswith("HEX") else digits
        if field == "uuid":
            return f"{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-8{digest[17:20]}-{digest[20:32]}"
        return str(getattr(self, field))


def answer(
    token: str, urn: str, inputs: Mapping[str, Value], *, mode: Mode, region: str, account: str
) -> Answer:
    """The answer to the registration of a custom resource.

    ``region`` is where the stack stands: resources without a region input are there. Raises ``sdk.UnknownType``.
    """
    own = plain(inputs.get("region"))
    subject = _Subject(urn, inputs, own if isinstance(own, str) else region, account)
    ident = subject.fill(IDS.get(token, "{in.name}"))
    subject = _Subject(urn, inputs, subject.region, account, ident)
    shaped = PROPERTIES.get(token, {})
    out: dict[str, Value] = {}
    for each in sdk.outputs(token):
        if each.name in inputs:
            out[each.name] = inputs[each.name]
        elif each.optional and each.name not in shaped:
            continue
        elif mode is Mode.PREVIEW:
            out[each.name] = UNKNOWN
        elif each.name in shaped:
            out[each.name] = subject.fill(shaped[each.name])
        else:
            out[each.name] = _made(each, token, subject, _DEPTH)
    return Answer(UNKNOWN if mode is Mode.PREVIEW else ident, out)


def _made(prop: sdk.Property, token: str, subject: _Subject, depth: int) -> Value:
    if prop.name == "arn":
        service, _, kind = token.removeprefix("aws:").partition("/")
        return f"arn:aws:{service}:{subject.region}:{subject.account}:{kind.partition(':')[0].lower()}/{subject.id}"
    if prop.name == "tagsAll":
        return subject.inputs.get("tags", {})
    return _of_type(prop.type, prop.name, token, subject, depth)


def _of_type(hint: Any, name: str, token: str, subject: _Subject, depth: int) -> Value:
    if hint is bool:
        return False
    if hint in (int, float):
        return 0
    if isinstance(hint, type) and _types.is_output_type(hint):
        shaped = PROPERTIES.get(token, {})
        within: dict[str, Value] = {}
        for each in sdk.fields(hint):
            template = shaped.get(f"{name}.{each.name}")
            if template is not None:
                within[each.name] = subject.fill(template)
            elif depth and not each.optional:
                within[each.name] = _made(each, token, subject, depth - 1)
        return within
    origin = get_origin(hint)
    if origin is not None and issubclass(origin, Mapping):
        return {}
    if origin is not None and hint is not str:
        return [_of_type(get_args(hint)[0], name, token, subject, depth)]
    return f"{subject.id}-{name}"
