"""Moving the databases' writer to another region and back: a plan that a person starts.

Traffic moves by itself, on Route 53's health checks. The writer does not: a switchover loses nothing and takes a
minute, a failover of a region that is gone can lose the last second of writes, and which of the two it is somebody
has to say.
"""

from __future__ import annotations

from pydantic import Field

from reelplane_infra.config.base import Config, RegionName


class Recovery(Config):
    """One Region switch plan per shard's global database, between the hub and ``region``."""

    region: RegionName | None = None
    """Who writes while the hub cannot; None: the hub's recovery region."""
    objective_minutes: int = Field(default=15, ge=1)
    """The recovery time that an execution is measured against (S4.17: 15)."""
    timeout_minutes: int = Field(default=10, ge=1)
    """Until one step counts as failed."""
