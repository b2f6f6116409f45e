"""CloudFront's access logs, in a bucket of ours, by CloudWatch's log delivery.

Deliveries of a distribution are declared in us-east-1 wherever the bucket is
(https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logging.html, 2026-11). Cookies and
query strings with signatures are left out of the records: a log must not open a video.
"""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
from pulumi_aws import cloudfront, cloudwatch, s3

from reelplane_infra.component import Component
from reelplane_infra.components.bucket import Bucket, BucketConfig
from reelplane_infra.config import cdn
from reelplane_infra.place import Place

REGION = "us-east-1"
FIELDS = (
    "timestamp", "x-edge-location", "sc-bytes", "c-ip", "cs-method", "cs(Host)", "cs-uri-stem", "sc-status",
    "cs(User-Agent)", "x-edge-result-type", "x-edge-request-id", "cs-protocol", "cs-bytes", "time-taken",
    "ssl-protocol", "cs-protocol-version", "time-to-first-byte", "x-edge-detailed-result-type", "sc-content-type",
    "c-country",
)  # fmt: skip
"""Of the fields that standard logging (v2) knows."""


class AccessLogs(Component[cdn.Cdn]):
    """One bucket, and a delivery into it per distribution."""

    def __init__(
        self,
        name: str,
        config: cdn.Cdn,
        place: Place,
        *,
        distributions: Mapping[str, cloudfront.Distribution],
        key_arn: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """``distributions`` maps the first folder of a log's name to what is logged."""
        super().__init__(name, config, place, opts)
        store = Bucket(
            f"{name}-store",
            BucketConfig(purpose="access-logs", keep_old_versions_days=7),
            place,
            key_arn=key_arn,
            readers=[delivery(place)],
            lifecycle=[
                s3.BucketLifecycleConfigurationRuleArgs(
                    id="old",
                    status="Enabled",
                    filter=s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=""),
                    expiration=s3.BucketLifecycleConfigurationRuleExpirationArgs(days=config.log_days),
                )
            ],
            opts=self.child(),
        )
        destination = cloudwatch.LogDeliveryDestination(
            self.named("bucket"),
            region=REGION,
            name=self.named("bucket"),
            output_format="parquet",
            delivery_destination_configuration={"destination_resource_arn": store.bucket.arn},
            tags=self.tags(),
            opts=self.child(depends_on=[store]),
        )
        for folder, distribution in distributions.items():
            source = cloudwatch.LogDeliverySource(
                self.named(folder),
                region=REGION,
                name=self.named(folder),
                log_type="ACCESS_LOGS",
                resource_arn=distribution.arn,
                tags=self.tags(),
                opts=self.child(),
            )
            cloudwatch.LogDelivery(
                self.named(folder),
                region=REGION,
                delivery_source_name=source.name,
                delivery_destination_arn=destination.arn,
                record_fields=list(FIELDS),
                s3_delivery_configurations=[
                    {
                        "suffix_path": f"{folder}/{{yyyy}}/{{MM}}/{{dd}}/{{HH}}",
                        "enable_hive_compatible_path": False,
                    }
                ],
                tags=self.tags(),
                opts=self.child(),
            )
        self.register_outputs({})


def delivery(place: Place) -> dict[str, object]:
    """What the bucket's policy lets CloudWatch's delivery do, for sources of this account,
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-infrastructure-V2-S3.html (2026-11)."""
    return {
        "Sid": "LogDelivery",
        "Effect": "Allow",
        "Principal": {"Service": "delivery.logs.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": "{bucket}/*",
        "Condition": {
            "StringEquals": {"aws:SourceAccount": place.account},
            "ArnLike": {"aws:SourceArn": place.arn("logs", "delivery-source:*", region=REGION)},
        },
    }
