"""What the layer ``edge`` hands on."""

from __future__ import annotations

import pulumi

from reelplane_infra.outputs.base import Outputs


class EdgeOutputs(Outputs):
    """Once per environment; texts are empty and maps too where there is no CDN."""

    api_url: pulumi.Output[str]
    """``https://...``, where viewers reach the API."""
    media_url: pulumi.Output[str]
    """``https://...``, below which media are; their paths are the objects' keys."""
    signing_key_ids: pulumi.Output[dict[str, str]]
    """The environment's id of a signing key -> CloudFront's, which a signed URL has as ``Key-Pair-Id``."""
    distribution_ids: pulumi.Output[dict[str, str]]
    """``api`` and ``media`` -> id, for invalidations."""
    prewarm_queues: pulumi.Output[dict[str, str]]
    """Region -> URL of the queue that takes URLs to be fetched."""
    recovery_plan: pulumi.Output[str]
    """ARN of the Region switch plan."""
