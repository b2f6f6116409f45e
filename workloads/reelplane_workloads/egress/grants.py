"""What one job may do through the guard, and what the guard saw of it.

A grant is made per job and revoked when the job ends. It counts bytes and connections, and it remembers the
last refusal and the last failure, because the extractor in the child only sees "connection failed" and the
person who waits should be told why.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from reelplane_crds.runtime import ProxyEndpoint
from reelplane_workloads.core.errors import Code, Problem


@dataclass(frozen=True, slots=True)
class Refusal:
    """One connection that did not come about, or broke. ``target`` is ``host:port`` as the child asked for it."""

    code: Code
    target: str
    detail: str


@dataclass(slots=True, eq=False)
class Grant:
    """A job's permission to use the guard, with live counters. Made by ``Guard.grant`` only."""

    token: str = field(repr=False)
    upstream: ProxyEndpoint | None = None
    budget: int | None = None
    """Bytes in both directions together; None: no bound."""
    bytes_up: int = 0
    bytes_down: int = 0
    connections: int = 0
    """Connections that reached their origin so far."""
    last_refusal: Refusal | None = None
    """The policy said no: PRIVATE_ADDRESS, or TOO_LARGE when the budget is used up."""
    last_failure: Refusal | None = None
    """The network said no: PROXY_FAILED, ORIGIN_UNREACHABLE, ORIGIN_RESET or ORIGIN_TIMEOUT."""

    def problem(self) -> Problem | None:
        """What a job that failed without a better reason should be blamed on; None: the guard saw nothing wrong.

        A refusal outweighs a failure: it repeats at every attempt. Ask only when the job failed: a page may
        well name a private picture beside its public video.
        """
        seen = self.last_refusal or self.last_failure
        return None if seen is None else Problem(seen.code, f"{seen.target}: {seen.detail}")

    def forgive(self, target: str) -> None:
        """Forget a failure towards ``target``: a later attempt went well."""
        if self.last_failure is not None and self.last_failure.target == target:
            self.last_failure = None

    def spend(self, up: int, down: int) -> bool:
        """Count bytes that passed. False when the budget is used up."""
        self.bytes_up += up
        self.bytes_down += down
        return self.budget is None or self.bytes_up + self.bytes_down <= self.budget
