"""What the layer ``fleet`` hands on."""

from __future__ import annotations

from reelplane_infra.outputs.base import Outputs


class FleetOutputs(Outputs):
    """Nothing is read from this layer."""
