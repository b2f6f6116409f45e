"""A region's OpenSearch (row S4.35)."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from reelplane_infra.config.base import Config

InstanceType = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+\.[a-z0-9]+\.search$")]


class Search(Config):
    """Data nodes over the zones, and masters of their own."""

    version: Annotated[str, StringConstraints(pattern=r"^OpenSearch_\d+\.\d+$")] = "OpenSearch_2.19"
    """https://docs.aws.amazon.com/opensearch-service/latest/developerguide/what-is.html (2026-11)."""
    zones: Literal[2, 3] = 3
    data_type: InstanceType = "r7g.large.search"
    data_nodes: int = Field(default=3, ge=2, le=400)
    """At most 400 with masters of its own on large types, https://docs.aws.amazon.com/opensearch-service/latest/
    developerguide/limits.html (2026-11)."""
    master_type: InstanceType = "m7g.large.search"
    master_nodes: Literal[3, 5] = 3
    """An odd number, so that a majority is clear; 3 or 5, https://docs.aws.amazon.com/opensearch-service/latest/
    developerguide/managedomains-dedicatedmasternodes.html (2026-11)."""
    gigabytes_per_node: int = Field(default=100, ge=10, le=24576)
    log_days: int = 30

    @model_validator(mode="after")
    def _even(self) -> Self:
        if self.data_nodes % self.zones:
            right = self.data_nodes + self.zones - self.data_nodes % self.zones
            raise ValueError(
                f"data_nodes {self.data_nodes}: a multiple of the {self.zones} zones, {right} is the next "
                "(https://docs.aws.amazon.com/opensearch-service/latest/developerguide/"
                "managedomains-multiaz.html, 2026-11)"
            )
        return self
