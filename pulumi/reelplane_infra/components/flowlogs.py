"""The record of a VPC's accepted and refused connections, in CloudWatch Logs, encrypted with the environment's key."""

from __future__ import annotations

import json

import pulumi
from pulumi_aws import cloudwatch, ec2, iam

from reelplane_infra import naming
from reelplane_infra.component import Component
from reelplane_infra.components.identity import trust
from reelplane_infra.config import network
from reelplane_infra.place import Place


class FlowLogs(Component[network.Network]):
    """A log group, the role that writes it, and the flow log."""

    def __init__(
        self,
        name: str,
        config: network.Network,
        place: Place,
        *,
        vpc_id: pulumi.Input[str],
        key_arn: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, config, place, opts)
        path = f"/reelplane/{place.environment}/{place.region}/flow"
        group = cloudwatch.LogGroup(
            self.named("group"),
            region=place.region,
            name=path,
            retention_in_days=config.flow_log_days,
            kms_key_id=key_arn,
            tags=self.tags(),
            opts=self.child(),
        )
        role = iam.Role(
            self.named("writer"),
            name=place.fitted(naming.ROLE, name, "writer"),
            assume_role_policy=json.dumps(
                trust(
                    "vpc-flow-logs.amazonaws.com",
                    place,
                    ArnLike={"aws:SourceArn": place.arn("ec2", "vpc-flow-log/*")},
                )
            ),
            tags=self.tags(),
            opts=self.child(),
        )
        policy = iam.RolePolicy(
            self.named("writer"),
            role=role.name,
            policy=json.dumps(permissions(place, path)),
            opts=self.child(),
        )
        ec2.FlowLog(
            self.named("log"),
            region=place.region,
            vpc_id=vpc_id,
            traffic_type="ALL",
            log_destination_type="cloud-watch-logs",
            log_destination=group.arn,
            iam_role_arn=role.arn,
            max_aggregation_interval=60,
            tags=self.tags(name=self.named("log")),
            opts=self.child(depends_on=[policy]),
        )
        self.register_outputs({})


def permissions(place: Place, path: str) -> dict[str, object]:
    """Writing into the one log group."""
    group = place.arn("logs", f"log-group:{path}")
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"],
                "Resource": [group, f"{group}:*"],
            }
        ],
    }
