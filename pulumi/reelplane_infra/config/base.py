"""What every config model shares: unknown keys are refused, and a loaded config never changes."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

from reelplane_infra.topology import REGIONS


class Config(BaseModel):
    """A part of an environment's file. Keys are written as in Python: ``daily_users``."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


def _known(region: str) -> str:
    if region not in REGIONS:
        raise ValueError(f"{region!r} is no region of Reelplane's: one of {', '.join(sorted(REGIONS))}")
    return region


RegionName = Annotated[str, AfterValidator(_known)]
"""An AWS region that the components have been checked for."""
AccountId = Annotated[str, StringConstraints(pattern=r"^\d{12}$")]
"""An AWS account: 12 digits, quoted in YAML since it may start with zero."""
