"""What holds data cannot be deleted by a mistake, neither by Pulumi nor at AWS.

Whether it is also kept at AWS when it leaves the program (``retainOnDelete``) is not in what the engine tells an
analyzer; a recorded plan has it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from reelplane_policies.rule import Resource, Rule, Settings, Violation, at, true

HOLDERS: Final = frozenset(
    {
        "aws:backup/vault:Vault",
        "aws:dynamodb/table:Table",
        "aws:ecr/repository:Repository",
        "aws:efs/fileSystem:FileSystem",
        "aws:elasticache/replicationGroup:ReplicationGroup",
        "aws:elasticache/serverlessCache:ServerlessCache",
        "aws:keyspaces/keyspace:Keyspace",
        "aws:keyspaces/table:Table",
        "aws:kms/key:Key",
        "aws:kms/replicaKey:ReplicaKey",
        "aws:msk/cluster:Cluster",
        "aws:opensearch/domain:Domain",
        "aws:rds/cluster:Cluster",
        "aws:rds/globalCluster:GlobalCluster",
        "aws:route53/zone:Zone",
        "aws:s3/bucket:Bucket",
        "aws:secretsmanager/secret:Secret",
    }
)
"""Types that hold data, keys to data, or what the world knows the platform by."""
HELD_CLASSES: Final = ("primary", "derived")
"""Values of the tag reelplane:data that say something would be lost."""
GUARDS: Final = {
    "aws:rds/cluster:Cluster": "deletionProtection",
    "aws:rds/globalCluster:GlobalCluster": "deletionProtection",
    "aws:rds/instance:Instance": "deletionProtection",
    "aws:eks/cluster:Cluster": "deletionProtection",
    "aws:lb/loadBalancer:LoadBalancer": "enableDeletionProtection",
    "aws:dynamodb/table:Table": "deletionProtectionEnabled",
}
"""AWS's own refusal to delete, by type."""


def _protected(resource: Resource, settings: Settings) -> Iterator[Violation]:
    held = resource.type in HOLDERS or resource.tags.get("reelplane:data") in HELD_CLASSES
    if held and not resource.protect and not settings.teardown:
        yield Violation("", "holds data: it has to have the option protect")


def _guarded(resource: Resource, settings: Settings) -> Iterator[Violation]:
    for path, value in at(resource.props, GUARDS[resource.type]):
        if not true(value) and isinstance(value, bool | str | None) and not settings.teardown:
            yield Violation(path, "has to be true")


def _final(resource: Resource, settings: Settings) -> Iterator[Violation]:
    if not settings.teardown and resource.props.get("skipFinalSnapshot") is not False:
        yield Violation("skipFinalSnapshot", "has to be false")


RULES = (
    Rule("protect", "What holds data is protected", _protected, settings=("teardown",)),
    Rule(
        "deletion-protection", "AWS refuses to delete it", _guarded, frozenset(GUARDS), settings=("teardown",)
    ),
    Rule(
        "rds-final-snapshot",
        "A database that is deleted leaves a snapshot",
        _final,
        frozenset({"aws:rds/cluster:Cluster", "aws:rds/instance:Instance"}),
        settings=("teardown",),
    ),
)
