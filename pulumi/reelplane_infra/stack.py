"""Stacks: their names, which layer reads which, and the order that follows. Pure.

A stack is the unit of failure and of permission, so a layer that every region has is one stack per region: a region
that cannot be deployed stops no other. The edges below are all that a layer may read; ``inputs`` refuses the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

PROJECT: Final = "reelplane"
"""The name in Pulumi.yaml."""


class Layer(StrEnum):
    """In the order they are deployed."""

    FOUNDATION = "foundation"
    REGION = "region"
    DATA = "data"
    EDGE = "edge"
    PLATFORM = "platform"
    FLEET = "fleet"


REGIONAL: Final = frozenset({Layer.REGION, Layer.PLATFORM})
"""Layers with a stack per region."""

READS: Final[Mapping[Layer, tuple[Layer, ...]]] = MappingProxyType(
    {
        Layer.FOUNDATION: (),
        Layer.REGION: (Layer.FOUNDATION,),
        Layer.DATA: (Layer.FOUNDATION, Layer.REGION),
        Layer.EDGE: (Layer.FOUNDATION, Layer.REGION, Layer.DATA),
        Layer.PLATFORM: (Layer.FOUNDATION, Layer.REGION, Layer.DATA, Layer.EDGE),
        Layer.FLEET: (Layer.FOUNDATION, Layer.REGION, Layer.EDGE, Layer.PLATFORM),
    }
)
"""Which layers' outputs a layer reads."""


@dataclass(frozen=True, slots=True)
class StackName:
    """``<environment>.<layer>[.<region>]``."""

    environment: str
    layer: Layer
    region: str | None = None

    def __post_init__(self) -> None:
        if (self.layer in REGIONAL) != (self.region is not None):
            right = f"{self.environment}.{self.layer}" + (".<region>" if self.layer in REGIONAL else "")
            raise ValueError(f"{self}: stacks of the layer {self.layer} are named {right}")

    def __str__(self) -> str:
        return ".".join(part for part in (self.environment, self.layer.value, self.region) if part)

    @classmethod
    def parse(cls, text: str) -> StackName:
        """Raises ValueError with the form that is right."""
        environment, _, rest = text.partition(".")
        layer, _, region = rest.partition(".")
        try:
            return cls(environment, Layer(layer), region or None)
        except ValueError as error:
            known = ", ".join(Layer)
            raise ValueError(
                f"stack {text!r}: <environment>.<layer>[.<region>], layers {known}; {error}"
            ) from error

    def reads(self, regions: Iterable[str]) -> tuple[StackName, ...]:
        """The stacks whose outputs this one may read. One of a region's own stacks reads only its own region's."""
        return tuple(
            StackName(self.environment, layer, region)
            for layer in READS[self.layer]
            for region in (self._scopes(layer, regions))
        )

    def _scopes(self, layer: Layer, regions: Iterable[str]) -> tuple[str | None, ...]:
        if layer not in REGIONAL:
            return (None,)
        return (self.region,) if self.region is not None else tuple(regions)


def waves(environment: str, regions: Iterable[str]) -> tuple[tuple[StackName, ...], ...]:
    """The stacks in the order they are deployed; those of one wave may run at the same time."""
    names = tuple(regions)
    return tuple(
        tuple(StackName(environment, layer, region) for region in names)
        if layer in REGIONAL
        else (StackName(environment, layer),)
        for layer in Layer
    )
