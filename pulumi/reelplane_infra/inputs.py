"""What a layer reads of the others, by stack reference and only along the edges of ``stack.READS``."""

from __future__ import annotations

from typing import TypeVar

import pulumi

from reelplane_infra.config import Environment
from reelplane_infra.outputs.base import Outputs
from reelplane_infra.outputs.data import DataOutputs
from reelplane_infra.outputs.edge import EdgeOutputs
from reelplane_infra.outputs.foundation import FoundationOutputs
from reelplane_infra.outputs.platform import PlatformOutputs
from reelplane_infra.outputs.region import RegionOutputs
from reelplane_infra.stack import PROJECT, Layer, StackName

Read = TypeVar("Read", bound=Outputs)


class Inputs:
    """The outputs that one stack may read. A stack is referred to once, when it is first asked for."""

    def __init__(self, environment: Environment, stack: StackName) -> None:
        self._stack = stack
        self._allowed = stack.reads(each.name for each in environment.regions)
        self._references: dict[StackName, pulumi.StackReference] = {}

    def foundation(self) -> FoundationOutputs:
        return self._read(Layer.FOUNDATION, None, FoundationOutputs)

    def region(self, region: str) -> RegionOutputs:
        return self._read(Layer.REGION, region, RegionOutputs)

    def data(self) -> DataOutputs:
        return self._read(Layer.DATA, None, DataOutputs)

    def edge(self) -> EdgeOutputs:
        return self._read(Layer.EDGE, None, EdgeOutputs)

    def platform(self, region: str) -> PlatformOutputs:
        return self._read(Layer.PLATFORM, region, PlatformOutputs)

    def _read(self, layer: Layer, region: str | None, model: type[Read]) -> Read:
        """Raises PermissionError if the graph has no such edge."""
        stack = StackName(self._stack.environment, layer, region)
        if stack not in self._allowed:
            may = ", ".join(map(str, self._allowed)) or "nothing"
            raise PermissionError(f"{self._stack} does not read {stack}: it may read {may} (stack.READS)")
        if stack not in self._references:
            full = f"{pulumi.get_organization()}/{PROJECT}/{stack}"
            self._references[stack] = pulumi.StackReference(full)
        return model.read(self._references[stack], stack=str(stack), reader=str(self._stack))
