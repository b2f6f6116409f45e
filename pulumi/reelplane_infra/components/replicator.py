"""A primary's events in its recovery region, by MSK Replicator.

The replicator stands in the recovery region and reads the source over a private link of MSK's own: the source's
policy lets MSK make that link (between regions this is required,
https://docs.aws.amazon.com/msk/latest/developerguide/msk-replicator-prerequisites.html, 2026-11), and its broker
connectivity has it switched on. Topics arrive under the name of the source's cluster, which starts with the
environment's (``global-us-west-2-....views``): a recovery region of two primaries keeps them apart, and what carries
such a name is a copy and not copied again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws import ec2, iam, msk

from reelplane_infra import naming
from reelplane_infra.component import Component
from reelplane_infra.components.identity import trust
from reelplane_infra.config import replicator
from reelplane_infra.place import Place

IAM_PORT = 9098
"""Where brokers take IAM authentication,
https://docs.aws.amazon.com/msk/latest/developerguide/port-info.html (2026-11)."""


@dataclass(frozen=True, slots=True)
class Stream:
    """One region's MSK cluster and what reaches it."""

    region: str
    arn: pulumi.Output[str]
    security_group_id: pulumi.Output[str]
    vpc_id: pulumi.Output[str]
    subnet_ids: pulumi.Output[Sequence[str]]


class Replicator(Component[replicator.Replicator]):
    """From one primary (``place``) to its recovery region."""

    def __init__(
        self,
        name: str,
        config: replicator.Replicator,
        place: Place,
        *,
        source: Stream,
        target: Stream,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, config, place, opts)
        link = msk.ClusterPolicy(
            self.named("source"),
            region=source.region,
            cluster_arn=source.arn,
            policy=pulumi.Output.json_dumps(reachable(source)),
            opts=self.child(),
        )
        role = iam.Role(
            self.named("role"),
            name=place.fitted(naming.ROLE, name),
            assume_role_policy=json.dumps(trust("kafka.amazonaws.com", place)),
            tags=self.tags(),
            opts=self.child(),
        )
        policy = iam.RolePolicy(
            self.named("role"),
            role=role.name,
            policy=pulumi.Output.json_dumps(permissions(source, target)),
            opts=self.child(),
        )
        group = self._group(target)
        msk.Replicator(
            self.named("replicator"),
            region=target.region,
            replicator_name=place.fitted(naming.STREAM, name),
            description=f"{source.region} to {target.region}",
            service_execution_role_arn=role.arn,
            kafka_clusters=[
                {
                    "amazon_msk_cluster": {"msk_cluster_arn": source.arn},
                    "vpc_config": {"subnet_ids": source.subnet_ids},
                },
                {
                    "amazon_msk_cluster": {"msk_cluster_arn": target.arn},
                    "vpc_config": {"subnet_ids": target.subnet_ids, "security_groups_ids": [group.id]},
                },
            ],
            replication_info_list={
                "source_kafka_cluster_arn": source.arn,
                "target_kafka_cluster_arn": target.arn,
                "target_compression_type": config.compression,
                "topic_replications": [
                    {
                        "topics_to_replicates": list(config.topics),
                        "topics_to_excludes": [*config.exclude, f"^{place.environment}-.*"],
                        "topic_name_configuration": {"type": "PREFIXED_WITH_SOURCE_CLUSTER_ALIAS"},
                        "copy_topic_configurations": True,
                        "copy_access_control_lists_for_topics": False,
                        "detect_and_copy_new_topics": True,
                        "starting_position": {"type": "LATEST"},
                    }
                ],
                "consumer_group_replications": [
                    {
                        "consumer_groups_to_replicates": list(config.groups),
                        "detect_and_copy_new_consumer_groups": True,
                        "synchronise_consumer_group_offsets": True,
                    }
                ],
            },
            tags=self.tags(),
            opts=self.child(depends_on=[link, policy]),
        )
        self.register_outputs({})

    def _group(self, target: Stream) -> ec2.SecurityGroup:
        """The replicator's own group, and the way from it to the target's brokers."""
        group = ec2.SecurityGroup(
            self.named("group"),
            region=target.region,
            vpc_id=target.vpc_id,
            description="MSK Replicator",
            tags=self.tags(name=self.named("group")),
            opts=self.child(),
        )
        for part, direction, own, other in (
            ("out", "egress", group.id, target.security_group_id),
            ("in", "ingress", target.security_group_id, group.id),
        ):
            ec2.SecurityGroupRule(
                self.named("brokers", part),
                region=target.region,
                security_group_id=own,
                source_security_group_id=other,
                type=direction,
                protocol="tcp",
                from_port=IAM_PORT,
                to_port=IAM_PORT,
                description="MSK Replicator to the brokers",
                opts=self.child(),
            )
        return group


def reachable(source: Stream) -> dict[str, object]:
    """What MSK itself may do with the source's cluster."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "kafka.amazonaws.com"},
                "Action": [
                    "kafka:CreateVpcConnection",
                    "kafka:GetBootstrapBrokers",
                    "kafka:DescribeClusterV2",
                ],
                "Resource": source.arn,
            }
        ],
    }


def permissions(source: Stream, target: Stream) -> dict[str, object]:
    """Reading the source, writing the target,
    https://docs.aws.amazon.com/msk/latest/developerguide/msk-replicator-prepare-clusters.html (2026-11)."""
    connect = ["kafka-cluster:Connect", "kafka-cluster:DescribeCluster"]
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": connect, "Resource": source.arn},
            {
                "Effect": "Allow",
                "Action": [
                    "kafka-cluster:DescribeTopic",
                    "kafka-cluster:DescribeTopicDynamicConfiguration",
                    "kafka-cluster:ReadData",
                    "kafka-cluster:DescribeGroup",
                    "kafka-cluster:AlterGroup",
                ],
                "Resource": _below(source),
            },
            {
                "Effect": "Allow",
                "Action": [*connect, "kafka-cluster:AlterCluster", "kafka-cluster:WriteDataIdempotently"],
                "Resource": target.arn,
            },
            {
                "Effect": "Allow",
                "Action": [
                    "kafka-cluster:CreateTopic",
                    "kafka-cluster:DescribeTopic",
                    "kafka-cluster:AlterTopic",
                    "kafka-cluster:DescribeTopicDynamicConfiguration",
                    "kafka-cluster:AlterTopicDynamicConfiguration",
                    "kafka-cluster:ReadData",
                    "kafka-cluster:WriteData",
                    "kafka-cluster:DescribeGroup",
                    "kafka-cluster:AlterGroup",
                ],
                "Resource": _below(target),
            },
        ],
    }


def _below(stream: Stream) -> list[pulumi.Output[str]]:
    """ARNs of the topics and groups of a cluster: its own with another kind, and a name at the end."""
    return [
        stream.arn.apply(lambda arn, kind=kind: f"{arn.replace(':cluster/', f':{kind}/', 1)}/*")  # type: ignore[misc]
        for kind in ("topic", "group")
    ]
