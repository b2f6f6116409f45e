"""Vaults in two regions, the plan that fills them, and what it takes: every database of the environment by its tags."""

from __future__ import annotations

import json
from typing import Any

import pulumi
from pulumi_aws import backup as aws
from pulumi_aws import iam

from reelplane_infra import naming
from reelplane_infra.component import Component
from reelplane_infra.components.identity import trust
from reelplane_infra.config import backup
from reelplane_infra.place import Place
from reelplane_infra.tags import DataClass

SERVICE_POLICY = "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup"
"""AWS's policy for making backups,
https://docs.aws.amazon.com/aws-backup/latest/devguide/iam-service-roles.html (2026-11)."""


class Backup(Component[backup.Backup]):
    """One plan, a vault in the hub's region and one where the copies go."""

    data_class = DataClass.PRIMARY

    def __init__(
        self,
        name: str,
        config: backup.Backup,
        place: Place,
        *,
        key_arns: pulumi.Output[dict[str, str]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, config, place, opts)
        vault = self._vault(place.region, key_arns[place.region])
        copies = self._vault(config.copy_region, key_arns[config.copy_region])
        plan = aws.Plan(
            self.named("plan"),
            region=place.region,
            name=self.named("plan"),
            rules=[
                {
                    "rule_name": rule_name,
                    "target_vault_name": vault.name,
                    "schedule": rule.schedule,
                    "lifecycle": {"delete_after": rule.keep_days},
                    "copy_actions": [
                        {"destination_vault_arn": copies.arn, "lifecycle": {"delete_after": rule.copy_days}}
                    ],
                }
                for rule_name, rule in config.rules.items()
            ],
            tags=self.tags(),
            opts=self.child(),
        )
        role = iam.Role(
            self.named("role"),
            name=place.fitted(naming.ROLE, name),
            assume_role_policy=json.dumps(trust("backup.amazonaws.com", place)),
            tags=self.tags(),
            opts=self.child(),
        )
        iam.RolePolicyAttachment(
            self.named("role"), role=role.name, policy_arn=SERVICE_POLICY, opts=self.child()
        )
        aws.Selection(
            self.named("databases"),
            region=place.region,
            name=self.named("databases"),
            plan_id=plan.id,
            iam_role_arn=role.arn,
            resources=[place.arn("rds", "cluster:*")],
            conditions=[
                {
                    "string_equals": [
                        {"key": f"aws:ResourceTag/{key}", "value": value}
                        for key, value in (
                            ("reelplane:environment", place.environment),
                            ("reelplane:data", DataClass.PRIMARY.value),
                        )
                    ]
                }
            ],
            opts=self.child(),
        )
        self.register_outputs({})

    def _vault(self, region: str, key_arn: pulumi.Input[str]) -> aws.Vault:
        vault = aws.Vault(
            self.named("vault", region),
            region=region,
            name=self.place.at(region).name(self.component),
            kms_key_arn=key_arn,
            tags=self.data_tags(),
            opts=self.data(),
        )
        lock = self.config.lock
        if lock is not None:
            settings: dict[str, Any] = {
                "min_retention_days": lock.minimum_days,
                "max_retention_days": lock.maximum_days,
            }
            if lock.changeable_days is not None:
                settings["changeable_for_days"] = lock.changeable_days
            aws.VaultLockConfiguration(
                self.named("lock", region),
                region=region,
                backup_vault_name=vault.name,
                opts=self.data(),
                **settings,
            )
        return vault
