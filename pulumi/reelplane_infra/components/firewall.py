"""The web ACL before CloudFront: reputation first, then the limit per address, then what requests look like.

CloudFront's web ACLs live in us-east-1 whatever the environment's regions
(https://docs.aws.amazon.com/waf/latest/developerguide/cloudfront-features.html, 2026-11).
"""

from __future__ import annotations

from typing import Any

import pulumi
from pulumi_aws import cloudwatch, wafv2

from reelplane_infra.component import Component
from reelplane_infra.config import firewall
from reelplane_infra.place import Place

REGION = "us-east-1"


class Firewall(Component[firewall.Firewall]):
    """One web ACL, and the log of what it refused."""

    arn: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        config: firewall.Firewall,
        place: Place,
        *,
        log_key_arn: pulumi.Input[str] | None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """``log_key_arn`` is a key in us-east-1; an environment without that region has none, and its log is
        encrypted with CloudWatch's own."""
        super().__init__(name, config, place, opts)
        ordered: list[Any] = [
            {"priority": priority, "visibility_config": _seen(rule["name"]), **rule}
            for priority, rule in enumerate(rules(config))
        ]
        otherwise: Any = {"allow": {}}
        acl = wafv2.WebAcl(
            self.named("acl"),
            region=REGION,
            name=self.named("acl"),
            description="Before CloudFront",
            scope="CLOUDFRONT",
            default_action=otherwise,
            rules=ordered,
            visibility_config=_seen(self.named("acl")),
            tags=self.tags(),
            opts=self.child(),
        )
        log = cloudwatch.LogGroup(
            self.named("log"),
            region=REGION,
            # The service accepts no log group of another name.
            name=f"aws-waf-logs-{place.environment}",
            retention_in_days=config.log_days,
            kms_key_id=log_key_arn,
            tags=self.tags(),
            opts=self.child(),
        )
        wafv2.WebAclLoggingConfiguration(
            self.named("refused"),
            region=REGION,
            resource_arn=acl.arn,
            log_destination_configs=[log.arn],
            logging_filter={
                "default_behavior": "DROP",
                "filters": [
                    {
                        "behavior": "KEEP",
                        "requirement": "MEETS_ANY",
                        "conditions": [
                            {"action_condition": {"action": action}} for action in ("BLOCK", "CHALLENGE")
                        ],
                    }
                ],
            },
            redacted_fields=[{"single_header": {"name": header}} for header in ("authorization", "cookie")],
            opts=self.child(),
        )
        self.arn = acl.arn
        self.register_outputs({"arn": self.arn})


def rules(config: firewall.Firewall) -> list[Any]:
    """The rules in the order they are asked. What blocks cheaply comes first."""
    out: list[Any] = []
    if config.blocked_countries:
        countries = {"geo_match_statement": {"country_codes": list(config.blocked_countries)}}
        out.append({"name": "countries", "action": {"block": {}}, "statement": countries})
    out.append(
        {
            "name": "rate",
            "action": {"block": {"custom_response": {"response_code": 429}}},
            "statement": {
                "rate_based_statement": {
                    "aggregate_key_type": "IP",
                    "limit": config.limit,
                    "evaluation_window_sec": config.window_seconds,
                }
            },
        }
    )
    out.extend(
        {
            "name": group,
            "override_action": {"none": {}},
            "statement": {"managed_rule_group_statement": {"vendor_name": "AWS", "name": group}},
        }
        for group in config.managed
    )
    if config.under_attack:
        anything = {
            "size_constraint_statement": {
                "field_to_match": {"uri_path": {}},
                "comparison_operator": "GE",
                "size": 0,
                "text_transformations": [{"priority": 0, "type": "NONE"}],
            }
        }
        out.append({"name": "under-attack", "action": {"challenge": {}}, "statement": anything})
    return out


def _seen(metric: str) -> Any:
    return {"cloudwatch_metrics_enabled": True, "sampled_requests_enabled": True, "metric_name": metric}
