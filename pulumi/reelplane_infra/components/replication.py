"""Replication between the media buckets: one role and one set of rules per bucket that is written.

Both sides are versioned and encrypted by the region's own stack. The role may read what its region wrote, and write
that, under the same keys, into the buckets that the rules name: nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_aws import iam, s3

from reelplane_infra import naming
from reelplane_infra.component import Component
from reelplane_infra.components.identity import trust
from reelplane_infra.config import replication
from reelplane_infra.place import Place

ROLE_SETUP = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/setting-repl-config-perm-overview.html"
"""What a replication role needs (read 2026-11)."""


@dataclass(frozen=True, slots=True)
class Store:
    """One region's bucket."""

    name: pulumi.Output[str]
    arn: pulumi.Output[str]
    key_arn: pulumi.Output[str]


class Replication(Component[replication.Replication]):
    """What one primary writes, in the regions that keep a copy."""

    def __init__(
        self,
        name: str,
        config: replication.Replication,
        place: Place,
        *,
        stores: Mapping[str, Store],
        targets: Sequence[str],
        copied: Mapping[str, Sequence[str]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """``place`` is the primary; ``targets`` are regions in order of importance; ``copied`` has, by prefix, the
        targets that keep what is below it."""
        super().__init__(name, config, place, opts)
        source = stores[place.region]
        role = iam.Role(
            self.named("role"),
            name=place.fitted(naming.ROLE, name),
            assume_role_policy=pulumi.Output.json_dumps(
                trust("s3.amazonaws.com", place, ArnLike={"aws:SourceArn": source.arn})
            ),
            tags=self.tags(),
            opts=self.child(),
        )
        policy = iam.RolePolicy(
            self.named("role"),
            role=role.name,
            policy=pulumi.Output.json_dumps(permissions(config, place, stores, copied)),
            opts=self.child(),
        )
        pairs = [(prefix, target) for prefix in copied for target in targets if target in copied[prefix]]
        s3.BucketReplicationConfig(
            self.named("rules"),
            region=place.region,
            bucket=source.name,
            role=role.arn,
            rules=[
                self._rule(prefix, target, priority, stores[target])
                for priority, (prefix, target) in enumerate(pairs, start=1)
            ],
            opts=self.child(depends_on=[policy]),
        )
        self.register_outputs({})

    def _rule(self, prefix: str, target: str, priority: int, store: Store) -> Any:
        destination: dict[str, Any] = {
            "bucket": store.arn,
            "storage_class": "STANDARD",
            "encryption_configuration": {"replica_kms_key_id": store.key_arn},
        }
        if self.config.time_control:
            # 15 is the one value that S3 takes for both.
            destination["replication_time"] = {"status": "Enabled", "time": {"minutes": 15}}
            destination["metrics"] = {"status": "Enabled", "event_threshold": {"minutes": 15}}
        return {
            "id": f"{prefix.replace('/', '-')}to-{target}",
            "status": "Enabled",
            "priority": priority,
            "filter": {"prefix": prefix},
            "delete_marker_replication": {"status": "Enabled" if self.config.delete_markers else "Disabled"},
            "source_selection_criteria": {"sse_kms_encrypted_objects": {"status": "Enabled"}},
            "destination": destination,
        }


def permissions(
    config: replication.Replication,
    place: Place,
    stores: Mapping[str, Store],
    copied: Mapping[str, Sequence[str]],
) -> dict[str, object]:
    """Reading the source's prefixes and writing them into their targets, each with its region's key (ROLE_SETUP)."""
    source = stores[place.region]
    targets = list(dict.fromkeys(target for each in copied.values() for target in each))
    write = [
        "s3:ReplicateObject",
        "s3:ReplicateTags",
        *(["s3:ReplicateDelete"] if config.delete_markers else []),
    ]
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["s3:GetReplicationConfiguration", "s3:ListBucket"],
                "Resource": source.arn,
            },
            {
                "Effect": "Allow",
                "Action": [
                    "s3:GetObjectVersionForReplication",
                    "s3:GetObjectVersionAcl",
                    "s3:GetObjectVersionTagging",
                ],
                "Resource": [pulumi.Output.concat(source.arn, "/", prefix, "*") for prefix in copied],
            },
            {
                "Effect": "Allow",
                "Action": write,
                "Resource": [
                    pulumi.Output.concat(stores[target].arn, "/", prefix, "*")
                    for prefix, kept in copied.items()
                    for target in kept
                ],
            },
            _key("kms:Decrypt", place.region, source),
            *(_key("kms:Encrypt", target, stores[target]) for target in targets),
        ],
    }


def _key(action: str, region: str, store: Store) -> dict[str, object]:
    """With bucket keys, the encryption context is the bucket's ARN (ROLE_SETUP)."""
    return {
        "Effect": "Allow",
        "Action": action,
        "Resource": store.key_arn,
        "Condition": {
            "StringEquals": {"kms:ViaService": f"s3.{region}.amazonaws.com"},
            "StringLike": {
                "kms:EncryptionContext:aws:s3:arn": [store.arn, pulumi.Output.concat(store.arn, "/*")],
            },
        },
    }
