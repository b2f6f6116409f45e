"""What one layer hands to the next: fields with types, exported one by one and read back by the same model.

A reader checks what it gets: an output that is missing or of another type names both layers and the field, instead
of a ``None`` that fails somewhere inside a resource.
"""

from __future__ import annotations

from typing import Any, Self, get_args, get_origin

import pulumi
from pulumi.output import contains_unknowns
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, model_validator


class ContractBroken(ValueError):
    """A layer does not export what another one reads."""


class Outputs(BaseModel):
    """Base of a layer's outputs. Every field is ``pulumi.Output[T]``, T of JSON's types; plain values are lifted."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    @model_validator(mode="before")
    @classmethod
    def _lift(cls, data: Any) -> Any:
        return (
            {key: pulumi.Output.from_input(value) for key, value in data.items()}
            if isinstance(data, dict)
            else data
        )

    def export(self) -> None:
        """Makes every field an output of the stack, under its own name."""
        for name in type(self).model_fields:
            pulumi.export(name, getattr(self, name))

    @classmethod
    def read(cls, reference: pulumi.StackReference, *, stack: str, reader: str) -> Self:
        """The outputs of ``stack``, as ``reader`` sees them. A broken contract raises ContractBroken on use."""
        return cls(
            **{name: _field(reference, name, stack, reader, _held(cls, name)) for name in cls.model_fields}
        )


def _held(cls: type[Outputs], name: str) -> Any:
    """T of a field that is declared ``pulumi.Output[T]``."""
    hint = cls.model_fields[name].annotation
    if get_origin(hint) is not pulumi.Output:
        raise TypeError(f"{cls.__name__}.{name}: an output is declared pulumi.Output[...], this is {hint}")
    return get_args(hint)[0]


def _field(
    reference: pulumi.StackReference, name: str, stack: str, reader: str, held: Any
) -> pulumi.Output[Any]:
    def check(outputs: Any) -> Any:
        if contains_unknowns(outputs) and not isinstance(outputs, dict):
            return outputs
        if name not in outputs:
            has = ", ".join(sorted(outputs)) or "nothing"
            raise ContractBroken(f"{reader} reads the output {name} of {stack}, which exports {has}")
        value = outputs[name]
        if contains_unknowns(value):
            return value
        try:
            return TypeAdapter(held).validate_python(value, strict=True)
        except ValidationError as error:
            raise ContractBroken(f"{reader} reads the output {name} of {stack}: {error}") from None

    # Run with unknowns: in a preview one unknown output would otherwise hide that another one is missing.
    checked = reference.outputs.apply(check, run_with_unknowns=True)
    picked = reference.get_output(name)
    return pulumi.Output.all(picked, checked).apply(lambda pair: pair[0])
