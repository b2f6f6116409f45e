"""Property values as they cross the wire between a program and its engine, turned into plain data.

A value is JSON plus two marks: ``UNKNOWN`` for what is known only after an ``up``, and ``Secret`` around what must
not be shown. In JSON the marks are written ``{"$unknown": true}`` and ``{"$secret": value}``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, TypeAlias

from google.protobuf import struct_pb2

SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
"""Key that marks an object with a special meaning, sdk/go/common/resource/sig/sig.go in pulumi/pulumi."""
SECRET_SIGNATURE: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a mark, no password
OUTPUT_SIGNATURE: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
RESOURCE_SIGNATURE: Final = "5cf8f73096256a8f31e491e813e4eb8e"
UNKNOWN_TEXT: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""How an unknown value is written in a string's place (the same file)."""


class Unknown(Enum):
    """Known only after an ``up``."""

    UNKNOWN = "unknown"

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown.UNKNOWN


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that is encrypted in the state and not shown."""

    value: Value

    def __repr__(self) -> str:
        return "Secret(...)"


Value: TypeAlias = "bool | int | float | str | list[Value] | dict[str, Value] | Unknown | Secret | None"


def plain(value: Value) -> Value:
    """``value`` without its secret marks: what a check compares. Unknowns stay."""
    if isinstance(value, Secret):
        return plain(value.value)
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return value


def walk(value: Value, path: str = "") -> Iterator[tuple[str, Value]]:
    """Every value inside ``value`` with its path (``a.b[0]``), parents first, secrets opened."""
    yield path, value
    inner = value.value if isinstance(value, Secret) else value
    if isinstance(inner, dict):
        for key, each in inner.items():
            yield from walk(each, f"{path}.{key}" if path else key)
    elif isinstance(inner, list):
        for index, each in enumerate(inner):
            yield from walk(each, f"{path}[{index}]")


def decode(struct: struct_pb2.Struct) -> dict[str, Value]:
    """A message's properties."""
    return {key: _decode(each) for key, each in struct.fields.items()}


def _decode(value: struct_pb2.Value) -> Value:
    match value.WhichOneof("kind"):
        case "struct_value":
            return _decode_object(value.struct_value)
        case "list_value":
            return [_decode(each) for each in value.list_value.values]
        case "number_value":
            number = float(value.number_value)
            return int(number) if number.is_integer() else number
        case "string_value":
            text = str(value.string_value)
            return UNKNOWN if text == UNKNOWN_TEXT else text
        case "bool_value":
            return bool(value.bool_value)
    return None


def _decode_object(struct: struct_pb2.Struct) -> Value:
    mark = struct.fields[SIGNATURE].string_value if SIGNATURE in struct.fields else ""
    if mark == SECRET_SIGNATURE:
        return Secret(_decode(struct.fields["value"]))
    if mark == OUTPUT_SIGNATURE:
        inner = _decode(struct.fields["value"]) if "value" in struct.fields else UNKNOWN
        hidden = "secret" in struct.fields and struct.fields["secret"].bool_value
        return Secret(inner) if hidden else inner
    if mark == RESOURCE_SIGNATURE:
        return str(struct.fields["urn"].string_value)
    return {key: _decode(each) for key, each in struct.fields.items()}


def encode(properties: Mapping[str, Value]) -> struct_pb2.Struct:
    """Properties as a message."""
    struct = struct_pb2.Struct()
    for key, each in properties.items():
        struct.fields[key].CopyFrom(_encode(each))
    return struct


def _encode(value: Value) -> struct_pb2.Value:
    made = struct_pb2.Value()
    if isinstance(value, Secret):
        made.struct_value.fields[SIGNATURE].string_value = SECRET_SIGNATURE
        made.struct_value.fields["value"].CopyFrom(_encode(value.value))
    elif isinstance(value, dict):
        made.struct_value.CopyFrom(encode(value))
    elif isinstance(value, list):
        made.list_value.CopyFrom(struct_pb2.ListValue(values=[_encode(each) for each in value]))
    elif value is UNKNOWN:
        made.string_value = UNKNOWN_TEXT
    elif value is None:
        made.null_value = struct_pb2.NULL_VALUE
    elif isinstance(value, bool):
        made.bool_value = value
    elif isinstance(value, int | float):
        made.number_value = value
    else:
        made.string_value = str(value)
    return made


def to_json(value: Value) -> Any:
    """``value`` as JSON holds it, with the marks of the module's docstring."""
    if value is UNKNOWN:
        return {"$unknown": True}
    if isinstance(value, Secret):
        return {"$secret": to_json(value.value)}
    if isinstance(value, dict):
        return {key: to_json(each) for key, each in value.items()}
    if isinstance(value, list):
        return [to_json(each) for each in value]
    return value


def from_json(data: Any) -> Value:
    """The inverse of ``to_json``."""
    if isinstance(data, dict):
        if data == {"$unknown": True}:
            return UNKNOWN
        if data.keys() == {"$secret"}:
            return Secret(from_json(data["$secret"]))
        return {key: from_json(each) for key, each in data.items()}
    if isinstance(data, list):
        return [from_json(each) for each in data]
    return data  # type: ignore[no-any-return]
