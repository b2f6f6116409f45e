"""The roles of our own pods: the API signs links and so needs what it signs, workers publish, the operator has none.

A presigned link carries its signer's rights, so that the API's role is also the limit of every link it hands out.
ServiceAccounts are named as the operator names them: ``<platform>-api``, ``<pipeline>-download``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pulumi

from reelplane_infra.component import Component
from reelplane_infra.components.identity import PodRole, Statement, allow
from reelplane_infra.config.media import Media
from reelplane_infra.config.platform import Platform
from reelplane_infra.place import Place

KMS = ("kms:Decrypt", "kms:GenerateDataKey")
"""What reading and writing of encrypted objects takes, parts of an upload included,
https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html (2026-11)."""


class Workloads(Component[Platform]):
    """One role for the API, one for the workers of all pipelines."""

    def __init__(
        self,
        name: str,
        config: Platform,
        place: Place,
        *,
        media: Media,
        cluster: str,
        bucket_arn: pulumi.Input[str],
        key_arn: pulumi.Input[str],
        needs: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """``media`` says where objects lie in the bucket; ``needs`` is what must stand before roles are given."""
        super().__init__(name, config, place, opts)
        arns = pulumi.Output.all(bucket_arn, key_arn)
        roles = {
            "api": ([f"{config.name}-api"], ("s3:GetObject", "s3:PutObject")),
            "worker": (
                [f"{each.name}-download" for each in config.pipelines],
                ("s3:PutObject", "s3:AbortMultipartUpload", "s3:DeleteObject"),
            ),
        }
        for part, (accounts, actions) in roles.items():
            PodRole(
                f"{name}-{part}",
                config,
                place,
                cluster=cluster,
                namespace=config.namespace,
                accounts=accounts,
                statements=arns.apply(partial(_on, place, media, actions)),
                needs=needs,
                opts=self.child(),
            )
        self.register_outputs({})


def _on(place: Place, media: Media, actions: Sequence[str], arns: Sequence[str]) -> list[Statement]:
    bucket, key = arns
    return permissions(place, media, actions, bucket=bucket, key=key)


def permissions(
    place: Place, media: Media, actions: Sequence[str], *, bucket: str, key: str
) -> list[Statement]:
    """``actions`` on published objects. Without the right to list, S3 would answer 403 for one that is not there."""
    return [
        allow(actions, [f"{bucket}/{media.processed_prefix}*"]),
        allow(["s3:ListBucket"], [bucket], StringLike={"s3:prefix": [f"{media.processed_prefix}*"]}),
        allow(KMS, [key], StringEquals={"kms:ViaService": f"s3.{place.region}.amazonaws.com"}),
    ]
