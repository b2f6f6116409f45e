"""The load balancer before a region's API."""

from __future__ import annotations

from pydantic import Field

from reelplane_infra.config.base import Config


class Balancer(Config):
    """An Application Load Balancer in the public subnets. It lets nobody in by itself: the edge layer adds rules for
    CloudFront and Route 53's checkers to its security group (outputs/region.py, ``balancer_arn``)."""

    idle_seconds: int = Field(default=60, ge=1, le=4000)
    """Seconds without a byte after which a connection is closed, 1 to 4000, https://docs.aws.amazon.com/
    elasticloadbalancing/latest/application/edit-load-balancer-attributes.html (2026-11)."""
    drain_seconds: int = Field(default=30, ge=0, le=3600)
    """Seconds that requests of a pod which leaves may still take, 0 to 3600, https://docs.aws.amazon.com/
    elasticloadbalancing/latest/application/edit-target-group-attributes.html (2026-11)."""
