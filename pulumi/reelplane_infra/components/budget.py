"""The monthly ceiling: a mail at each share of it that is spent, and one when the month's forecast passes it."""

from __future__ import annotations

import pulumi
from pulumi_aws import budgets

from reelplane_infra.component import Component
from reelplane_infra.config import foundation
from reelplane_infra.place import Place


class Budget(Component[foundation.Budget]):
    """What carries the environment's tag, counted by AWS. Billing data is hours late: a budget warns, it stops
    nothing."""

    def __init__(
        self,
        name: str,
        config: foundation.Budget,
        place: Place,
        *,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Raises ValueError for a config without a ceiling: the layer makes no component then."""
        super().__init__(name, config, place, opts)
        if config.monthly_usd is None:
            raise ValueError("foundation.budget.monthly_usd: a budget is made for a ceiling, this has none")

        def notice(kind: str, percent: float) -> budgets.BudgetNotificationArgs:
            return budgets.BudgetNotificationArgs(
                comparison_operator="GREATER_THAN",
                notification_type=kind,
                threshold=percent,
                threshold_type="PERCENTAGE",
                subscriber_email_addresses=list(config.emails),
            )

        budgets.Budget(
            self.named("month"),
            name=self.named("month"),
            budget_type="COST",
            time_unit="MONTHLY",
            limit_amount=f"{config.monthly_usd:.2f}",
            limit_unit="USD",
            cost_filters=[
                {"name": "TagKeyValue", "values": [f"user:reelplane:environment${place.environment}"]}
            ],
            notifications=[
                *(notice("ACTUAL", each) for each in config.thresholds_percent),
                notice("FORECASTED", 100.0),
            ],
            tags=self.tags(),
            opts=self.child(),
        )
        self.register_outputs({})
