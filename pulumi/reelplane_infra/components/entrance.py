"""Who gets to a region's load balancer: our own distribution, and Route 53's checkers on one path.

The balancer's group lets in the addresses of CloudFront and of the checkers, which AWS keeps in lists. CloudFront's
are everybody's distributions', so the listener forwards only what carries our token; everything else gets the
balancer's own refusal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_aws import ec2, lb

from reelplane_infra.component import Component
from reelplane_infra.components.apicdn import TOKEN_HEADER
from reelplane_infra.config import traffic
from reelplane_infra.place import Place

LISTS: Mapping[str, str] = {
    "cloudfront": "com.amazonaws.global.cloudfront.origin-facing",
    "checkers": "com.amazonaws.{region}.route53-healthchecks",
}
"""AWS's prefix lists. They count as 55 and 25 rules of the group, which is more than the quota of 60 that an account
starts with: ask for 100 (quota L-0EA8095F),
https://docs.aws.amazon.com/vpc/latest/userguide/working-with-aws-managed-prefix-lists.html (2026-11)."""


@dataclass(frozen=True, slots=True)
class Balancer:
    """A region's load balancer."""

    listener_arn: pulumi.Output[str]
    security_group_id: pulumi.Output[str]
    target_group_arn: pulumi.Output[str]


class Entrance(Component[traffic.Traffic]):
    """The rules of one region."""

    def __init__(
        self,
        name: str,
        config: traffic.Traffic,
        place: Place,
        *,
        balancer: Balancer,
        certificate_arn: pulumi.Input[str],
        token: pulumi.Output[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """``certificate_arn`` is of the origin's name, ``token`` what our distribution says."""
        super().__init__(name, config, place, opts)
        for part, list_name in LISTS.items():
            found = ec2.get_managed_prefix_list_output(
                name=list_name.format(region=place.region),
                region=place.region,
                opts=pulumi.InvokeOutputOptions(parent=self),
            )
            ec2.SecurityGroupRule(
                self.named(part),
                region=place.region,
                security_group_id=balancer.security_group_id,
                type="ingress",
                protocol="tcp",
                from_port=443,
                to_port=443,
                prefix_list_ids=[found.id],
                description=f"HTTPS from {part}",
                opts=self.child(),
            )
        lb.ListenerCertificate(
            self.named("origin"),
            region=place.region,
            listener_arn=balancer.listener_arn,
            certificate_arn=certificate_arn,
            opts=self.child(),
        )
        ours: Any = {"http_header": {"http_header_name": TOKEN_HEADER, "values": [token]}}
        asked: Any = {"path_pattern": {"values": [config.path]}}
        self._forward("distribution", 1, balancer, [ours])
        self._forward("health", 2, balancer, [asked, {"http_request_method": {"values": ["GET"]}}])
        self.register_outputs({})

    def _forward(self, part: str, priority: int, balancer: Balancer, conditions: list[Any]) -> None:
        lb.ListenerRule(
            self.named(part),
            region=self.place.region,
            listener_arn=balancer.listener_arn,
            priority=priority,
            conditions=conditions,
            actions=[{"type": "forward", "target_group_arn": balancer.target_group_arn}],
            tags=self.tags(),
            opts=self.child(),
        )
