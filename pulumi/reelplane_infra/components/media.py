"""A region's media: a bucket in which what grows old or is little watched moves to a cheaper class by itself."""

from __future__ import annotations

import pulumi
from pulumi_aws import s3

from reelplane_infra.component import Component
from reelplane_infra.components.bucket import Bucket, BucketConfig
from reelplane_infra.config import media
from reelplane_infra.place import Place
from reelplane_infra.tags import DataClass


class Media(Component[media.Media]):
    """The bucket and its lifecycle (row S4.12)."""

    data_class = DataClass.PRIMARY

    name: str
    """Known before the bucket is, for the policies of those who use it."""
    arn: pulumi.Output[str]
    domain: pulumi.Output[str]
    bucket: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        config: media.Media,
        place: Place,
        *,
        key_arn: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, config, place, opts)
        made = Bucket(
            f"{name}-store",
            BucketConfig(purpose="media", keep_old_versions_days=config.keep_old_versions_days),
            place,
            key_arn=key_arn,
            readers=[viewers(config, place)],
            lifecycle=lifecycle(config),
            opts=self.child(),
        )
        self.name = place.bucket("media")
        self.arn = made.bucket.arn
        self.bucket = made.bucket.bucket
        self.domain = made.bucket.bucket_regional_domain_name
        self.register_outputs({"arn": self.arn})


def lifecycle(config: media.Media) -> list[s3.BucketLifecycleConfigurationRuleArgs]:
    """Uploads go to Glacier by age, videos with the tag of few views to Standard-IA."""
    key, value = config.unpopular_tag
    return [
        s3.BucketLifecycleConfigurationRuleArgs(
            id="raw-to-glacier",
            status="Enabled",
            filter=s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=config.raw_prefix),
            transitions=[
                s3.BucketLifecycleConfigurationRuleTransitionArgs(
                    days=config.raw_to_glacier_days, storage_class="GLACIER"
                )
            ],
        ),
        s3.BucketLifecycleConfigurationRuleArgs(
            id="unpopular-to-infrequent-access",
            status="Enabled",
            filter=s3.BucketLifecycleConfigurationRuleFilterArgs(
                and_=s3.BucketLifecycleConfigurationRuleFilterAndArgs(
                    prefix=config.processed_prefix, tags={key: value}
                )
            ),
            transitions=[
                s3.BucketLifecycleConfigurationRuleTransitionArgs(
                    days=config.unpopular_to_ia_days, storage_class="STANDARD_IA"
                )
            ],
        ),
    ]


def viewers(config: media.Media, place: Place) -> dict[str, object]:
    """CloudFront reads what is processed, for distributions of this account (origin access control),
    https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/
    private-content-restricting-access-to-s3.html (2026-11)."""
    return {
        "Sid": "DistributionsOfThisAccount",
        "Effect": "Allow",
        "Principal": {"Service": "cloudfront.amazonaws.com"},
        "Action": "s3:GetObject",
        "Resource": f"{{bucket}}/{config.processed_prefix}*",
        "Condition": {"ArnLike": {"aws:SourceArn": place.arn("cloudfront", "distribution/*", region="")}},
    }
