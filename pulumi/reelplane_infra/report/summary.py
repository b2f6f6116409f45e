"""One document of everything that a report says: plain data, the content of ``preview --json``. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from reelplane_infra.checks.finding import Finding, Level
from reelplane_infra.config import Environment
from reelplane_infra.price.cost import Cost, Range
from reelplane_infra.price.meters.compute import shortages
from reelplane_infra.price.usage import ASSUMPTIONS, DAYS, HOURS, usage
from reelplane_infra.record import Record, RecordedPlan

RANKS: Final = ("emulator", "schema", "kubernetes", "types", "none")
"""Proofs of a resource type, the strongest first, as ``checks.ledger`` names them."""
NEVER_EXECUTED: Final = (
    "up and destroy against Pulumi's engine and an AWS account: plans are recorded by an engine of ours",
    "IAM as AWS evaluates it, service quotas, spot capacity, routing, DNS propagation, failover times",
    "prices: no page or price list was fetched; `reelplane-infra prices update` does it where there is a network",
)


@dataclass(frozen=True, slots=True)
class Checked:
    """What the checks said. ``ran`` names those that ran; ``ranks`` has the strongest proof by resource type."""

    ran: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    ranks: Mapping[str, str] | None = None

    @property
    def failed(self) -> bool:
        return any(each.level is Level.MANDATORY for each in self.findings)


def summary(plan: RecordedPlan, cost: Cost, checked: Checked) -> dict[str, Any]:
    """The document. Sums are US dollars a month, sizes 10^9 bytes a month."""
    environment = Environment.model_validate(plan.environment, strict=False)
    total = cost.total()
    month = usage(environment.audience)
    by_stack = cost.by("stack")
    by_region = cost.by("region")
    return {
        "environment": {
            "name": environment.name,
            "account": environment.account,
            "domain": environment.domain,
            "hub": environment.hub,
            "teardown": environment.teardown,
            "audience": environment.audience.model_dump(mode="json"),
        },
        "month": {"days": DAYS, "hours": HOURS, **asdict(month)},
        "total": {**_range(total), "perDailyUser": total.expected / environment.audience.daily_users},
        "regions": [
            {
                "name": each.name,
                "role": each.role.value,
                "weight": each.weight,
                "recovery": each.recovery,
                "hub": each.name == environment.hub,
                **_counts(
                    (record for record in plan.records if record.stack.region == each.name), checked.ranks
                ),
                **_range(by_region.get((each.name,), Range())),
            }
            for each in environment.regions
        ],
        "stacks": [
            {
                "stack": str(record.stack),
                "layer": record.stack.layer.value,
                "region": record.stack.region,
                "seconds": round(record.seconds, 2),
                **_counts([record], checked.ranks),
                **_range(by_stack.get((str(record.stack),), Range())),
            }
            for record in plan.records
        ],
        "services": [{"service": key[0], **_range(value)} for key, value in cost.by("service").items()],
        "items": [
            {"service": service, "item": item, "what": what, **_range(value)}
            for (service, item, what), value in cost.by("service", "item", "what").items()
        ],
        "free": cost.free,
        "unknown": cost.unknown,
        "missing": list(cost.missing),
        "shortages": list(shortages(environment)),
        "checks": list(checked.ran),
        "findings": [each.to_json() for each in sorted(checked.findings)],
        "ledger": _ledger(plan, checked.ranks),
        "warnings": [f"{record.stack}: {text}" for record in plan.records for text in record.logs],
        "assumptions": [asdict(each) for each in ASSUMPTIONS],
        "neverExecuted": list(NEVER_EXECUTED),
    }


def _range(value: Range) -> dict[str, float]:
    return {
        "low": round(value.low, 2),
        "expected": round(value.expected, 2),
        "high": round(value.high, 2),
        "shareUnverified": round(value.share_unverified, 4),
    }


def _counts(records: Iterable[Record], ranks: Mapping[str, str] | None) -> dict[str, Any]:
    made = [each for record in records for each in record.managed()]
    return {
        "resources": len(made),
        "protected": sum(each.protect for each in made),
        "proofs": None if ranks is None else _by_rank((each.type for each in made), ranks),
    }


def _by_rank(types: Iterable[str], ranks: Mapping[str, str]) -> dict[str, int]:
    found = Counter(ranks.get(each, RANKS[-1]) for each in types)
    return {rank: found[rank] for rank in RANKS}


def _ledger(plan: RecordedPlan, ranks: Mapping[str, str] | None) -> dict[str, int] | None:
    """Resource types, not resources, by their strongest proof; None if nothing was proven in this run."""
    if ranks is None:
        return None
    types = {resource.type for _, resource in plan.resources()}
    return _by_rank(types, ranks)
