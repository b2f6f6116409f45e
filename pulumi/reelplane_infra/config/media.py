"""A region's bucket of media: where what lies, and when it moves to a cheaper class (row S4.12)."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from reelplane_infra.config.base import Config

Prefix = Annotated[str, StringConstraints(pattern=r"^([-_a-zA-Z0-9]+/)+$", max_length=256)]
"""Ends with a slash."""


class Media(Config):
    """The media bucket of a region."""

    raw_prefix: Prefix = "raw/"
    """Uploads as they came."""
    processed_prefix: Prefix = "processed/"
    """What viewers get."""
    raw_to_glacier_days: int = Field(default=30, ge=1)
    """Days until an upload moves to Glacier Flexible Retrieval."""
    unpopular_tag: tuple[str, str] = ("reelplane:views", "under-1000")
    """Key and value of the object tag that says a video has fewer than 1,000 views."""
    unpopular_to_ia_days: int = Field(default=90, ge=30)
    """Days until such a video moves to Standard-IA; S3 takes no object that is younger than 30 days there,
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html (2026-11)."""
    keep_old_versions_days: int = Field(default=30, ge=1)
    """Days that an overwritten or deleted object can still be brought back."""

    @model_validator(mode="after")
    def _apart(self) -> Self:
        one, other = sorted((self.raw_prefix, self.processed_prefix), key=len)
        if other.startswith(one):
            raise ValueError(
                f"raw_prefix {self.raw_prefix} and processed_prefix {self.processed_prefix} overlap"
            )
        return self
