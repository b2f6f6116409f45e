"""How long the recorded plan of five regions takes, and what the checks find in it."""

from __future__ import annotations

import time

from loadtests.bench.result import Result
from reelplane_infra.checks.finding import Level
from reelplane_infra.checks.ledger import prove
from reelplane_infra.checks.policy import check_policy
from reelplane_infra.config import load
from reelplane_infra.price import book
from reelplane_infra.price.cost import cost
from reelplane_infra.record import Mode, record_environment

TARGET = 30.0
"""Seconds on two quiet cores."""


def record_global() -> Result:
    """The programs of all layers of ``global``, run against the recorder from a cold start: 14 stacks, five regions."""
    began = time.monotonic()
    plan = record_environment(load("global"), Mode.UPDATE)
    value = time.monotonic() - began
    total = cost(plan, book.load()).total().expected
    violations = sum(each.level is Level.MANDATORY for each in check_policy(plan, estimate_usd=total))
    note = (
        f"{len(plan.records)} stacks, {sum(1 for _ in plan.resources())} resources, ${total / 1e6:,.0f}M a month; "
        f"{violations} mandatory policy violations; {prove(plan).totals()}"
    )
    return Result(value, "s", None, f"< {TARGET:g} s", value < TARGET, note)
