"""What the layer ``foundation`` hands on."""

from __future__ import annotations

import pulumi

from reelplane_infra.outputs.base import Outputs


class FoundationOutputs(Outputs):
    """Once per environment."""

    key_arns: pulumi.Output[dict[str, str]]
    """Region -> ARN of the environment's KMS key there."""
    repository_urls: pulumi.Output[dict[str, str]]
    """Image -> where it is pulled from in the hub's region; other regions have it under their own host."""
    zone_id: pulumi.Output[str]
    """The hosted zone of the environment's domain."""
    name_servers: pulumi.Output[list[str]]
    """To which the domain's parent must delegate; empty for a zone that existed."""
