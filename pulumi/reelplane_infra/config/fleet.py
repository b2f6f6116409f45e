"""The layer ``fleet``: the RegionDeployments on the hub, and how the hub signs in to the regions."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from reelplane_infra.config.base import Config
from reelplane_infra.config.platform import Label

TOKEN_MINUTES = 15
"""Minutes that EKS takes a token for, https://docs.aws.amazon.com/eks/latest/best-practices/identity-and-access-
management.html (2026-11)."""


class Fleet(Config):
    """The hub of several regions.

    With a hub, the hub's operator writes VideoPlatform and VideoPipelines into every region; without one, each
    region's layer ``platform`` does. Never both: the operator takes back every field that somebody else writes.
    """

    enabled: bool | None = None
    """None: with more than one region."""
    namespace: Label = "reels-hub"
    """Where the hub keeps what the regions are made from; not the namespace of the platform."""
    rotate_minutes: int = Field(default=5, ge=1, le=TOKEN_MINUTES - 5)
    """Minutes between two tokens for a region, at least 5 less than a token lives."""
    image: Annotated[str, StringConstraints(pattern=r"^\S+:\S+$")] = "public.ecr.aws/aws-cli/aws-cli:2.32.0"
    """AWS's own image of its CLI, which makes the tokens."""

    def hub(self, regions: int) -> bool:
        """Whether there is a hub, in an environment of so many regions."""
        return regions > 1 if self.enabled is None else self.enabled
