"""What is in several regions at once: databases, wide tables, copies of media and of events, backups.

It is one stack since each of its resources joins regions: a region that cannot be deployed holds up changes to what
joins it to the others, and stops nothing that runs.
"""

from __future__ import annotations

import pulumi

from reelplane_infra.components.backup import Backup
from reelplane_infra.components.links import Links, Side
from reelplane_infra.components.relational import Net, Relational
from reelplane_infra.components.replication import Replication, Store
from reelplane_infra.components.replicator import Replicator, Stream
from reelplane_infra.components.widecolumn import WideColumn
from reelplane_infra.config import Environment, links, replication
from reelplane_infra.inputs import Inputs
from reelplane_infra.outputs.data import DataOutputs
from reelplane_infra.place import Place
from reelplane_infra.secrets import Secret, secret


def declare(environment: Environment, place: Place, inputs: Inputs) -> DataOutputs:
    config = environment.data
    key_arns = inputs.foundation().key_arns
    secondaries = config.relational.secondary_regions
    relational = Relational(
        "relational",
        config.relational,
        place,
        networks={region: _net(region, environment, inputs) for region in (place.region, *secondaries)},
        key_arns=key_arns,
        password=secret(Secret.DATABASE_PASSWORD) if secondaries else None,
    )
    if config.links.enabled:
        _join(environment, config.links, place, inputs)
    keyspace: pulumi.Output[str] | str = ""
    if config.widecolumn is not None:
        wide = WideColumn("widecolumn", config.widecolumn, place, key_arn=key_arns[place.region])
        keyspace = wide.keyspace
    if config.replication is not None:
        _replicate(environment, config.replication, place, inputs)
    if config.replicator is not None:
        for each in environment.primaries:
            if each.recovery is not None:
                Replicator(
                    "replicator",
                    config.replicator,
                    place.at(each.name),
                    source=_stream(each.name, inputs),
                    target=_stream(each.recovery, inputs),
                )
    if config.backup is not None:
        Backup("backup", config.backup, place, key_arns=key_arns)
    shards = relational.shards
    return DataOutputs(
        database_writers=relational.writers,
        database_readers=relational.readers,
        database_name=config.relational.database,
        database_globals=[shard.global_id for shard in shards if shard.global_id is not None],
        database_clusters={
            region: [shard.cluster_arns[region] for shard in shards] for region in shards[0].cluster_arns
        },
        keyspace=keyspace,
    )


def _replicate(
    environment: Environment, config: replication.Replication, place: Place, inputs: Inputs
) -> None:
    names = [each.name for each in environment.regions]
    recovery = {each.name: each.recovery for each in environment.primaries}
    key_arns = inputs.foundation().key_arns
    stores = {
        name: Store(inputs.region(name).media_bucket, inputs.region(name).media_bucket_arn, key_arns[name])
        for name in names
    }
    for primary, targets in replication.targets(config.copies, recovery, names).items():
        media = environment.at(primary).media
        copied = {replication.prefix(media.processed_prefix, primary): targets}
        if config.uploads:
            copied[replication.prefix(media.raw_prefix, primary)] = targets[:1]
        Replication("replication", config, place.at(primary), stores=stores, targets=targets, copied=copied)


def _net(region: str, environment: Environment, inputs: Inputs) -> Net:
    """A region that can have the writer lets every other region in."""
    outputs = inputs.region(region)
    far = [each.name for each in environment.regions if each.name != region]
    open_to = far if region in environment.writers and environment.data.links.enabled else []
    return Net(
        outputs.vpc_id,
        outputs.vpc_cidr,
        outputs.isolated_subnet_ids,
        {each: inputs.region(each).vpc_cidr for each in open_to},
    )


def _join(environment: Environment, config: links.Links, place: Place, inputs: Inputs) -> None:
    names = [each.name for each in environment.regions]
    has_hub = environment.fleet.hub(len(names))
    pairs = links.pairs(environment.writers, names)
    if pairs:
        sides = {name: _side(environment, inputs, name) for name in names}
        Links("links", config, place, sides=sides, pairs=pairs, hub=environment.hub if has_hub else None)


def _side(environment: Environment, inputs: Inputs, region: str) -> Side:
    own, network = inputs.region(region), environment.at(region).network
    private = 0 if network.existing else network.zones
    isolated = 0 if network.existing or region not in environment.writers else 1
    return Side(
        region=region,
        vpc_id=own.vpc_id,
        cidr=own.vpc_cidr,
        private_tables=[own.private_route_table_ids[number] for number in range(private)],
        isolated_tables=[own.isolated_route_table_ids[number] for number in range(isolated)],
        security_group_id=own.cluster_security_group_id,
    )


def _stream(region: str, inputs: Inputs) -> Stream:
    outputs = inputs.region(region)
    return Stream(
        region,
        outputs.stream_arn,
        outputs.stream_security_group_id,
        outputs.vpc_id,
        outputs.isolated_subnet_ids,
    )
