"""A region's MSK cluster: brokers in three zones, TLS and IAM only, everything encrypted with the region's key."""

from __future__ import annotations

import pulumi
from pulumi_aws import cloudwatch, msk

from reelplane_infra import naming
from reelplane_infra.component import Component
from reelplane_infra.components.guard import Guard
from reelplane_infra.config import stream
from reelplane_infra.place import Place
from reelplane_infra.tags import DataClass

IAM_PORT = 9098
"""Where brokers take IAM credentials,
https://docs.aws.amazon.com/msk/latest/developerguide/port-info.html (2026-11)."""


class Stream(Component[stream.Stream]):
    """The cluster with its configuration, its log group and its security group."""

    data_class = DataClass.PRIMARY

    arn: pulumi.Output[str]
    brokers: pulumi.Output[str]
    """``host:9098,...``."""
    security_group_id: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        config: stream.Stream,
        place: Place,
        *,
        vpc_id: pulumi.Input[str],
        subnet_ids: pulumi.Input[list[str]],
        nodes_group_id: pulumi.Input[str],
        key_arn: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """``subnet_ids`` are one isolated subnet in each of three zones."""
        super().__init__(name, config, place, opts)
        guard = Guard(
            f"{name}-guard",
            config,
            place,
            vpc_id=vpc_id,
            source_id=nodes_group_id,
            ports={"kafka": IAM_PORT},
            description="Kafka with IAM from pods of the region",
            opts=self.child(),
        )
        logs = cloudwatch.LogGroup(
            self.named("logs"),
            region=place.region,
            name=f"/reelplane/{place.environment}/{place.region}/{name}",
            retention_in_days=config.log_days,
            kms_key_id=key_arn,
            tags=self.tags(),
            opts=self.child(),
        )
        settings = msk.Configuration(
            self.named("settings"),
            region=place.region,
            name=self.named("settings"),
            kafka_versions=[config.kafka_version],
            server_properties=properties(config),
            opts=self.child(),
        )
        made = msk.Cluster(
            self.named("brokers"),
            region=place.region,
            cluster_name=place.fitted(naming.STREAM, name),
            kafka_version=config.kafka_version,
            number_of_broker_nodes=config.brokers,
            broker_node_group_info={
                "instance_type": config.broker_type,
                "client_subnets": subnet_ids,
                "security_groups": [guard.id],
                "storage_info": {"ebs_storage_info": {"volume_size": config.gigabytes_per_broker}},
            },
            client_authentication={"sasl": {"iam": True}, "unauthenticated": False},
            configuration_info={"arn": settings.arn, "revision": settings.latest_revision},
            encryption_info={
                "encryption_at_rest_kms_key_arn": key_arn,
                "encryption_in_transit": {"client_broker": "TLS", "in_cluster": True},
            },
            enhanced_monitoring="PER_BROKER",
            logging_info={"broker_logs": {"cloudwatch_logs": {"enabled": True, "log_group": logs.name}}},
            tags=self.data_tags(),
            opts=self.data(),
        )
        self.arn = made.arn
        self.brokers = made.bootstrap_brokers_sasl_iam
        self.security_group_id = guard.id
        self.register_outputs({"arn": self.arn})


def properties(config: stream.Stream) -> str:
    """The brokers' settings: three copies of which two must have an event before it counts as written."""
    settings = {
        "auto.create.topics.enable": "false",
        "default.replication.factor": str(stream.ZONES),
        "min.insync.replicas": "2",
        "unclean.leader.election.enable": "false",
        "log.retention.hours": str(config.keep_hours),
    }
    return "\n".join(f"{key}={value}" for key, value in sorted(settings.items())) + "\n"
