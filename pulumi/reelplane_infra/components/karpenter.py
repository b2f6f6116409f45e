"""What Karpenter needs of AWS: its own role, the role of its nodes, and word of nodes that are about to go.

    EC2 / Health ──event rules──► queue ──► Karpenter drains the node before it is taken

The controller's policy follows the project's own
(https://karpenter.sh/v1.14/reference/cloudformation/, 2026-11): it starts only what carries the cluster's tags and
ends only what carries them already.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import pulumi
from pulumi_aws import cloudwatch, eks, sqs

from reelplane_infra import naming
from reelplane_infra.component import Component
from reelplane_infra.components.controllers import node_role
from reelplane_infra.components.identity import PodRole, Statement, allow
from reelplane_infra.config import pools
from reelplane_infra.place import Place

NAMESPACE: Final = "kube-system"
ACCOUNT: Final = "karpenter"
"""Where the controller runs and as whom."""

EVENTS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "interruption": ("aws.ec2", "EC2 Spot Instance Interruption Warning"),
        "rebalance": ("aws.ec2", "EC2 Instance Rebalance Recommendation"),
        "state": ("aws.ec2", "EC2 Instance State-change Notification"),
        "health": ("aws.health", "AWS Health Event"),
    }
)
"""Source and type of the events that Karpenter acts on, https://karpenter.sh/v1.14/concepts/disruption/#interruption
(2026-11)."""


class Karpenter(Component[pools.Pools]):
    """Roles, queue and rules; the controller itself and its pools are the layer ``platform``'s."""

    node_role_name: pulumi.Output[str]
    queue_name: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        config: pools.Pools,
        place: Place,
        *,
        cluster: str,
        cluster_name: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """``cluster`` is the cluster's name; ``cluster_name`` the same as an output of it, to wait for."""
        super().__init__(name, config, place, opts)
        node = node_role(self, place.fitted(naming.ROLE, name, "node"))
        eks.AccessEntry(
            self.named("nodes"),
            region=place.region,
            cluster_name=cluster_name,
            principal_arn=node.arn,
            type="EC2_LINUX",
            tags=self.tags(),
            opts=self.child(),
        )
        queue = self._queue()
        PodRole(
            f"{name}-controller",
            config,
            place,
            cluster=cluster,
            namespace=NAMESPACE,
            accounts=[ACCOUNT],
            statements=pulumi.Output.all(node.arn, queue.arn).apply(
                lambda arns: permissions(place, cluster, node_role=arns[0], queue=arns[1])
            ),
            opts=self.child(),
        )
        self.node_role_name = node.name
        self.queue_name = queue.name
        self.register_outputs({"node_role_name": self.node_role_name, "queue_name": self.queue_name})

    def _queue(self) -> sqs.Queue:
        queue = sqs.Queue(
            self.named("queue"),
            region=self.place.region,
            name=self.named("queue"),
            # A warning is two minutes ahead of the end: what is older is history.
            message_retention_seconds=300,
            sqs_managed_sse_enabled=True,
            tags=self.tags(),
            opts=self.child(),
        )
        rules = []
        for part, (source, kind) in EVENTS.items():
            rule = cloudwatch.EventRule(
                self.named(part),
                region=self.place.region,
                name=self.named(part),
                description=kind,
                event_pattern=json.dumps({"source": [source], "detail-type": [kind]}),
                tags=self.tags(),
                opts=self.child(),
            )
            cloudwatch.EventTarget(
                self.named(part),
                region=self.place.region,
                rule=rule.name,
                target_id="karpenter",
                arn=queue.arn,
                opts=self.child(),
            )
            rules.append(self.place.arn("events", f"rule/{self.named(part)}"))
        sqs.QueuePolicy(
            self.named("queue"),
            region=self.place.region,
            queue_url=queue.url,
            policy=queue.arn.apply(lambda arn: json.dumps(queue_policy(arn, rules))),
            opts=self.child(),
        )
        return queue


def queue_policy(queue: str, rules: list[str]) -> dict[str, object]:
    """The four rules may send, and nobody speaks without TLS."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "TheRules",
                "Effect": "Allow",
                "Principal": {"Service": "events.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": queue,
                "Condition": {"ArnEquals": {"aws:SourceArn": rules}},
            },
            {
                "Sid": "TlsOnly",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "sqs:*",
                "Resource": queue,
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            },
        ],
    }


def permissions(place: Place, cluster: str, *, node_role: str, queue: str) -> list[Statement]:
    """What the controller may do. Every action is named; a resource ends in ``*`` where its id is made by EC2, and
    then only with the cluster's tags, or where EC2 knows no resource for a Describe action."""
    owned = f"kubernetes.io/cluster/{cluster}"
    asked = {f"aws:RequestTag/{owned}": "owned", "aws:RequestTag/eks:eks-cluster-name": cluster}
    ours = {f"aws:ResourceTag/{owned}": "owned"}
    made = [_ec2(place, kind) for kind in ("fleet", "instance", "volume", "network-interface", "launch-template",
                                           "spot-instances-request")]  # fmt: skip
    profile = place.arn("iam", f"instance-profile/{cluster}_*", region="")
    there = {"topology.kubernetes.io/region": place.region}
    return [
        allow(
            ["ec2:RunInstances", "ec2:CreateFleet"],
            [
                place.arn("ec2", "image/*", account=""),
                place.arn("ec2", "snapshot/*", account=""),
                _ec2(place, "security-group"),
                _ec2(place, "subnet"),
            ],
        ),
        allow(["ec2:RunInstances", "ec2:CreateFleet"], [_ec2(place, "launch-template")], StringEquals=ours),
        allow(["ec2:RunInstances", "ec2:CreateFleet", "ec2:CreateLaunchTemplate"], made, StringEquals=asked),
        allow(
            ["ec2:CreateTags"],
            made,
            StringEquals={**asked, "ec2:CreateAction": ["RunInstances", "CreateFleet", "CreateLaunchTemplate"]},
        ),
        allow(
            ["ec2:CreateTags"],
            [_ec2(place, "instance")],
            StringEquals=ours,
            **{
                "ForAllValues:StringEquals": {
                    "aws:TagKeys": ["eks:eks-cluster-name", "karpenter.sh/nodeclaim", "Name"]
                }
            },
        ),
        allow(
            ["ec2:TerminateInstances", "ec2:DeleteLaunchTemplate"],
            [_ec2(place, "instance"), _ec2(place, "launch-template")],
            StringEquals=ours,
        ),
        allow(
            [
                f"ec2:Describe{each}"
                for each in ("CapacityReservations", "Images", "Instances", "InstanceStatus", "InstanceTypeOfferings",
                             "InstanceTypes", "LaunchTemplates", "SecurityGroups", "SpotPriceHistory", "Subnets")
            ],
            ["*"],
            StringEquals={"aws:RequestedRegion": place.region},
        ),
        allow(["ssm:GetParameter"], [place.arn("ssm", "parameter/aws/service/bottlerocket/*", account="")]),
        # The price list is one service for all of AWS, and knows no resource.
        allow(["pricing:GetProducts"], ["*"]),
        allow(["sqs:DeleteMessage", "sqs:GetQueueUrl", "sqs:ReceiveMessage"], [queue]),
        allow(["iam:PassRole"], [node_role], StringEquals={"iam:PassedToService": "ec2.amazonaws.com"}),
        allow(
            ["iam:CreateInstanceProfile", "iam:TagInstanceProfile"],
            [profile],
            StringEquals={**asked, **{f"aws:RequestTag/{key}": value for key, value in there.items()}},
        ),
        allow(
            ["iam:AddRoleToInstanceProfile", "iam:RemoveRoleFromInstanceProfile", "iam:DeleteInstanceProfile"],
            [profile],
            StringEquals={**ours, **{f"aws:ResourceTag/{key}": value for key, value in there.items()}},
        ),
        allow(["iam:GetInstanceProfile"], [profile]),
        allow(["iam:ListInstanceProfiles"], [place.arn("iam", "instance-profile/*", region="")]),
        allow(["eks:DescribeCluster"], [place.arn("eks", f"cluster/{cluster}")]),
    ]  # fmt: skip


def _ec2(place: Place, kind: str) -> str:
    return place.arn("ec2", f"{kind}/*")
