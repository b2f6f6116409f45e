"""The web application firewall before CloudFront."""

from __future__ import annotations

from typing import Final, Literal, Self

from pydantic import Field, PositiveInt, model_validator

from reelplane_infra.config.base import Config
from reelplane_infra.config.cdn import CountryCode
from reelplane_infra.config.network import LOG_RETENTION_DAYS

RATE: Final = "https://docs.aws.amazon.com/waf/latest/APIReference/API_RateBasedStatement.html (2026-11)"
MINIMUM_LIMIT: Final = 10
"""The smallest limit of a rate rule, by RATE."""

ManagedRules = Literal[
    "AWSManagedRulesAmazonIpReputationList",
    "AWSManagedRulesCommonRuleSet",
    "AWSManagedRulesKnownBadInputsRuleSet",
    "AWSManagedRulesAnonymousIpList",
]
"""Rule groups that AWS keeps. All four together take 975 capacity units of the 1,500 that a web ACL has at the basic
price, https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-list.html (2026-11)."""


class Firewall(Config):
    """What is refused before it reaches a region."""

    requests_per_second: PositiveInt = 100
    """Of one address, averaged over ``window_seconds`` (S4.14: 100 a second)."""
    window_seconds: Literal[60, 120, 300, 600] = 300
    """The windows there are, by RATE."""
    managed: tuple[ManagedRules, ...] = (
        "AWSManagedRulesAmazonIpReputationList",
        "AWSManagedRulesCommonRuleSet",
        "AWSManagedRulesKnownBadInputsRuleSet",
    )
    blocked_countries: tuple[CountryCode, ...] = Field(default=(), max_length=50)
    """From where nothing is accepted, at most 50 in a statement,
    https://docs.aws.amazon.com/waf/latest/APIReference/API_GeoMatchStatement.html (2026-11)."""
    media: bool = False
    """Before the media too. They open by a signature only, and a web ACL is paid by the request: at a video's many
    segments that is more than the videos' storage."""
    under_attack: bool = False
    """Every viewer's browser is challenged before it is served, and the limit is a tenth. Clients that run no
    JavaScript are refused meanwhile: switch it on for an attack, not for good (S1.13)."""
    log_days: int = 30
    """Days that refused requests are kept in the log; what was let through is not logged."""

    @property
    def limit(self) -> int:
        """Requests of one address within the window."""
        limit = self.requests_per_second * self.window_seconds
        return max(MINIMUM_LIMIT, limit // 10) if self.under_attack else limit

    @model_validator(mode="after")
    def _retention(self) -> Self:
        if self.log_days not in LOG_RETENTION_DAYS:
            raise ValueError(f"log_days {self.log_days}: CloudWatch Logs keeps {LOG_RETENTION_DAYS} days")
        return self
