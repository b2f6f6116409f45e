"""Which checks there are, by name, and what each makes of a recorded plan. A check is imported when it is asked for."""

# ruff: noqa: PLC0415 - see above

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from reelplane_infra.checks.finding import Finding
from reelplane_infra.cli.failure import WRONG_INPUT, Failure
from reelplane_infra.price.cost import Cost
from reelplane_infra.record import RecordedPlan
from reelplane_infra.report.summary import Checked


@dataclass(frozen=True, slots=True)
class Said:
    """What one check said; ``ranks`` has the strongest proof by resource type, where the check is the ledger."""

    findings: tuple[Finding, ...]
    ranks: Mapping[str, str] | None = None


Check: TypeAlias = Callable[[RecordedPlan, Cost], Said]


def _types(plan: RecordedPlan, _: Cost) -> Said:
    from reelplane_infra.checks.types import check_types

    return Said(tuple(check_types(plan)))


def _kubernetes(plan: RecordedPlan, _: Cost) -> Said:
    from reelplane_infra.checks.kubernetes import check_kubernetes

    return Said(tuple(check_kubernetes(plan)))


def _retention(plan: RecordedPlan, _: Cost) -> Said:
    from reelplane_infra.checks.retention import check_retention

    return Said(tuple(check_retention(plan)))


def _schema(plan: RecordedPlan, _: Cost) -> Said:
    from reelplane_infra.checks.schema import check_schema

    return Said(tuple(check_schema(plan)))


def _policy(plan: RecordedPlan, cost: Cost) -> Said:
    """With the price, which the pack's rule of the budget asks for."""
    from reelplane_infra.checks.policy import PackError, check_policy

    try:
        return Said(tuple(check_policy(plan, estimate_usd=cost.total().expected)))
    except PackError as error:
        raise Failure(f"the check policy did not run: {error}") from error


def _security(plan: RecordedPlan, _: Cost) -> Said:
    """Waivers are written for all environments: one that this plan does not need is none of its faults."""
    from reelplane_infra.checks.security import ScanError, check_security

    try:
        return Said(check_security(plan, checkov=_checkov(), unused=False).findings)
    except ScanError as error:
        raise Failure(f"the check security did not run: {error}") from error


def _checkov() -> Path:
    from reelplane_infra.checks.security import find_checkov

    found = find_checkov()
    if found is None:
        raise Failure("the check security needs checkov, which is not here", "`make infra` installs it apart")
    return found


def _acceptance(plan: RecordedPlan, _: Cost) -> Said:
    """Creates the plan in the emulators, which gives findings and the ledger at once."""
    from reelplane_infra.checks.accept import accept
    from reelplane_infra.checks.accept.emulators import NotStarted
    from reelplane_infra.checks.kubernetes import check_kubernetes
    from reelplane_infra.checks.ledger import ledger
    from reelplane_infra.checks.schema import check_schema

    try:
        made = accept(plan)
    except NotStarted as error:
        raise Failure(f"the check acceptance did not run: {error}") from error
    rows = ledger(plan, made, check_schema(plan), check_kubernetes(plan)).rows
    return Said(tuple(made.findings()), {each.type: each.proof.value for each in rows})


SECURITY: Final = "security"
CHECKS: Final[Mapping[str, Check]] = {
    "types": _types,
    "kubernetes": _kubernetes,
    "retention": _retention,
    "schema": _schema,
    "policy": _policy,
    SECURITY: _security,
    "acceptance": _acceptance,
}
"""In the order they run: the quick ones first."""
ALL: Final = "all"
NONE: Final = "none"


def chosen(text: str) -> tuple[str, ...]:
    """The names in ``types,schema``, in the order they run, ``all`` or ``none``.

    Raises Failure, also for a check that could not run here: before the minutes that the others take.
    """
    if text == NONE:
        return ()
    names = {each.strip() for each in text.split(",") if each.strip()} if text != ALL else set(CHECKS)
    wrong = sorted(names - CHECKS.keys())
    if wrong or not names:
        known = ", ".join(CHECKS)
        told = f"--checks {text}: {', '.join(wrong) or 'nothing'} is no check"
        raise Failure(told, f"{known}, all or none", code=WRONG_INPUT)
    if SECURITY in names:
        _checkov()
    return tuple(name for name in CHECKS if name in names)


def run(plan: RecordedPlan, cost: Cost, names: Iterable[str]) -> Checked:
    """Runs the checks of these names. Raises Failure if one cannot run."""
    ran = tuple(names)
    said = [CHECKS[name](plan, cost) for name in ran]
    ranks = next((each.ranks for each in said if each.ranks is not None), None)
    return Checked(ran, tuple(finding for each in said for finding in each.findings), ranks)
