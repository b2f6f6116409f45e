"""Amazon S3 and ECR. What pulumi-aws has as resources around a bucket are properties of the bucket there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reelplane_infra.checks.cfn.counterpart import Counterpart, Table, of


def _bucket(**rules: Any) -> Counterpart:
    rename: Mapping[str, str] = {"bucket": "BucketName", **rules.pop("rename", {})}
    return of("AWS::S3::Bucket", part=True, rename=rename, **rules)


_ACCESS: Final = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")


def _tags(given: Any) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in given.items()]


def _lifecycle(rules: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Lifecycle rules, whose filters are members of the rule there."""
    return [_lifecycle_rule(each) for each in rules]


def _lifecycle_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"Id": rule.get("id"), "Status": rule.get("status")}
    held = rule.get("filter") or {}
    both = {**held, **(held.get("and") or {})}
    made["Prefix"] = both.get("prefix")
    made["ObjectSizeGreaterThan"] = _text(both.get("objectSizeGreaterThan"))
    made["ObjectSizeLessThan"] = _text(both.get("objectSizeLessThan"))
    tags = [*_tags(both.get("tags") or {})]
    if both.get("tag"):
        tags.append({"Key": both["tag"]["key"], "Value": both["tag"]["value"]})
    made["TagFilters"] = tags or None
    made["Transitions"] = [
        _some(
            {
                "StorageClass": each.get("storageClass"),
                "TransitionInDays": each.get("days"),
                "TransitionDate": each.get("date"),
            }
        )
        for each in rule.get("transitions") or ()
    ] or None
    made["NoncurrentVersionTransitions"] = [
        _some(
            {
                "StorageClass": each.get("storageClass"),
                "TransitionInDays": each.get("noncurrentDays"),
                "NewerNoncurrentVersions": each.get("newerNoncurrentVersions"),
            }
        )
        for each in rule.get("noncurrentVersionTransitions") or ()
    ] or None
    expiration = rule.get("expiration") or {}
    made["ExpirationInDays"] = expiration.get("days")
    made["ExpiredObjectDeleteMarker"] = expiration.get("expiredObjectDeleteMarker")
    noncurrent = rule.get("noncurrentVersionExpiration") or {}
    made["NoncurrentVersionExpiration"] = _some(
        {
            "NoncurrentDays": noncurrent.get("noncurrentDays"),
            "NewerNoncurrentVersions": noncurrent.get("newerNoncurrentVersions"),
        }
    )
    abort = rule.get("abortIncompleteMultipartUpload") or {}
    made["AbortIncompleteMultipartUpload"] = _some({"DaysAfterInitiation": abort.get("daysAfterInitiation")})
    return _some(made) or {}


def _some(members: Mapping[str, Any]) -> dict[str, Any] | None:
    """Only what is set; None for nothing."""
    return {key: each for key, each in members.items() if each is not None} or None


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


TABLE: Final[Table] = {
    "aws:s3/bucket:Bucket": of("AWS::S3::Bucket", rename={"bucket": "BucketName"}),
    "aws:s3/bucketVersioning:BucketVersioning": _bucket(
        drop={
            "versioningConfiguration.mfaDelete": "CloudFormation cannot set it",
            "mfa": "a token of this minute",
        }
    ),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": _bucket(
        rename={
            "rules": "BucketEncryption.ServerSideEncryptionConfiguration",
            "rules.applyServerSideEncryptionByDefault": "ServerSideEncryptionByDefault",
        },
    ),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": _bucket(
        rename={key: f"PublicAccessBlockConfiguration.{key[0].upper()}{key[1:]}" for key in _ACCESS}
    ),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": _bucket(
        rename={"rule": "OwnershipControls.Rules"}
    ),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": _bucket(
        rename={"rules": "LifecycleConfiguration.Rules"},
        convert={"rules": _lifecycle},
        drop={"transitionDefaultMinimumObjectSize": "has no property there"},
    ),
    "aws:s3/bucketPolicy:BucketPolicy": of("AWS::S3::BucketPolicy", rename={"policy": "PolicyDocument"}),
    "aws:s3/bucketReplicationConfig:BucketReplicationConfig": _bucket(
        rename={
            "role": "ReplicationConfiguration.Role",
            "rules": "ReplicationConfiguration.Rules",
            "rules.filter.and": "And",
            "rules.destination.accessControlTranslation": "AccessControlTranslation",
            "rules.destination.encryptionConfiguration.replicaKmsKeyId": "ReplicaKmsKeyID",
            "rules.destination.replicationTime.time.minutes": "Minutes",
        },
    ),
    "aws:s3/bucketCorsConfiguration:BucketCorsConfiguration": _bucket(
        rename={
            "corsRules": "CorsConfiguration.CorsRules",
            "corsRules.maxAgeSeconds": "MaxAge",
            "corsRules.exposeHeaders": "ExposedHeaders",
        }
    ),
    "aws:s3/bucketLogging:BucketLogging": _bucket(
        rename={
            "targetBucket": "LoggingConfiguration.DestinationBucketName",
            "targetPrefix": "LoggingConfiguration.LogFilePrefix",
        }
    ),
    "aws:s3/bucketNotification:BucketNotification": _bucket(
        rename={"eventbridge": "NotificationConfiguration.EventBridgeConfiguration.EventBridgeEnabled"},
    ),
    "aws:s3/bucketAccelerateConfiguration:BucketAccelerateConfiguration": _bucket(
        rename={"status": "AccelerateConfiguration.AccelerationStatus"}
    ),
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration": _bucket(
        rename={
            "objectLockEnabled": "ObjectLockConfiguration.ObjectLockEnabled",
            "rule": "ObjectLockConfiguration.Rule",
        }
    ),
    "aws:ecr/repository:Repository": of(
        "AWS::ECR::Repository",
        rename={"name": "RepositoryName", "encryptionConfigurations": "EncryptionConfiguration"},
        drop={"forceDelete": "read when the resource is destroyed"},
    ),
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": of(
        "AWS::ECR::Repository",
        part=True,
        rename={"repository": "RepositoryName", "policy": "LifecyclePolicy.LifecyclePolicyText"},
    ),
    "aws:ecr/repositoryPolicy:RepositoryPolicy": of(
        "AWS::ECR::Repository",
        part=True,
        rename={"repository": "RepositoryName", "policy": "RepositoryPolicyText"},
    ),
    "aws:ecr/replicationConfiguration:ReplicationConfiguration": of("AWS::ECR::ReplicationConfiguration"),
    "aws:ecr/registryPolicy:RegistryPolicy": of("AWS::ECR::RegistryPolicy", rename={"policy": "PolicyText"}),
    "aws:ecr/registryScanningConfiguration:RegistryScanningConfiguration": of(
        "AWS::ECR::RegistryScanningConfiguration"
    ),
}
