"""The layer between the viewers and the regions."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from reelplane_infra.config.base import Config
from reelplane_infra.config.cdn import Cdn
from reelplane_infra.config.firewall import Firewall
from reelplane_infra.config.prewarm import Prewarm
from reelplane_infra.config.recovery import Recovery
from reelplane_infra.config.traffic import Traffic


class EdgeLayer(Config):
    """The layer ``edge``. What is None is not made."""

    traffic: Traffic = Traffic()
    firewall: Firewall = Firewall()
    cdn: Cdn | None = None
    """Without it no viewer reaches anything: a region answers to CloudFront only."""
    prewarm: Prewarm | None = None
    recovery: Recovery | None = None

    @model_validator(mode="after")
    def _warms_something(self) -> Self:
        if self.prewarm is not None and self.cdn is None:
            raise ValueError("prewarm: there is no cache to fill without cdn")
        return self
