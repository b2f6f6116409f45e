"""What the layer ``platform`` hands on."""

from __future__ import annotations

import pulumi

from reelplane_infra.outputs.base import Outputs


class PlatformOutputs(Outputs):
    """Once per region."""

    namespace: pulumi.Output[str]
    """Where the platform stands in the region's cluster."""
    registry: pulumi.Output[str]
    """Where the region pulls our images from: ``<registry>/workloads:<release>``."""
