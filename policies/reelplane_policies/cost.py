"""What an environment costs stays below its budget.

The pack has no prices: whoever runs it hands in the estimate (``reelplane-infra`` computes one from the recorded
plan). Without one the rule has nothing to say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reelplane_policies.rule import Level, Resource, Settings, StackRule, Violation


def _ceiling(resources: Sequence[Resource], settings: Settings) -> Iterator[Violation]:
    estimate, ceiling = settings.estimate_usd, settings.ceiling_usd
    budgeted = any(each.type == "aws:budgets/budget:Budget" for each in resources)
    if budgeted and estimate is not None and ceiling is not None and estimate > ceiling:
        yield Violation("", f"the environment costs ${estimate:,.0f} a month, its budget is ${ceiling:,.0f}")


RULES = (
    StackRule(
        "cost-ceiling",
        "An environment costs less than its budget",
        _ceiling,
        level=Level.ADVISORY,
        settings=("estimate_usd", "ceiling_usd"),
    ),
)
