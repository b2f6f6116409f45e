"""Putting a video into the edges' caches before it is asked for."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from reelplane_infra.config.base import Config


class Prewarm(Config):
    """A queue and a function in every primary region (S4.24: viral videos, and those of creators with many followers).

    CloudFront takes no pushes. What can be done is to ask for a video from many places: a function's request fills the
    regional edge cache of its own region and the shield behind it, which is where the edges around them look next.
    """

    concurrency: int = Field(default=20, ge=2, le=1000)
    """Functions at once per region; a queue's minimum is 2,
    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html (2026-11)."""
    timeout_seconds: int = Field(default=60, ge=1, le=900)
    """For one object."""
    attempts: int = Field(default=3, ge=1, le=1000)
    """Before a message is set aside."""
    log_days: Literal[1, 3, 5, 7, 14, 30, 60, 90] = 7
    """Days that the function's log is kept."""
