"""The layer below the regions: keys, images, who may deploy, the domain, the budget."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, PositiveFloat, PositiveInt, StringConstraints, model_validator

from reelplane_infra.config.base import Config


class Keys(Config):
    """One multi-region KMS key per environment, replicated into every region."""

    deletion_window_days: int = Field(default=30, ge=7, le=30)
    """Days between a key's deletion and its end; 7 to 30,
    https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html (2026-11)."""


class Registry(Config):
    """The images' repositories, in the hub's region and replicated into the others."""

    repositories: tuple[str, ...] = ("workloads", "operator", "extractor")
    keep_untagged_days: PositiveInt = 7
    """Days until an image that lost its tag is removed."""
    keep_images: PositiveInt = Field(default=50, le=1000)
    """Tagged images kept per repository."""


class Deployers(Config):
    """Who may assume the role that runs ``pulumi up``."""

    principals: tuple[
        Annotated[str, StringConstraints(pattern=r"^arn:aws:(iam|sts)::\d{12}:(user|role)/.+$")], ...
    ] = ()
    """IAM users or roles. Empty: no role is made, deploy with credentials of your own."""
    max_session_hours: int = Field(default=2, ge=1, le=12)
    """How long one sign-in lasts; a role's maximum is 12 hours,
    https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html (2026-11)."""


class Zone(Config):
    """The hosted zone of the environment's domain."""

    existing: Annotated[str, StringConstraints(pattern=r"^Z[A-Z0-9]{1,31}$")] | None = None
    """Id of a zone that exists already; None: one is made, to whose name servers the domain's parent must delegate."""


class Budget(Config):
    """A monthly ceiling that mails before it is reached."""

    monthly_usd: PositiveFloat | None = None
    """None: no budget."""
    emails: tuple[Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$")], ...] = Field(
        default=(), max_length=10
    )
    """Who is told (required with a ceiling); AWS sends to at most 10 addresses,
    https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-sns-policy.html (2026-11)."""
    thresholds_percent: tuple[PositiveFloat, ...] = Field(default=(50, 80, 100), min_length=1, max_length=4)
    """Shares of the ceiling at which a mail is sent; one more is sent when the forecast passes it, and a budget has
    at most 5 notifications, https://docs.aws.amazon.com/cost-management/latest/userguide/management-limits.html
    (2026-11)."""

    @model_validator(mode="after")
    def _reaches_somebody(self) -> Self:
        if self.monthly_usd is not None and not self.emails:
            raise ValueError("emails: a budget that mails nobody warns nobody")
        return self


class Foundation(Config):
    """The layer ``foundation``."""

    keys: Keys = Keys()
    registry: Registry = Registry()
    deployers: Deployers = Deployers()
    zone: Zone = Zone()
    budget: Budget = Budget()
