"""The record of a VPC's accepted and refused connections, in CloudWatch Logs, encrypted with the environment's key."""

from __future__ import annotations

import json

import pulumi
from pulumi_aws import cloudwatch, ec2, iam

from reelplane_infra import naming
from reelplane_infra.component import Component
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
            assume_role_policy=json.dumps(trust(place)),
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


def trust(place: Place) -> dict[str, object]:
    """Only flow logs of this account and region may use the role (the confused deputy's way in is closed),
    https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html (2026-11)."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "vpc-flow-logs.amazonaws.com"},
                "Action": "sts:AssumeRole",
                "Condition": {
                    "StringEquals": {"aws:SourceAccount": place.account},
                    "ArnLike": {"aws:SourceArn": place.arn("ec2", "vpc-flow-log/*")},
                },
            }
        ],
    }


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
