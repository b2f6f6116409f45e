"""Secrets of a stack's own config: what AWS cannot keep for us, encrypted by the stack's secrets provider.

pulumi config set --secret reelplane:databasePassword --stack <environment>.data
"""

from __future__ import annotations

from enum import StrEnum

import pulumi

from reelplane_infra.stack import PROJECT


class Secret(StrEnum):
    """Keys below ``reelplane:``."""

    DATABASE_PASSWORD = "databasePassword"  # noqa: S105 - a key
    """The master's, of databases with several regions: 16 to 128 printable ASCII characters but ``/ @ "`` and space,
    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBCluster.html (2026-11)."""
    ORIGIN_TOKEN = "originToken"  # noqa: S105 - a key
    """What CloudFront says to a load balancer, so that it is known from other people's distributions."""


def secret(key: Secret) -> pulumi.Output[str]:
    """Raises pulumi.ConfigMissingError with the command that sets it."""
    return pulumi.Config(PROJECT).require_secret(key.value)
