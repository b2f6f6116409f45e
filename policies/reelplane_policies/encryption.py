"""Encryption at rest, with a key whose use is in the account's own log, and that key's rotation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from reelplane_policies.rule import (
    Requirement,
    Resource,
    Rule,
    Settings,
    Violation,
    at_least,
    companion,
    one_of,
    present,
    required,
    true,
)

BUCKET: Final = "aws:s3/bucket:Bucket"
BUCKET_ENCRYPTION: Final = (
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
)
CLUSTER: Final = "aws:rds/cluster:Cluster"
GLOBAL_CLUSTER: Final = "aws:rds/globalCluster:GlobalCluster"
INSTANCE: Final = "aws:rds/instance:Instance"
KEY: Final = "aws:kms/key:Key"
ON: Final = "has to be true"
OWN_KEY: Final = "has to name a KMS key"
DEFAULT: Final = "rules[].applyServerSideEncryptionByDefault"


def _password(resource: Resource, settings: Settings) -> Iterator[Violation]:
    """Kept by RDS under a KMS key, or write-only; a secondary cluster of a global one has none."""
    props = resource.props
    if props.get("masterPassword") is not None:
        yield Violation("masterPassword", "has to be masterPasswordWo, which no state keeps")
    if props.get("masterUsername") is None or props.get("masterPasswordWo") is not None:
        return
    if not true(props.get("manageMasterUserPassword")):
        yield Violation("manageMasterUserPassword", "has to be true, or masterPasswordWo set")
    elif not present(props.get("masterUserSecretKmsKeyId")):
        yield Violation("masterUserSecretKmsKeyId", OWN_KEY)


def _template(resource: Resource, settings: Settings) -> Iterator[Violation]:
    """What CloudFormation makes for us is held to the same."""
    try:
        template = json.loads(resource.props.get("templateBody") or "{}")
    except (TypeError, ValueError):
        return
    for name, each in (template.get("Resources") or {}).items():
        if each.get("Type") != "AWS::SecretsManager::Secret":
            continue
        if not present((each.get("Properties") or {}).get("KmsKeyId")):
            yield Violation(f"templateBody.Resources.{name}.Properties.KmsKeyId", OWN_KEY)
        for policy in ("DeletionPolicy", "UpdateReplacePolicy"):
            if each.get(policy) != "Retain":
                yield Violation(f"templateBody.Resources.{name}.{policy}", "has to be Retain")


def _log(resource: Resource, settings: Settings) -> Iterator[Violation]:
    """Where the environment has no region it has no key either: CloudFront's logs are kept under AWS's own then."""
    region = resource.props.get("region")
    keyless = bool(settings.regions) and isinstance(region, str) and region not in settings.regions
    if not keyless and not present(resource.props.get("kmsKeyId")):
        yield Violation("kmsKeyId", OWN_KEY)


def _sqs(value: Any) -> bool:
    return true(value) or value is None


RULES = (
    companion(
        "s3-bucket-encryption",
        "Every bucket says how it is encrypted",
        kind=BUCKET,
        other=BUCKET_ENCRYPTION,
        prop="bucket",
        message="needs a BucketServerSideEncryptionConfiguration in its stack",
    ),
    required(
        "s3-kms",
        "Objects are encrypted with a KMS key",
        Requirement(
            (BUCKET_ENCRYPTION,),
            f"{DEFAULT}.sseAlgorithm",
            one_of("aws:kms", "aws:kms:dsse"),
            "has to be aws:kms",
        ),
        Requirement((BUCKET_ENCRYPTION,), f"{DEFAULT}.kmsMasterKeyId", present, OWN_KEY),
    ),
    required(
        "s3-bucket-key",
        "A bucket key makes one call to KMS of a thousand",
        Requirement((BUCKET_ENCRYPTION,), "rules[].bucketKeyEnabled", true, ON),
    ),
    required(
        "ebs-encryption",
        "Volumes are encrypted",
        Requirement(("aws:ebs/volume:Volume",), "encrypted", true, ON),
        Requirement(
            ("aws:ec2/launchTemplate:LaunchTemplate",), "blockDeviceMappings[].ebs.encrypted", true, ON
        ),
    ),
    required(
        "rds-encryption",
        "Databases are encrypted with a KMS key",
        Requirement((CLUSTER, GLOBAL_CLUSTER, INSTANCE), "storageEncrypted", true, ON),
        Requirement((CLUSTER, INSTANCE), "kmsKeyId", present, OWN_KEY),
        Requirement(
            ("aws:rds/clusterInstance:ClusterInstance",), "performanceInsightsKmsKeyId", present, OWN_KEY
        ),
    ),
    Rule(
        "rds-password",
        "A database's master password is in no state and no log",
        _password,
        frozenset({CLUSTER}),
    ),
    required(
        "elasticache-encryption",
        "Caches are encrypted with a KMS key",
        Requirement(
            ("aws:elasticache/replicationGroup:ReplicationGroup",),
            "atRestEncryptionEnabled",
            true,
            ON,
            unless="globalReplicationGroupId",
        ),
        Requirement(
            (
                "aws:elasticache/replicationGroup:ReplicationGroup",
                "aws:elasticache/serverlessCache:ServerlessCache",
            ),
            "kmsKeyId",
            present,
            OWN_KEY,
        ),
    ),
    required(
        "msk-encryption",
        "Brokers' volumes are encrypted with a KMS key",
        Requirement(
            ("aws:msk/cluster:Cluster",), "encryptionInfo.encryptionAtRestKmsKeyArn", present, OWN_KEY
        ),
    ),
    required(
        "opensearch-encryption",
        "Search indexes are encrypted with a KMS key",
        Requirement(("aws:opensearch/domain:Domain",), "encryptAtRest.enabled", true, ON),
        Requirement(("aws:opensearch/domain:Domain",), "encryptAtRest.kmsKeyId", present, OWN_KEY),
    ),
    required(
        "keyspaces-encryption",
        "Tables say how they are encrypted",
        Requirement(
            ("aws:keyspaces/table:Table",),
            "encryptionSpecification.type",
            one_of("CUSTOMER_MANAGED_KMS_KEY", "AWS_OWNED_KMS_KEY"),
            "has to be CUSTOMER_MANAGED_KMS_KEY, or AWS_OWNED_KMS_KEY on purpose",
        ),
    ),
    required(
        "dynamodb-encryption",
        "Tables are encrypted with a KMS key",
        Requirement(("aws:dynamodb/table:Table",), "serverSideEncryption.enabled", true, ON),
        Requirement(("aws:dynamodb/table:Table",), "serverSideEncryption.kmsKeyArn", present, OWN_KEY),
    ),
    required(
        "sqs-encryption",
        "Queues are encrypted",
        Requirement(
            ("aws:sqs/queue:Queue",), "sqsManagedSseEnabled", _sqs, "has to be true, or kmsMasterKeyId set"
        ),
        Requirement(
            ("aws:sqs/queue:Queue",), "kmsMasterKeyId", present, OWN_KEY, unless="sqsManagedSseEnabled"
        ),
    ),
    required(
        "sns-encryption",
        "Topics are encrypted with a KMS key",
        Requirement(("aws:sns/topic:Topic",), "kmsMasterKeyId", present, OWN_KEY),
    ),
    required(
        "ecr-encryption",
        "Images are encrypted with a KMS key",
        Requirement(
            ("aws:ecr/repository:Repository",),
            "encryptionConfigurations[].encryptionType",
            one_of("KMS"),
            "is KMS",
        ),
        Requirement(
            ("aws:ecr/repository:Repository",), "encryptionConfigurations[].kmsKey", present, OWN_KEY
        ),
    ),
    required(
        "eks-secrets-encryption",
        "Kubernetes' secrets are encrypted with a KMS key",
        Requirement(("aws:eks/cluster:Cluster",), "encryptionConfig.provider.keyArn", present, OWN_KEY),
        Requirement(
            ("aws:eks/cluster:Cluster",),
            "encryptionConfig.resources",
            lambda each: "secrets" in (each or ()),
            "has to have secrets",
        ),
    ),
    required(
        "secret-encryption",
        "Secrets are encrypted with a KMS key",
        Requirement(("aws:secretsmanager/secret:Secret",), "kmsKeyId", present, OWN_KEY),
    ),
    Rule(
        "template-secrets",
        "Secrets of a CloudFormation stack are encrypted with a KMS key, and outlive it",
        _template,
        frozenset({"aws:cloudformation/stack:Stack"}),
    ),
    required(
        "vault-encryption",
        "Backups are encrypted with a KMS key",
        Requirement(("aws:backup/vault:Vault",), "kmsKeyArn", present, OWN_KEY),
    ),
    Rule(
        "log-encryption",
        "Logs are encrypted with a KMS key",
        _log,
        frozenset({"aws:cloudwatch/logGroup:LogGroup"}),
        settings=("regions",),
    ),
    required(
        "lambda-encryption",
        "What a function is told is encrypted with a KMS key",
        Requirement(("aws:lambda/function:Function",), "kmsKeyArn", present, OWN_KEY),
    ),
    required(
        "kms-rotation",
        "Keys are renewed once a year",
        Requirement((KEY,), "enableKeyRotation", true, ON),
    ),
    required(
        "kms-deletion-window",
        "A key that is deleted can be brought back for a while: without it all data is gone",
        Requirement(
            (KEY, "aws:kms/replicaKey:ReplicaKey"),
            "deletionWindowInDays",
            at_least(14),
            "has to be 14 days or more",
        ),
    ),
)
