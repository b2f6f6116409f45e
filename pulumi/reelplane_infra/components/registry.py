"""The images' repositories: in the hub's region, and replicated into every other, so that a region pulls its own."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pulumi
from pulumi_aws import ecr

from reelplane_infra.component import Component
from reelplane_infra.config import foundation
from reelplane_infra.place import Place
from reelplane_infra.tags import DataClass


class Registry(Component[foundation.Registry]):
    """Repositories whose tags never move, scanned when pushed to, and the registry's replication."""

    data_class = DataClass.DERIVED

    urls: pulumi.Output[dict[str, str]]
    """Image -> where it is pushed to."""

    def __init__(
        self,
        name: str,
        config: foundation.Registry,
        place: Place,
        *,
        regions: Sequence[str],
        key_arn: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, config, place, opts)
        prefix = f"reelplane-{place.environment}"
        urls: dict[str, pulumi.Output[str]] = {}
        for image in config.repositories:
            repository = ecr.Repository(
                self.named(image),
                region=place.region,
                name=f"{prefix}/{image}",
                image_tag_mutability="IMMUTABLE",
                image_scanning_configuration={"scan_on_push": True},
                encryption_configurations=[{"encryption_type": "KMS", "kms_key": key_arn}],
                tags=self.data_tags(),
                opts=self.data(),
            )
            ecr.LifecyclePolicy(
                self.named(image),
                region=place.region,
                repository=repository.name,
                policy=json.dumps(lifecycle(config)),
                opts=self.child(),
            )
            urls[image] = repository.repository_url
        others = [each for each in regions if each != place.region]
        if others:
            self._replicate(others, prefix)
        self.urls = pulumi.Output.all(**urls)
        self.register_outputs({"urls": self.urls})

    def _replicate(self, regions: Sequence[str], prefix: str) -> None:
        """One configuration per account and region: it belongs to the environment whose hub is here."""
        ecr.ReplicationConfiguration(
            self.named("replication"),
            region=self.place.region,
            replication_configuration={
                "rules": [
                    {
                        "destinations": [
                            {"region": each, "registry_id": self.place.account} for each in regions
                        ],
                        "repository_filters": [{"filter": f"{prefix}/", "filter_type": "PREFIX_MATCH"}],
                    }
                ]
            },
            opts=self.child(),
        )


def lifecycle(config: foundation.Registry) -> dict[str, object]:
    """What is removed: images without a tag by age, images with one by count. Rules apply by their priority,
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html (2026-11)."""
    expire = {"type": "expire"}
    return {
        "rules": [
            {
                "rulePriority": 1,
                "description": "images that lost their tag",
                "selection": {
                    "tagStatus": "untagged",
                    "countType": "sinceImagePushed",
                    "countUnit": "days",
                    "countNumber": config.keep_untagged_days,
                },
                "action": expire,
            },
            {
                "rulePriority": 2,
                "description": "all but the newest images",
                "selection": {
                    "tagStatus": "any",
                    "countType": "imageCountMoreThan",
                    "countNumber": config.keep_images,
                },
                "action": expire,
            },
        ]
    }
