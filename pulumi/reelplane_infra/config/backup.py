"""Backups of the databases, by AWS Backup: a vault in the hub's region, and copies in another.

What is backed up are the relational shards. The wide tables restore themselves to any second of 35 days (AWS Backup
does not know Keyspaces), and media are kept by replication and old versions, since a second copy of every video in a
vault would cost more than the videos.
"""

from __future__ import annotations

from typing import Annotated, Final, Self

from pydantic import Field, PositiveInt, StringConstraints, model_validator

from reelplane_infra.config.base import Config, RegionName

LOCK: Final = "https://docs.aws.amazon.com/aws-backup/latest/devguide/vault-lock.html (2026-11)"


class Lock(Config):
    """AWS Backup Vault Lock: nobody, not even the account's root, removes a backup before its time."""

    minimum_days: PositiveInt = 7
    """No backup with a shorter life is let in."""
    maximum_days: PositiveInt = 400
    changeable_days: int | None = Field(default=None, ge=3)
    """Days until the lock itself can no longer be taken off (compliance mode; 3 at least, by LOCK). None: who has the
    permission can take it off (governance mode)."""


class Rule(Config):
    """When, and for how long."""

    schedule: Annotated[str, StringConstraints(pattern=r"^cron\([^)]+\)$")]
    """AWS's cron form with six fields, in UTC."""
    keep_days: PositiveInt
    copy_days: PositiveInt
    """How long the copy in the other region is kept."""


class Backup(Config):
    """The plan."""

    copy_region: RegionName
    """Where copies go: another region than the hub."""
    daily: Rule = Rule(schedule="cron(0 3 * * ? *)", keep_days=30, copy_days=30)
    monthly: Rule | None = Rule(schedule="cron(0 4 1 * ? *)", keep_days=365, copy_days=365)
    lock: Lock | None = Lock()
    """None: backups can be removed by whoever has the permission."""

    @property
    def rules(self) -> dict[str, Rule]:
        return {"daily": self.daily} | ({"monthly": self.monthly} if self.monthly else {})

    @model_validator(mode="after")
    def _within_lock(self) -> Self:
        if self.lock is None:
            return self
        low, high = self.lock.minimum_days, self.lock.maximum_days
        if low > high:
            raise ValueError(f"lock.minimum_days {low} is more than lock.maximum_days {high}")
        for name, rule in self.rules.items():
            for field, days in (("keep_days", rule.keep_days), ("copy_days", rule.copy_days)):
                if not low <= days <= high:
                    raise ValueError(f"{name}.{field} {days}: the lock lets in {low} to {high} days ({LOCK})")
        return self


def check(backup: Backup, hub: str, regions: tuple[str, ...]) -> None:
    """What only holds within an environment. Raises ValueError."""
    if backup.copy_region == hub:
        raise ValueError(
            f"data.backup.copy_region: {hub} is the hub, where the backups are; name another region"
        )
    if backup.copy_region not in regions:
        raise ValueError(f"data.backup.copy_region: {backup.copy_region} is none of {', '.join(regions)}")
