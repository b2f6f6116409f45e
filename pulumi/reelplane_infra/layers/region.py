"""What every region has of its own, so that none fails with another: its network first, then what stands in it.

    network ─► cluster ─► roles of pods, Karpenter's queue
            └► stores (Valkey, MSK, OpenSearch) that let the cluster's nodes in
            └► load balancer before the API
    media bucket

A quota that the pools may outgrow is reported here as a warning: every preview shows it, none is stopped by it.
"""

from __future__ import annotations

from typing import Any

import pulumi

from reelplane_infra.components.balancer import Balancer
from reelplane_infra.components.cache import Cache
from reelplane_infra.components.cluster import Cluster, cluster_name
from reelplane_infra.components.karpenter import Karpenter
from reelplane_infra.components.media import Media
from reelplane_infra.components.network import Network
from reelplane_infra.components.search import Search
from reelplane_infra.components.stream import Stream
from reelplane_infra.components.workloads import Workloads
from reelplane_infra.config import Environment
from reelplane_infra.inputs import Inputs
from reelplane_infra.outputs.region import RegionOutputs
from reelplane_infra.place import Place

VCPUS_PER_CONTROLLER = 2
"""Of the managed group's nodes, one more of which runs while they are updated."""


def declare(environment: Environment, place: Place, inputs: Inputs) -> RegionOutputs:
    config = environment.at(place.region)
    foundation = inputs.foundation()
    key_arn = foundation.key_arns[place.region]
    network = Network(
        "network", config.network, place, slot=environment.find(place.region).slot, key_arn=key_arn
    )
    name = cluster_name(config.cluster, place)
    cluster = Cluster(
        "cluster",
        config.cluster,
        place,
        vpc_id=network.vpc_id,
        subnet_ids=network.private_subnet_ids,
        key_arn=key_arn,
    )
    karpenter = Karpenter("karpenter", config.pools, place, cluster=name, cluster_name=cluster.name)
    media = Media("media", config.media, place, key_arn=key_arn)
    Workloads(
        "workloads",
        environment.platform,
        place,
        media=config.media,
        cluster=name,
        bucket_arn=media.arn,
        key_arn=key_arn,
        needs=cluster.ready,
    )
    balancer = Balancer(
        "balancer",
        config.balancer,
        place,
        domain=environment.domain,
        zone_id=foundation.zone_id,
        vpc_id=network.vpc_id,
        subnet_ids=network.public_subnet_ids,
        nodes_group_id=cluster.security_group_id,
    )
    store: dict[str, Any] = {
        "vpc_id": network.vpc_id,
        "subnet_ids": network.isolated_subnet_ids,
        "nodes_group_id": cluster.security_group_id,
        "key_arn": key_arn,
    }
    cache = Cache("cache", config.cache, place, credentials=config.secrets, **store)
    stream = Stream("stream", config.stream, place, **store) if config.stream else None
    search = Search("search", config.search, place, **store) if config.search else None
    controllers = 0 if config.cluster.existing else 1 + config.cluster.controllers.nodes
    for need in config.pools.needs(controllers * VCPUS_PER_CONTROLLER):
        if not need.met:
            pulumi.log.warn(need.told(place.region))
    return RegionOutputs(
        vpc_id=network.vpc_id,
        vpc_cidr=network.cidr,
        private_subnet_ids=network.private_subnet_ids,
        isolated_subnet_ids=network.isolated_subnet_ids,
        public_subnet_ids=network.public_subnet_ids,
        private_route_table_ids=network.private_route_table_ids,
        isolated_route_table_ids=network.isolated_route_table_ids,
        cluster_name=cluster.name,
        cluster_endpoint=cluster.endpoint,
        cluster_ca=cluster.ca,
        cluster_security_group_id=cluster.security_group_id,
        node_role_name=karpenter.node_role_name,
        interruption_queue=karpenter.queue_name,
        media_bucket=media.bucket,
        media_bucket_arn=media.arn,
        media_bucket_domain=media.domain,
        cache_endpoints=pulumi.Output.all(**cache.endpoints),
        cache_secrets=dict(cache.secrets),
        stream_arn=stream.arn if stream else "",
        stream_brokers=stream.brokers if stream else "",
        stream_security_group_id=stream.security_group_id if stream else "",
        search_endpoint=search.endpoint if search else "",
        balancer_arn=balancer.arn,
        balancer_dns_name=balancer.dns_name,
        balancer_zone_id=balancer.zone_id,
        balancer_host=balancer.host,
        target_group_arn=balancer.target_group_arn,
        balancer_listener_arn=balancer.listener_arn,
        balancer_security_group_id=balancer.security_group_id,
    )
