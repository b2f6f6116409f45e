"""What one layer hands to the next: fields with types, exported one by one and read back by the same model.

A reader checks what it gets: an output that is missing or of another type names both layers and the field, instead
of a ``None`` that fails somewhere inside a resource.
"""

from __future__ import annotations

import asyncio
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
            {
                key: value if isinstance(value, pulumi.Output) else pulumi.Output.from_input(value)
                for key, value in data.items()
            }
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
        held = {name: TypeAdapter(_held(cls, name)) for name in cls.model_fields}

        def check(outputs: Any) -> Any:
            """Of an output that is not known yet, nothing is asked but that it is there."""
            if not isinstance(outputs, dict):
                return outputs
            for name, type in held.items():
                if name not in outputs:
                    has = ", ".join(sorted(outputs)) or "nothing"
                    raise ContractBroken(f"{reader} reads the output {name} of {stack}, which exports {has}")
                if contains_unknowns(outputs[name]):
                    continue
                try:
                    type.validate_python(outputs[name], strict=True)
                except ValidationError as error:
                    raise ContractBroken(f"{reader} reads the output {name} of {stack}: {error}") from None
            return outputs

        # Run with unknowns: in a preview one unknown output would otherwise hide that another one is missing.
        checked = reference.outputs.apply(check, run_with_unknowns=True)
        return cls(**{name: _picked(reference, checked, name) for name in held})


def _picked(reference: pulumi.StackReference, outputs: pulumi.Output[Any], name: str) -> pulumi.Output[Any]:
    """One of ``outputs``, secret if it is that itself: what ``StackReference.get_output`` gives.

    That one makes an Output of every leaf of all outputs, for each name: of five regions' outputs some 24,000.
    """
    picked = outputs.apply(
        lambda found: found[name] if isinstance(found, dict) else found, run_with_unknowns=True
    )
    hidden = asyncio.ensure_future(_is_secret(reference, name))
    return pulumi.Output(picked.resources(), picked.future(), picked.is_known(), hidden)


async def _is_secret(reference: pulumi.StackReference, name: str) -> bool:
    names = await reference.secret_output_names.future()
    return await reference.outputs.is_secret() if names is None else name in names


def _held(cls: type[Outputs], name: str) -> Any:
    """T of a field that is declared ``pulumi.Output[T]``."""
    hint = cls.model_fields[name].annotation
    if get_origin(hint) is not pulumi.Output:
        raise TypeError(f"{cls.__name__}.{name}: an output is declared pulumi.Output[...], this is {hint}")
    return get_args(hint)[0]
