"""A region's OpenSearch domain in the VPC: three masters, data nodes over the zones, IAM instead of passwords."""

from __future__ import annotations

import json

import pulumi
from pulumi_aws import cloudwatch, iam, opensearch

from reelplane_infra import naming
from reelplane_infra.component import Component
from reelplane_infra.components.guard import Guard
from reelplane_infra.config import search
from reelplane_infra.place import Place
from reelplane_infra.tags import DataClass

LOGS = ("INDEX_SLOW_LOGS", "SEARCH_SLOW_LOGS", "ES_APPLICATION_LOGS", "AUDIT_LOGS")
"""Every log of a domain; the audit log needs fine-grained access control."""
HTTP = ("es:ESHttpDelete", "es:ESHttpGet", "es:ESHttpHead", "es:ESHttpPatch", "es:ESHttpPost", "es:ESHttpPut")


class Search(Component[search.Search]):
    """The domain. Its master user is a role: whoever may take it says what others may do."""

    data_class = DataClass.DERIVED

    endpoint: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        config: search.Search,
        place: Place,
        *,
        vpc_id: pulumi.Input[str],
        subnet_ids: pulumi.Input[list[str]],
        nodes_group_id: pulumi.Input[str],
        key_arn: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """``subnet_ids`` are one isolated subnet in each zone of the domain."""
        super().__init__(name, config, place, opts)
        guard = Guard(
            f"{name}-guard",
            config,
            place,
            vpc_id=vpc_id,
            source_id=nodes_group_id,
            ports={"https": 443},
            description="OpenSearch from pods of the region",
            opts=self.child(),
        )
        master = iam.Role(
            self.named("master"),
            name=place.fitted(naming.ROLE, name, "master"),
            description="Says inside of the domain who may do what",
            assume_role_policy=json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"AWS": place.arn("iam", "root", region="")},
                            "Action": "sts:AssumeRole",
                        }
                    ],
                }
            ),
            tags=self.tags(),
            opts=self.child(),
        )
        domain = place.fitted(naming.SEARCH, name)
        made = opensearch.Domain(
            self.named("domain"),
            region=place.region,
            domain_name=domain,
            engine_version=config.version,
            cluster_config={
                "instance_type": config.data_type,
                "instance_count": config.data_nodes,
                "dedicated_master_enabled": True,
                "dedicated_master_type": config.master_type,
                "dedicated_master_count": config.master_nodes,
                "zone_awareness_enabled": True,
                "zone_awareness_config": {"availability_zone_count": config.zones},
            },
            ebs_options={
                "ebs_enabled": True,
                "volume_type": "gp3",
                "volume_size": config.gigabytes_per_node,
            },
            encrypt_at_rest={"enabled": True, "kms_key_id": key_arn},
            node_to_node_encryption={"enabled": True},
            domain_endpoint_options={
                "enforce_https": True,
                "tls_security_policy": "Policy-Min-TLS-1-2-PFS-2023-10",
            },
            advanced_security_options={
                "enabled": True,
                "anonymous_auth_enabled": False,
                "internal_user_database_enabled": False,
                "master_user_options": {"master_user_arn": master.arn},
            },
            access_policies=json.dumps(policy(place, domain)),
            vpc_options={"subnet_ids": subnet_ids, "security_group_ids": [guard.id]},
            log_publishing_options=[
                {"log_type": kind, "cloudwatch_log_group_arn": self._logs(kind, key_arn).arn} for kind in LOGS
            ],
            auto_tune_options={"desired_state": "DISABLED"},
            software_update_options={"auto_software_update_enabled": True},
            tags=self.data_tags(),
            opts=self.data(depends_on=[self._writer()]),
        )
        self.endpoint = made.endpoint
        self.register_outputs({"endpoint": self.endpoint})

    def _logs(self, kind: str, key_arn: pulumi.Input[str]) -> cloudwatch.LogGroup:
        part = kind.lower().replace("_", "-")
        return cloudwatch.LogGroup(
            self.named(part),
            region=self.place.region,
            name=f"{_prefix(self.place)}/{part}",
            retention_in_days=self.config.log_days,
            kms_key_id=key_arn,
            tags=self.tags(),
            opts=self.child(),
        )

    def _writer(self) -> cloudwatch.LogResourcePolicy:
        """OpenSearch writes its logs by itself: the log groups say that it may, for domains of this account."""
        return cloudwatch.LogResourcePolicy(
            self.named("logs"),
            region=self.place.region,
            policy_name=self.named("logs"),
            policy_document=json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"Service": "es.amazonaws.com"},
                            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                            "Resource": self.place.arn("logs", f"log-group:{_prefix(self.place)}/*"),
                            "Condition": {"StringEquals": {"aws:SourceAccount": self.place.account}},
                        }
                    ],
                }
            ),
            opts=self.child(),
        )


def policy(place: Place, domain: str) -> dict[str, object]:
    """Who is let in at all: roles of this account that IAM allows it. What they may do is the domain's own to say."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": place.arn("iam", "root", region="")},
                "Action": list(HTTP),
                "Resource": place.arn("es", f"domain/{domain}/*"),
            }
        ],
    }


def _prefix(place: Place) -> str:
    return f"/reelplane/{place.environment}/{place.region}/search"
