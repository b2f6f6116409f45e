"""Passwords that AWS makes and keeps: no program and no state ever holds one."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from reelplane_infra.config.base import Config


class Secrets(Config):
    """How Secrets Manager makes passwords, and how long a deleted one can be brought back."""

    password_length: int = Field(default=48, ge=16, le=128)
    """Characters; ElastiCache takes 16 to 128, https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/
    Clusters.RBAC.html (2026-11)."""
    refresh_minutes: int = Field(default=15, ge=1)
    """Minutes until a changed secret is seen in the clusters."""

    @model_validator(mode="after")
    def _affordable(self) -> Self:
        # External Secrets asks once per entry and refresh; 1 minute over a month is 43,200 calls for each.
        if self.refresh_minutes > 24 * 60:
            raise ValueError(
                f"refresh_minutes {self.refresh_minutes}: a changed password would wait more than a day"
            )
        return self
