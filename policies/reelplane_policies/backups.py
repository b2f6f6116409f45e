"""What is overwritten or deleted can be brought back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from reelplane_policies.rule import (
    Level,
    Requirement,
    Resource,
    Rule,
    Settings,
    Violation,
    at,
    at_least,
    companion,
    one_of,
    required,
    true,
)

BUCKET: Final = "aws:s3/bucket:Bucket"
VERSIONING: Final = "aws:s3/bucketVersioning:BucketVersioning"
REPLICATION: Final = "aws:s3/bucketReplicationConfig:BucketReplicationConfig"
CACHE: Final = "aws:elasticache/replicationGroup:ReplicationGroup"
DAYS: Final = 7
"""The least that a mistake of a week before can be undone from."""


def _caches(resource: Resource, settings: Settings) -> Iterator[Violation]:
    days = resource.props.get("snapshotRetentionLimit")
    kept = days is None or isinstance(days, int)
    if resource.tags.get("reelplane:data") == "primary" and kept and not days:
        yield Violation("snapshotRetentionLimit", "has to be 1 day or more: it holds primary data")


def _old_versions(resource: Resource, settings: Settings) -> Iterator[Violation]:
    """A rule that ends old versions leaves time to notice; one that has no such part does not concern them."""
    path = "rules[].noncurrentVersionExpiration.noncurrentDays"
    for where, days in at(resource.props, path):
        if where.endswith("noncurrentDays") and not (isinstance(days, int) and days >= DAYS):
            yield Violation(where, f"has to be {DAYS} days or more")


RULES = (
    companion(
        "s3-versioned",
        "Every bucket keeps old versions",
        kind=BUCKET,
        other=VERSIONING,
        prop="bucket",
        message="needs a BucketVersioning in its stack",
    ),
    required(
        "s3-versioning",
        "Versioning is on",
        Requirement((VERSIONING,), "versioningConfiguration.status", one_of("Enabled"), "has to be Enabled"),
    ),
    Rule(
        "s3-old-versions",
        f"Old versions are kept for {DAYS} days",
        _old_versions,
        frozenset({"aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"}),
    ),
    required(
        "rds-backups",
        f"Databases can be brought back to any second of {DAYS} days",
        Requirement(
            ("aws:rds/cluster:Cluster", "aws:rds/instance:Instance"),
            "backupRetentionPeriod",
            at_least(DAYS),
            f"has to be {DAYS} days or more",
        ),
    ),
    required(
        "keyspaces-backups",
        "Tables can be brought back to any second of 35 days",
        Requirement(
            ("aws:keyspaces/table:Table",),
            "pointInTimeRecovery.status",
            one_of("ENABLED"),
            "has to be ENABLED",
        ),
        level=Level.ADVISORY,
    ),
    required(
        "dynamodb-backups",
        "Tables can be brought back to any second of 35 days",
        Requirement(("aws:dynamodb/table:Table",), "pointInTimeRecovery.enabled", true, "has to be true"),
    ),
    required(
        "backup-plans",
        "Backups are copied to another vault, and kept a while",
        Requirement(
            ("aws:backup/plan:Plan",), "rules[].lifecycle.deleteAfter", at_least(DAYS), f"{DAYS} days or more"
        ),
        Requirement(
            ("aws:backup/plan:Plan",),
            "rules[].copyActions[].destinationVaultArn",
            bool,
            "has to name a vault",
        ),
    ),
    required(
        "vault-lock",
        "Backups cannot be deleted before their time",
        Requirement(
            ("aws:backup/vaultLockConfiguration:VaultLockConfiguration",),
            "minRetentionDays",
            at_least(DAYS),
            f"has to be {DAYS} days or more",
        ),
    ),
    required(
        "s3-replication",
        "Copies of a bucket are made, of encrypted objects too, and metrics of them are not switched off",
        Requirement((REPLICATION,), "rules[].status", one_of("Enabled"), "has to be Enabled"),
        Requirement(
            (REPLICATION,), "rules[].destination.metrics.status", one_of("Enabled", None), "has to be Enabled"
        ),
        Requirement(
            (REPLICATION,),
            "rules[].sourceSelectionCriteria.sseKmsEncryptedObjects.status",
            one_of("Enabled"),
            "has to be Enabled, or encrypted objects are left out",
        ),
        Requirement(
            (REPLICATION,),
            "rules[].destination.encryptionConfiguration.replicaKmsKeyId",
            bool,
            "has to name a KMS key",
        ),
    ),
    Rule("elasticache-backups", "Caches with primary data have snapshots", _caches, frozenset({CACHE})),
    required(
        "elasticache-patches",
        "Caches get the fixes of their version",
        Requirement((CACHE,), "autoMinorVersionUpgrade", true, "has to be true"),
    ),
    required(
        "elasticache-failover",
        "A cache that loses its node has another",
        Requirement(
            (CACHE,), "automaticFailoverEnabled", true, "has to be true", unless="globalReplicationGroupId"
        ),
        Requirement((CACHE,), "multiAzEnabled", true, "has to be true"),
        level=Level.ADVISORY,
    ),
)
