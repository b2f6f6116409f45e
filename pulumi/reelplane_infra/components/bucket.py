"""A bucket as every bucket of ours is: private, encrypted with the environment's key, versioned, TLS only.

Whoever needs one makes it as a child of its own and adds what is particular: lifecycle, replication, readers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import pulumi
from pulumi_aws import s3

from reelplane_infra.component import Component
from reelplane_infra.config.base import Config
from reelplane_infra.place import Place
from reelplane_infra.tags import DataClass


class BucketConfig(Config):
    """What differs between buckets of one place."""

    purpose: str
    """The part of the bucket's name that says what it holds: ``media``."""
    keep_old_versions_days: int = 30
    """Days that an overwritten or deleted object can still be brought back."""


class Bucket(Component[BucketConfig]):
    """The bucket and the six settings that it is never without."""

    data_class = DataClass.PRIMARY

    bucket: s3.Bucket
    versioning: s3.BucketVersioning
    """Replication depends on it."""

    def __init__(
        self,
        name: str,
        config: BucketConfig,
        place: Place,
        *,
        key_arn: pulumi.Input[str],
        readers: Sequence[Mapping[str, object]] = (),
        lifecycle: Sequence[s3.BucketLifecycleConfigurationRuleArgs] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """``readers`` are statements added to the bucket's policy, in which the resource ``{bucket}`` is the bucket's
        ARN; ``lifecycle`` are rules added to the ones that end old versions and abandoned uploads."""
        super().__init__(name, config, place, opts)
        physical = place.bucket(config.purpose)
        region = place.region
        self.bucket = s3.Bucket(
            self.named("bucket"), region=region, bucket=physical, tags=self.data_tags(), opts=self.data()
        )
        s3.BucketPublicAccessBlock(
            self.named("private"),
            region=region,
            bucket=self.bucket.id,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=self.child(),
        )
        s3.BucketOwnershipControls(
            self.named("ownership"),
            region=region,
            bucket=self.bucket.id,
            rule={"object_ownership": "BucketOwnerEnforced"},
            opts=self.child(),
        )
        s3.BucketServerSideEncryptionConfiguration(
            self.named("encryption"),
            region=region,
            bucket=self.bucket.id,
            rules=[
                {
                    "apply_server_side_encryption_by_default": {
                        "sse_algorithm": "aws:kms",
                        "kms_master_key_id": key_arn,
                    },
                    # One data key per bucket and hour instead of one call to KMS per object.
                    "bucket_key_enabled": True,
                }
            ],
            opts=self.child(),
        )
        self.versioning = s3.BucketVersioning(
            self.named("versioning"),
            region=region,
            bucket=self.bucket.id,
            versioning_configuration={"status": "Enabled"},
            opts=self.child(),
        )
        s3.BucketLifecycleConfiguration(
            self.named("lifecycle"),
            region=region,
            bucket=self.bucket.id,
            rules=[*_housekeeping(config), *lifecycle],
            opts=self.child(depends_on=[self.versioning]),
        )
        s3.BucketPolicy(
            self.named("policy"),
            region=region,
            bucket=self.bucket.id,
            policy=json.dumps(policy(f"arn:aws:s3:::{physical}", readers)),
            opts=self.child(),
        )
        self.register_outputs({"arn": self.bucket.arn})


def policy(arn: str, readers: Sequence[Mapping[str, object]]) -> dict[str, object]:
    """TLS or nothing, then who may read."""
    closed = {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn, f"{arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    allowed = [json.loads(json.dumps(dict(each)).replace("{bucket}", arn)) for each in readers]
    return {"Version": "2012-10-17", "Statement": [closed, *allowed]}


def _housekeeping(config: BucketConfig) -> list[s3.BucketLifecycleConfigurationRuleArgs]:
    everything = s3.BucketLifecycleConfigurationRuleFilterArgs(prefix="")
    return [
        s3.BucketLifecycleConfigurationRuleArgs(
            id="old-versions",
            status="Enabled",
            filter=everything,
            noncurrent_version_expiration=s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(
                noncurrent_days=config.keep_old_versions_days
            ),
        ),
        s3.BucketLifecycleConfigurationRuleArgs(
            id="abandoned-uploads",
            status="Enabled",
            filter=everything,
            abort_incomplete_multipart_upload=s3.BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(
                days_after_initiation=7
            ),
        ),
    ]
