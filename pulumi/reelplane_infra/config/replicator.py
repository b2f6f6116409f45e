"""MSK Replicator: a primary's topics in its recovery region, and where its consumers were in them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import Field

from reelplane_infra.config.base import Config


class Replicator(Config):
    """What is copied from each primary to its recovery region.

    A replicator's clusters are of one account
    (https://docs.aws.amazon.com/msk/latest/developerguide/msk-replicator-how-it-works.html, 2026-11), which holds by
    construction: an environment is one account.
    """

    topics: tuple[str, ...] = Field(default=(".*",), min_length=1)
    """Regular expressions of topics that are copied."""
    exclude: tuple[str, ...] = ("^__.*",)
    """And of those that are not: Kafka's own. Copies of another region's are left out in any case."""
    groups: tuple[str, ...] = Field(default=(".*",), min_length=1)
    """Consumer groups whose places are copied, so that they go on in the recovery region where they were."""
    compression: Literal["NONE", "GZIP", "SNAPPY", "LZ4", "ZSTD"] = "LZ4"
    """Between the regions, where each gigabyte is charged."""


def check(without: Iterable[str]) -> None:
    """``without`` are the regions that are to be joined and have no stream. Raises ValueError if there are any."""
    names = ", ".join(without)
    if names:
        raise ValueError(
            f"data.replicator: {names} has no stream to copy; set region.stream, or leave replicator out"
        )
