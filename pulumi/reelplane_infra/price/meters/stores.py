"""Caches, brokers, search and databases: nodes by the hour, data and requests by the audience."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from reelplane_infra.config.relational import SERVERLESS
from reelplane_infra.price.meters.base import Meter, Site, Use, number, read
from reelplane_infra.price.usage import HOURS, USER_KB, USERS_PER_DAILY
from reelplane_infra.record import Resource

KEPT_DAYS: Final = 7
"""Of events (document 004, line 1598), three copies."""
IO_PER_WRITE: Final = 4
"""Aurora I/O requests per write, data and indexes: own estimate."""
RELATIONAL_WRITES_PER_USER: Final = 0.1
"""A day: profile, follow, session; own estimate."""


def serverless_cache(_: Resource, site: Site) -> Iterator[Use]:
    """The smallest that is billed for Valkey is 100 MB (ElastiCache's price page)."""
    yield Use("cache.serverless.gb", max(site.usage.cache_gb, 0.1) * HOURS)
    yield Use("cache.serverless.ecpu", site.usage.api_requests / 1e6)


def replication_group(resource: Resource, _: Site) -> Iterator[Use]:
    shards = number(resource, "numNodeGroups", 1)
    replicas = number(resource, "replicasPerNodeGroup", 0)
    nodes = number(resource, "numCacheClusters", shards * (1 + replicas))
    yield Use(f"{read(resource, 'nodeType', 'cache.r7g.large')}", nodes * HOURS)


def brokers(resource: Resource, site: Site) -> Iterator[Use]:
    nodes = number(resource, "numberOfBrokerNodes", 3)
    kind = str(read(resource, "brokerNodeGroupInfo.instanceType", "kafka.m7g.large"))
    yield Use(f"msk.{kind}", nodes * HOURS)
    if kind.startswith("express."):
        yield Use("msk.express.in.gb", site.usage.events_gb)
        yield Use("msk.express.storage.gb", site.usage.events_gb * KEPT_DAYS / 30)
    else:
        size = number(resource, "brokerNodeGroupInfo.storageInfo.ebsStorageInfo.volumeSize", 100)
        yield Use("msk.storage.gb", nodes * size)


def serverless_brokers(_: Resource, __: Site) -> Iterator[Use]:
    yield Use("msk.serverless.hour", HOURS)


def replicator(resource: Resource, site: Site) -> Iterator[Use]:
    """Stands in the target's region and takes in the events of the source's, which pays for sending them."""
    arn = str(read(resource, "replicationInfoList.sourceKafkaClusterArn", ""))
    source = arn.split(":")[3] if arn.count(":") >= 5 else site.region
    moved = Site(site.environment, source).usage.events_gb
    yield Use("msk.replicator.hour", HOURS)
    yield Use("msk.replicator.gb", moved)
    yield Use("transfer.region.gb", moved, region=source)


def search_domain(resource: Resource, _: Site) -> Iterator[Use]:
    data = number(resource, "clusterConfig.instanceCount", 1)
    yield _search(resource, "clusterConfig.instanceType", data)
    if read(resource, "clusterConfig.dedicatedMasterEnabled", False):
        masters = number(resource, "clusterConfig.dedicatedMasterCount", 3)
        yield _search(resource, "clusterConfig.dedicatedMasterType", masters)
    yield Use("search.gp3.gb", data * number(resource, "ebsOptions.volumeSize", 10))


def _search(resource: Resource, path: str, nodes: float) -> Use:
    kind = str(read(resource, path, "m7g.large.search")).removesuffix(".search")
    return Use(f"search.{kind}", nodes * HOURS)


def aurora_instance(resource: Resource, site: Site) -> Iterator[Use]:
    """A serverless instance is priced at its minimum capacity, the least that is paid."""
    kind = str(read(resource, "instanceClass", "db.r7g.large"))
    if kind == SERVERLESS:
        yield Use("aurora.acu.hour", site.environment.data.relational.capacity.minimum * HOURS)
    else:
        yield Use(f"aurora.{kind.removeprefix('db.')}", HOURS)


def aurora_cluster(resource: Resource, site: Site) -> Iterator[Use]:
    """A shard's part of all users, stored in every region of a global database; its writes' I/O, and their copies."""
    relational = site.environment.data.relational
    users = site.environment.audience.daily_users / relational.shards
    optimized = read(resource, "storageType", "aurora") == "aurora-iopt1"
    gigabytes = users * USERS_PER_DAILY * USER_KB / 1e6
    million = users * RELATIONAL_WRITES_PER_USER * 30 * IO_PER_WRITE / 1e6
    yield Use("aurora.optimized.storage.gb" if optimized else "aurora.storage.gb", max(gigabytes, 1))
    if site.region != site.environment.hub:
        yield Use("aurora.global.writes", million)
    elif not optimized:
        yield Use("aurora.io", million)


def wide_table(resource: Resource, site: Site) -> Iterator[Use]:
    """A table's part of the store's traffic, each taken to have the same.

    A write is paid in every region of the keyspace; an item of up to 1 KB is one unit, a read of up to 4 KB at
    LOCAL_ONE half of one (Keyspaces' price page). Regions without the store read it in the hub's.
    """
    config = site.environment.data.widecolumn
    if config is None:
        return
    part = 1 / max(len(config.tables), 1)
    month = site.total.share(part)
    regions = config.regions or (site.region,)
    elsewhere = 1 - sum(site.weights.get(each, 0) for each in regions)
    recovered = read(resource, "pointInTimeRecovery.status", "DISABLED") == "ENABLED"
    for region in regions:
        reads = site.weights.get(region, 0) + elsewhere * (region == site.environment.hub)
        yield Use("keyspaces.gb", month.metadata_gb, region=region)
        yield Use("keyspaces.write", month.writes / 1e6, region=region)
        yield Use("keyspaces.read", month.reads * reads / 2 / 1e6, region=region)
        if recovered:
            yield Use("keyspaces.pitr.gb", month.metadata_gb, region=region)


METERS: Final[Mapping[str, Meter]] = {
    "aws:elasticache/serverlessCache:ServerlessCache": serverless_cache,
    "aws:elasticache/replicationGroup:ReplicationGroup": replication_group,
    "aws:msk/cluster:Cluster": brokers,
    "aws:msk/serverlessCluster:ServerlessCluster": serverless_brokers,
    "aws:msk/replicator:Replicator": replicator,
    "aws:opensearch/domain:Domain": search_domain,
    "aws:rds/clusterInstance:ClusterInstance": aurora_instance,
    "aws:rds/cluster:Cluster": aurora_cluster,
    "aws:keyspaces/table:Table": wide_table,
}
