"""Renewal of the extractor: a new version runs on one worker, is judged, and then on all, or on none. Pure.

    spec names a version that does not run
        └─► canary ─┬─ enough jobs, or the end of the window ──► no worse ──► current
                    └─ failures at some site that chance does not explain ──► rejected

The stage is kept in ``status.extractor``. Judged is per site, because that is how extractors break: a new version
fails at one site while all others go on. A rejected version is not tried again; the one that was running runs on
until ``spec.extractor.version`` names another.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from reelplane_operator.reconcile import times
from reelplane_plan.types import ExtractorStage

_CHANCE = 0.01
"""Failures of a canary count against it when the running version would have had as many with this probability."""
_REMEMBERED = 8
"""Rejected versions kept in the status."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Jobs of one version at one site during the last hour, as the workers accounted for them.

    ``version`` is empty for the layer inside the workloads' image.
    """

    version: str
    site: str
    done: int
    failed: int


@dataclass(frozen=True, slots=True)
class Canary:
    version: str
    since: float
    """Seconds since 1970."""
    jobs: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Renewal:
    """How far it is. ``rejected`` are the versions that failed, oldest first."""

    current: str | None = None
    canary: Canary | None = None
    rejected: tuple[str, ...] = ()

    @property
    def stage(self) -> ExtractorStage:
        """What the planner is told."""
        return ExtractorStage(self.current, self.canary.version if self.canary else None)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a step came to: a reason and a sentence for an Event; empty when nothing was decided."""

    reason: str = ""
    message: str = ""


def step(
    renewal: Renewal,
    *,
    wanted: str | None,
    first: bool,
    idle: bool,
    least: int,
    window: float,
    ready: bool,
    tallies: Iterable[Tally],
    now: float,
) -> tuple[Renewal, Verdict]:
    """Decide. ``first``: nothing runs yet that a canary could be compared with. ``idle``: no worker is to run.
    ``least`` jobs judge a canary, or what there is after ``window`` seconds. ``ready``: whether the canary's worker
    is up.
    """
    begun = begin(renewal, wanted=wanted, first=first, idle=idle, now=now)
    canary = begun.canary
    if canary is None:
        return begun, Verdict()
    if canary is not renewal.canary:
        return begun, Verdict("CanaryStarted", f"extractor {wanted} is tried on one worker")
    ours, others = _by_site(tallies, canary.version), _by_site(tallies, renewal.current or "")
    done, failed = (sum(each) for each in zip(*ours.values(), strict=True)) if ours else (0, 0)
    canary = replace(canary, jobs=done + failed, failed=failed)
    over = now - canary.since >= window
    if canary.jobs < least and not over:
        return replace(renewal, canary=canary), Verdict()
    against = _evidence(ours, others)
    if not against and not canary.jobs and not ready:
        against = "its worker did not become ready"
    if against:
        rejected = (*renewal.rejected, canary.version)[-_REMEMBERED:]
        verdict = Verdict("ExtractorRejected", f"extractor {wanted} was rejected: {against}")
        return Renewal(renewal.current, None, rejected), verdict
    verdict = Verdict(
        "ExtractorPromoted", f"extractor {wanted} runs on all workers: {canary.jobs} jobs, {failed} failed"
    )
    return Renewal(wanted, None, renewal.rejected), verdict


def begin(renewal: Renewal, *, wanted: str | None, first: bool, idle: bool, now: float) -> Renewal:
    """What follows from ``wanted`` alone, without a judgement: what a pipeline may plan with before its platform's
    own reconcile has written it down.
    """
    if wanted is None or wanted == renewal.current or first:
        return Renewal(wanted, None, renewal.rejected)
    if wanted in renewal.rejected or idle:
        # What nobody runs cannot be judged: its trial begins, or begins anew, when workers are back.
        return replace(renewal, canary=None)
    if renewal.canary is not None and renewal.canary.version == wanted:
        return renewal
    return replace(renewal, canary=Canary(wanted, now))


def read(status: Mapping[str, Any]) -> Renewal:
    """``status.extractor``."""
    found = status.get("extractor") or {}
    canary = found.get("canary")
    return Renewal(
        current=found.get("current"),
        canary=Canary(canary["version"], times.seconds(canary["since"]), canary["jobs"], canary["failed"])
        if canary
        else None,
        rejected=tuple(found.get("rejected") or ()),
    )


def write(renewal: Renewal) -> dict[str, Any]:
    """As ``status.extractor`` says it; empty when there is nothing to say."""
    made: dict[str, Any] = {}
    if renewal.current:
        made["current"] = renewal.current
    if canary := renewal.canary:
        made["canary"] = {
            "version": canary.version,
            "since": times.text(canary.since),
            "jobs": canary.jobs,
            "failed": canary.failed,
        }
    if renewal.rejected:
        made["rejected"] = list(renewal.rejected)
    return made


def _by_site(tallies: Iterable[Tally], version: str) -> dict[str, tuple[int, int]]:
    """Done and failed per site."""
    found: dict[str, tuple[int, int]] = {}
    for each in tallies:
        if each.version == version:
            done, failed = found.get(each.site, (0, 0))
            found[each.site] = (done + each.done, failed + each.failed)
    return found


def _evidence(ours: Mapping[str, tuple[int, int]], others: Mapping[str, tuple[int, int]]) -> str:
    """What speaks against the canary, at the worst site; empty when chance explains it."""
    worst, told = _CHANCE, ""
    for site, (done, failed) in ours.items():
        # Of a site that the running version has not met lately, its overall rate is the best guess.
        base = others.get(site) or (sum(d for d, _ in others.values()), sum(f for _, f in others.values()))
        # Laplace's rule of succession: a rate from few jobs is neither 0 nor 1.
        rate = (base[1] + 1) / (sum(base) + 2)
        chance = _at_least(failed, done + failed, rate)
        if chance < worst:
            worst = chance
            told = f"{failed} of {done + failed} jobs failed at {site}, where {base[1]} of {sum(base)} did before"
    return told


def _at_least(hits: int, tries: int, rate: float) -> float:
    """The probability of ``hits`` or more successes in ``tries`` of a binomial distribution."""
    return sum(math.comb(tries, k) * rate**k * (1 - rate) ** (tries - k) for k in range(hits, tries + 1))
