"""What the operator is configured with. Every field is a flag of ``python -m reelplane_operator run``."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from reelplane_plan.types import Images

LEASE = "reelplane-operator"
"""Name of the Lease that the leader holds."""


@dataclass(frozen=True, slots=True)
class Config:
    """How this operator runs. Times are seconds."""

    kubeconfig: Path | None = None
    """None: as kubectl finds it, or the pod's ServiceAccount."""
    namespaces: tuple[str, ...] = ()
    """Namespaces that are looked after; empty: all of them."""
    images: Images = field(default_factory=Images)
    concurrency: int = 16
    """Objects reconciled at the same time."""
    connections: int = 32
    """Requests to the API server under way at the same time, watches not counted."""
    resync: float = 600.0
    """Between two lists of every kind, which find what a lost event would have said."""
    leader_elect: bool = False
    identity: str = "reelplane-operator"
    """Who this replica is, in the Lease and in Events."""
    operator_namespace: str = "default"
    """Where the Lease is kept."""
    http_port: int | None = 8080
    """Health and metrics; None: not served."""
