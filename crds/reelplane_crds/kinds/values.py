"""Texts that carry a value: Go durations, Kubernetes quantities, rates, and strings of a named form.

Each is a ``str`` that is valid by construction, keeps what the person wrote, and offers the number behind it.
The annotations ``Between`` and ``Form`` add a bound or a form to one field; like ``Rule`` they speak to both
judges, JSON schema and CEL on one side, Python on the other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from reelplane_crds.rules import Invalid, shown

JsonSchema = dict[str, Any]
MEANS = "x-reelplane-means"
"""What a text is, in words; for the reference pages, and taken out of the CRD."""
DETAIL = "x-reelplane-detail"
"""What that form asks for, likewise."""
EXAMPLE = "x-reelplane-example"
"""A text of that form, likewise."""
_INT64_MAX = 2**63 - 1


class ValueText(str):
    """Base of the texts. A subclass gives ``pattern``, ``max_length`` and ``magnitude``; making one validates it."""

    __slots__ = ()
    pattern: ClassVar[str]
    means: ClassVar[str]
    max_length: ClassVar[int]

    def __new__(cls, text: str) -> Self:
        """Raises Invalid, saying what would be right."""
        if len(text) > cls.max_length or not re.fullmatch(cls.pattern, text):
            raise cls.refusal(text)
        value = super().__new__(cls, text)
        if value.magnitude > _INT64_MAX:
            raise Invalid(f"{shown(text)} is too large", "it must fit 64 bits")
        return value

    @property
    def magnitude(self) -> int:
        """The value in the type's smallest unit."""
        raise TypeError("a subclass says what its text is worth")

    @classmethod
    def refusal(cls, text: str) -> Invalid:
        """What to tell the person who wrote ``text``, which is not of this form."""
        return Invalid(f"{shown(text)} has the wrong form", f"it must match {cls.pattern}")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(cls, core_schema.str_schema(strict=True))

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchema:
        return {"type": "string", "pattern": cls.pattern, "maxLength": cls.max_length, MEANS: cls.means}


class Duration(ValueText):
    """A Go duration of hours, minutes, seconds and milliseconds: ``1h30m``, ``1.5h``, ``300ms``. Days do not exist."""

    __slots__ = ()
    pattern = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$"
    means = "duration"
    max_length = 24
    _UNITS: ClassVar[dict[str, int]] = {"ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}

    @property
    def magnitude(self) -> int:
        """Nanoseconds, fractions cut off below one, as Go's time.ParseDuration does."""
        total = 0
        for whole, fraction, unit in re.findall(r"([0-9]+)(?:\.([0-9]+))?(ms|s|m|h)", self):
            total += int(whole) * self._UNITS[unit]
            if fraction:
                total += int(fraction) * self._UNITS[unit] // 10 ** len(fraction)
        return total

    @property
    def seconds(self) -> int:
        """Whole seconds, rounded up: a time that is not zero never becomes zero."""
        return -(-self.magnitude // 10**9)

    @classmethod
    def refusal(cls, text: str) -> Invalid:
        fix = "write hours, minutes and seconds like 1h30m, 90s or 720h"
        if long := re.fullmatch(r"\s*([0-9]{1,6})\s*(d|days?|w|weeks?)\s*", text):
            hours = int(long[1]) * (24 if long[2].startswith("d") else 168)
            fix = f"Go durations end at hours: write {hours}h"
        elif re.fullmatch(r"[0-9]{1,12}", text):
            fix = f"name the unit: {text}s, {text}m or {text}h"
        elif spelt := re.fullmatch(r"\s*([0-9]{1,12})\s*(h|m|s)[a-z]*\s*", text):
            fix = f"write {spelt[1]}{spelt[2]}"
        return Invalid(f"{shown(text)} is not a duration", fix)


class Quantity(ValueText):
    """Bytes as a Kubernetes quantity: ``512Mi`` is 512 x 2^20, ``500M`` is 500 x 10^6, a bare number is bytes.

    Kubernetes also has thousandths (``500m``) and exponents; bytes need neither, and ``m`` is nearly always meant
    as a million, so they are refused.
    """

    __slots__ = ()
    pattern = r"^[0-9]+(\.[0-9]+)?(Ki|Mi|Gi|Ti|Pi|k|M|G|T|P)?$"
    means = "size"
    max_length = 20
    _UNITS: ClassVar[dict[str, int]] = {
        "": 1,
        **{unit: 1000**power for power, unit in enumerate("kMGTP", start=1)},
        **{f"{unit}i": 1024**power for power, unit in enumerate("KMGTP", start=1)},
    }

    @property
    def magnitude(self) -> int:
        """Bytes, rounded up as Kubernetes' Quantity.Value() does."""
        number = self.rstrip("KMGTPki")
        whole, _, fraction = number.partition(".")
        scaled = int(whole + fraction) * self._UNITS[self[len(number) :]]
        return int(-(-scaled // 10 ** len(fraction)))

    @property
    def bytes(self) -> int:
        """The same as ``magnitude``, by the name that callers look for."""
        return self.magnitude

    @classmethod
    def refusal(cls, text: str) -> Invalid:
        fix = "write a size like 512Mi, 50Gi or 500M"
        if near := re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([kmgtp])(?:i?b)?\s*", text, re.IGNORECASE):
            fix = f"write {near[1]}{near[2].upper()}i"
        return Invalid(f"{shown(text)} is not a size", fix)


class Cpu(ValueText):
    """Processors as a Kubernetes quantity: ``2``, ``0.5`` or, in thousandths, ``500m``."""

    __slots__ = ()
    pattern = r"^([0-9]{1,9}m|[0-9]{1,6}(\.[0-9]{1,3})?)$"
    means = "processors"
    max_length = 10

    @property
    def magnitude(self) -> int:
        """Thousandths of a processor."""
        if self.endswith("m"):
            return int(self.removesuffix("m"))
        whole, _, fraction = self.partition(".")
        return int(whole) * 1000 + int(fraction.ljust(3, "0"))

    @classmethod
    def refusal(cls, text: str) -> Invalid:
        return Invalid(f"{shown(text)} is not a number of processors", "write e.g. 250m, 0.5 or 2")


class Rate(ValueText):
    """So many events in a time: ``10/min``. Units: ``s``, ``min``, ``h``."""

    __slots__ = ()
    pattern = r"^[1-9][0-9]{0,5}/(s|min|h)$"
    means = "rate"
    max_length = 10
    _UNITS: ClassVar[dict[str, int]] = {"s": 1, "min": 60, "h": 3600}

    @property
    def count(self) -> int:  # type: ignore[override]
        """Events allowed in ``per`` seconds."""
        return int(self.partition("/")[0])

    @property
    def per(self) -> int:
        """Seconds."""
        return self._UNITS[self.partition("/")[2]]

    @property
    def magnitude(self) -> int:
        """Events per hour, for comparison only."""
        return self.count * 3600 // self.per

    @classmethod
    def refusal(cls, text: str) -> Invalid:
        fix = "write 10/min, 2/s or 100/h"
        if near := re.fullmatch(r"\s*([1-9][0-9]{0,5})\s*(?:/|per)\s*(s|m|h)[a-z]*\s*", text):
            fix = f"write {near[1]}/{ {'s': 's', 'm': 'min', 'h': 'h'}[near[2]] }"
        return Invalid(f"{shown(text)} is not a rate", fix)


@dataclass(frozen=True, slots=True)
class Between:
    """Bounds, both inclusive, of a Duration, Quantity or Cpu field: ``Annotated[Duration, Between("1s", "24h")]``."""

    low: str
    high: str

    @property
    def message(self) -> str:
        return f"must be between {self.low} and {self.high}"

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        low, high = source(self.low), source(self.high)

        def check(value: ValueText) -> ValueText:
            if low.magnitude <= value.magnitude <= high.magnitude:
                return value
            nearest = self.low if value.magnitude < low.magnitude else self.high
            raise Invalid(f"{value} is out of range", f"{self.message}: the nearest is {nearest}")

        return core_schema.no_info_after_validator_function(check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchema:
        result = handler(schema)
        low, high = f"'{self.low}'", f"'{self.high}'"
        if result[MEANS] in (Quantity.means, Cpu.means):
            cel = f"quantity(self).compareTo(quantity({low})) >= 0 && quantity(self).compareTo(quantity({high})) <= 0"
        else:
            cel = f"duration(self) >= duration({low}) && duration(self) <= duration({high})"
        return with_rules(result, {"rule": cel, "message": self.message})


def with_rules(schema: JsonSchema, *rules: dict[str, str]) -> JsonSchema:
    """The schema with further entries of ``x-kubernetes-validations``."""
    key = "x-kubernetes-validations"
    return {**schema, key: [*schema.get(key, []), *rules]} if rules else schema


@dataclass(frozen=True, slots=True)
class Form:
    """The form of a string: what it is in words (``means``, ``detail``), an example, and the pattern behind it."""

    pattern: str
    max_length: int
    means: str
    right: str
    detail: str = ""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        form = re.compile(self.pattern)

        def check(text: str) -> str:
            if len(text) <= self.max_length and form.fullmatch(text):
                return text
            told = f"{self.means} ({self.detail})" if self.detail else self.means
            raise Invalid(f"{shown(text)} is not {told}", f"write e.g. {self.right}")

        return core_schema.no_info_after_validator_function(check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchema:
        words = {MEANS: self.means, DETAIL: self.detail, EXAMPLE: self.right}
        return {**handler(schema), "pattern": self.pattern, "maxLength": self.max_length, **words}
