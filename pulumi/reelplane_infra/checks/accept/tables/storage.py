"""Objects and images: Amazon S3 and ECR."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reelplane_infra.checks.accept.tables.network import pairs
from reelplane_infra.checks.accept.translation import Call, Made, Table, one
from reelplane_infra.checks.shaping import Rules


def _place(made: Made) -> Mapping[str, Any]:
    """A bucket's region, which us-east-1 alone must not name,
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html (2026-11)."""
    if made.region == "us-east-1":
        return {}
    return {"CreateBucketConfiguration": {"LocationConstraint": made.region}}


def _under(name: str, *keys: str) -> Mapping[str, str]:
    """Renames that put ``keys`` into the structure ``name``."""
    return {key: f"{name}.{key[0].upper()}{key[1:]}" for key in keys}


_ACCESS: Final = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")

TABLE: Final[Table] = {
    "aws:s3/bucket:Bucket": one(
        "s3",
        "CreateBucket",
        "{bucket}",
        build=_place,
        outputs={"arn": "arn:aws:s3:::{bucket}"},
        rename={"objectLockEnabled": "ObjectLockEnabledForBucket"},
        then=(
            Call(
                "PutBucketTagging",
                Rules({"tags": "Tagging"}, convert={"tags": lambda tags: {"TagSet": pairs(tags)}}),
                ("tags",),
                also=("bucket",),
            ),
        ),
    ),
    "aws:s3/bucketVersioning:BucketVersioning": one(
        "s3", "PutBucketVersioning", "{bucket}", rename={"versioningConfiguration.mfaDelete": "MFADelete"}
    ),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": one(
        "s3", "PutBucketEncryption", "{bucket}", rename={"rules": "ServerSideEncryptionConfiguration.Rules"}
    ),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": one(
        "s3", "PutPublicAccessBlock", "{bucket}", rename=_under("PublicAccessBlockConfiguration", *_ACCESS)
    ),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": one(
        "s3", "PutBucketOwnershipControls", "{bucket}", rename={"rule": "OwnershipControls.Rules"}
    ),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": one(
        "s3",
        "PutBucketLifecycleConfiguration",
        "{bucket}",
        rename={"rules": "LifecycleConfiguration.Rules"},
    ),
    "aws:s3/bucketPolicy:BucketPolicy": one("s3", "PutBucketPolicy", "{bucket}"),
    "aws:s3/bucketReplicationConfig:BucketReplicationConfig": one(
        "s3", "PutBucketReplication", "{bucket}", rename=_under("ReplicationConfiguration", "role", "rules")
    ),
    "aws:s3/bucketCorsConfiguration:BucketCorsConfiguration": one(
        "s3", "PutBucketCors", "{bucket}", rename={"corsRules": "CORSConfiguration.CORSRules"}
    ),
    "aws:s3/bucketLogging:BucketLogging": one(
        "s3",
        "PutBucketLogging",
        "{bucket}",
        rename=_under(
            "BucketLoggingStatus.LoggingEnabled", "targetBucket", "targetPrefix", "targetObjectKeyFormat"
        ),
    ),
    "aws:s3/bucketNotification:BucketNotification": one(
        "s3",
        "PutBucketNotificationConfiguration",
        "{bucket}",
        rename={
            "eventbridge": "NotificationConfiguration.EventBridgeConfiguration",
            "queues": "NotificationConfiguration.QueueConfigurations",
            "topics": "NotificationConfiguration.TopicConfigurations",
        },
        convert={"eventbridge": lambda _: {}},
    ),
    "aws:s3/bucketAccelerateConfiguration:BucketAccelerateConfiguration": one(
        "s3",
        "PutBucketAccelerateConfiguration",
        "{bucket}",
        rename={"status": "AccelerateConfiguration.Status"},
    ),
    "aws:s3/bucketIntelligentTieringConfiguration:BucketIntelligentTieringConfiguration": one(
        "s3",
        "PutBucketIntelligentTieringConfiguration",
        "{bucket}:{name}",
        rename={"name": "Id", **_under("IntelligentTieringConfiguration", "status", "filter", "tierings")},
        constant={"IntelligentTieringConfiguration.Id": "{name}"},
    ),
    "aws:s3/bucketMetric:BucketMetric": one(
        "s3",
        "PutBucketMetricsConfiguration",
        "{bucket}:{name}",
        rename={"name": "Id", "filter": "MetricsConfiguration.Filter"},
        constant={"MetricsConfiguration.Id": "{name}"},
    ),
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration": one(
        "s3",
        "PutObjectLockConfiguration",
        "{bucket}",
        rename={
            "objectLockEnabled": "ObjectLockConfiguration.ObjectLockEnabled",
            "rule": "ObjectLockConfiguration.Rule",
        },
    ),
    "aws:ecr/repository:Repository": one(
        "ecr",
        "CreateRepository",
        "repository.repositoryName",
        outputs={"repositoryUrl": "repository.repositoryUri"},
        rename={"name": "repositoryName", "encryptionConfigurations": "encryptionConfiguration"},
        constant={"repositoryName": "{name}"},
    ),
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": one(
        "ecr",
        "PutLifecyclePolicy",
        "{repository}",
        rename={"repository": "repositoryName", "policy": "lifecyclePolicyText"},
    ),
    "aws:ecr/repositoryPolicy:RepositoryPolicy": one(
        "ecr",
        "SetRepositoryPolicy",
        "{repository}",
        rename={"repository": "repositoryName", "policy": "policyText"},
    ),
    "aws:ecr/registryPolicy:RegistryPolicy": one(
        "ecr", "PutRegistryPolicy", "{account}", rename={"policy": "policyText"}
    ),
    "aws:ecr/replicationConfiguration:ReplicationConfiguration": one(
        "ecr", "PutReplicationConfiguration", "{account}"
    ),
    "aws:ecr/registryScanningConfiguration:RegistryScanningConfiguration": one(
        "ecr", "PutRegistryScanningConfiguration", "{account}"
    ),
    "aws:ecr/repositoryCreationTemplate:RepositoryCreationTemplate": one(
        "ecr",
        "CreateRepositoryCreationTemplate",
        "{prefix}",
        rename={"appliedFors": "appliedFor", "encryptionConfigurations": "encryptionConfiguration"},
    ),
}
