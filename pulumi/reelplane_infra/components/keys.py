"""One KMS key for the environment, with the same id and material in every region.

What is encrypted in one region can then be decrypted in another without a re-encryption on the way, which is what a
failover reads. https://docs.aws.amazon.com/kms/latest/developerguide/multi-region-keys-overview.html (2026-11)
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import pulumi
from pulumi_aws import kms

from reelplane_infra.component import Component
from reelplane_infra.config import foundation
from reelplane_infra.place import Place
from reelplane_infra.tags import DataClass


class Keys(Component[foundation.Keys]):
    """The key in the hub's region, a replica in every other, and an alias for each."""

    data_class = DataClass.PRIMARY

    arns: pulumi.Output[dict[str, str]]
    """Region -> ARN."""

    def __init__(
        self,
        name: str,
        config: foundation.Keys,
        place: Place,
        *,
        regions: Sequence[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, config, place, opts)
        primary = kms.Key(
            self.named("primary"),
            region=place.region,
            description=f"{place.environment}: everything at rest",
            multi_region=True,
            enable_key_rotation=True,
            deletion_window_in_days=config.deletion_window_days,
            policy=json.dumps(policy(place)),
            tags=self.data_tags(),
            opts=self.data(),
        )
        arns: dict[str, pulumi.Output[str]] = {place.region: primary.arn}
        self._alias(place.region, primary.key_id)
        for region in regions:
            if region == place.region:
                continue
            replica = kms.ReplicaKey(
                self.named("replica", region),
                region=region,
                primary_key_arn=primary.arn,
                description=f"{place.environment}: everything at rest, in {region}",
                deletion_window_in_days=config.deletion_window_days,
                policy=json.dumps(policy(place.at(region))),
                tags=self.data_tags(),
                opts=self.data(),
            )
            arns[region] = replica.arn
            self._alias(region, replica.key_id)
        self.arns = pulumi.Output.all(**arns)
        self.register_outputs({"arns": self.arns})

    def _alias(self, region: str, key_id: pulumi.Input[str]) -> None:
        kms.Alias(
            self.named("alias", region),
            region=region,
            name=f"alias/reelplane/{self.place.environment}",
            target_key_id=key_id,
            opts=self.child(),
        )


def policy(place: Place) -> dict[str, object]:
    """Who may use the key in ``place``: what IAM allows in the account, and the two services that act by themselves.

    CloudWatch Logs is held to the account's log groups
    (https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html), CloudFront to the account's
    distributions, which read encrypted media through origin access control
    (https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-restricting-access-to-s3.html;
    both 2026-11).
    """
    use = [
        "kms:Encrypt",
        "kms:Decrypt",
        "kms:ReEncryptFrom",
        "kms:ReEncryptTo",
        "kms:GenerateDataKey",
        "kms:DescribeKey",
    ]
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "AccountDecidesByIam",
                "Effect": "Allow",
                "Principal": {"AWS": place.arn("iam", "root", region="")},
                "Action": "kms:*",
                "Resource": "*",
            },
            {
                "Sid": "LogGroupsOfThisAccount",
                "Effect": "Allow",
                "Principal": {"Service": f"logs.{place.region}.amazonaws.com"},
                "Action": use,
                "Resource": "*",
                "Condition": {
                    "ArnLike": {"kms:EncryptionContext:aws:logs:arn": place.arn("logs", "log-group:*")}
                },
            },
            {
                # Writes CloudFront's access logs; its sources are declared in us-east-1.
                "Sid": "LogDeliveriesOfThisAccount",
                "Effect": "Allow",
                "Principal": {"Service": "delivery.logs.amazonaws.com"},
                "Action": use,
                "Resource": "*",
                "Condition": {
                    "StringEquals": {"aws:SourceAccount": place.account},
                    "ArnLike": {"aws:SourceArn": place.arn("logs", "delivery-source:*", region="us-east-1")},
                },
            },
            {
                "Sid": "DistributionsOfThisAccount",
                "Effect": "Allow",
                "Principal": {"Service": "cloudfront.amazonaws.com"},
                "Action": ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"],
                "Resource": "*",
                "Condition": {
                    "ArnLike": {"aws:SourceArn": place.arn("cloudfront", "distribution/*", region="")}
                },
            },
        ],
    }
