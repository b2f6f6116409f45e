"""Every name, built in one place: ``<environment>-<scope>-<component>-<part>``.

The scope is a region, or ``global`` for what an environment has once. Where a service's names are too short for
that, the region is written as AWS writes it in its zone ids (``usw2``); a name that is still too long is refused
here, with the limit and its source, rather than by the service half an hour into an ``up``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from reelplane_infra.topology import ZONE_ID_PREFIX

GLOBAL: Final = "global"


@dataclass(frozen=True, slots=True)
class Limit:
    """How long a name may be, in characters, and who says so (read 2026-11)."""

    length: int
    source: str


BUCKET = Limit(63, "https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html")
ROLE = Limit(64, "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html")
CLUSTER = Limit(100, "https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateCluster.html")
CACHE = Limit(
    40, "https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateReplicationGroup.html"
)
STREAM = Limit(64, "https://docs.aws.amazon.com/msk/1.0/apireference/clusters.html")
SEARCH = Limit(28, "https://docs.aws.amazon.com/opensearch-service/latest/APIReference/API_CreateDomain.html")
DATABASE = Limit(63, "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBCluster.html")
LOAD_BALANCER = Limit(
    32, "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html"
)


class NameTooLong(ValueError):
    """No form of a name fits its service."""


def name(environment: str, scope: str, *parts: str) -> str:
    """``dev-us-west-2-network-private-a``. Empty parts are left out."""
    return "-".join(part for part in (environment, scope, *parts) if part)


def fitted(limit: Limit, environment: str, scope: str, *parts: str) -> str:
    """The name in the longest form that fits ``limit``. Raises NameTooLong."""
    full = name(environment, scope, *parts)
    if len(full) <= limit.length:
        return full
    short = name(environment, ZONE_ID_PREFIX.get(scope, scope), *parts)
    if len(short) <= limit.length:
        return short
    raise NameTooLong(f"{short}: {len(short)} characters, {limit.length} are allowed ({limit.source})")
