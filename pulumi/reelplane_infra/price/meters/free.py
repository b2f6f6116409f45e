"""What costs nothing by itself, and why."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

REASONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "pulumi:": "known to the engine only",
        "kubernetes:": "an object in a cluster: its pods run on nodes that are priced",
        "aws:iam/": "IAM has no price",
        "aws:acm/": "public certificates have no price",
        "aws:budgets/": "a budget that only mails has no price",
        "aws:ec2/": "VPCs, subnets, routes, groups and rules have no price",
        "aws:vpc/": "rules of security groups have no price",
        "aws:ecr/": "policies and rules of a repository have no price",
        "aws:eks/": "add-ons, access entries and pod identities have no price",
        "aws:s3/": "a setting of a bucket, whose contents are priced",
        "aws:s3control/": "a setting of the account's buckets",
        "aws:kms/alias:": "an alias of a key has no price",
        "aws:kms/keyPolicy:": "a setting of a key",
        "aws:secretsmanager/": "a setting of a secret",
        "aws:cloudwatch/event": "events of AWS services have no price",
        "aws:cloudwatch/logResourcePolicy:": "a setting of the logs",
        "aws:cloudwatch/log": "a setting of a log group, whose contents are priced",
        "aws:cloudfront/": "key groups, policies, access controls and VPC origins have no price",
        "aws:route53/": "records have no price; look-ups of aliases neither",
        "aws:wafv2/": "a setting of a web ACL, whose requests are priced",
        "aws:elasticache/": "groups and users of a cache, whose nodes are priced",
        "aws:msk/": "settings of brokers, which are priced",
        "aws:opensearch/": "settings of a domain, whose nodes are priced",
        "aws:rds/": "groups and the frame of a global database, whose instances are priced",
        "aws:keyspaces/": "a keyspace has no price, its tables have",
        "aws:backup/": "vaults and selections have no price, what they keep has",
        "aws:lb/": "target groups and rules of a load balancer, which is priced",
        "aws:lambda/": "settings of a function",
        "aws:sqs/": "settings of a queue",
        "aws:sns/": "mails of the first thousand have no price",
    }
)
"""By the beginning of the type token; the longest that fits."""

PAID: Final = (
    "aws:ec2/transitGateway",
    "aws:ec2/vpnConnection",
    "aws:ec2/capacityReservation",
    "aws:ec2/ebsVolume",
    "aws:ec2/fleet",
    "aws:ec2/spotFleet",
    "aws:ec2/launchInstance",
    "aws:rds/instance:",
    "aws:rds/proxy:",
    "aws:rds/snapshot",
    "aws:elasticache/cluster:",
    "aws:opensearch/serverless",
    "aws:msk/vpc",
    "aws:cloudfront/multitenant",
    "aws:route53/resolver",
    "aws:s3/directoryBucket",
)
"""Types of the families above that do cost: without a meter they are unknown, not free."""


def free(token: str) -> str | None:
    """Why a type costs nothing; None if it is not known to."""
    if token.startswith(PAID):
        return None
    fitting = [prefix for prefix in REASONS if token.startswith(prefix)]
    return REASONS[max(fitting, key=len)] if fitting else None
