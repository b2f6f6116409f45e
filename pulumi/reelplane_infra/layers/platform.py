"""What runs in a region's cluster, in a layer of its own: the cluster can be asked only once it stands.

    Karpenter ─► pools ─► charts ─► Secret ``stores`` ─► VideoPlatform, VideoPipelines ─► targets of the balancer

With a hub the last but one are the layer ``fleet``'s, which writes them through the hub's operator.
"""

from __future__ import annotations

import pulumi

from reelplane_infra.components import charts
from reelplane_infra.components.access import provider
from reelplane_infra.components.cluster import cluster_name
from reelplane_infra.components.declarations import (
    Declarations,
    bucket,
    registry_at,
    video_pipelines,
    video_platform,
)
from reelplane_infra.components.nodes import Nodes
from reelplane_infra.components.space import Space
from reelplane_infra.components.targets import Targets
from reelplane_infra.components.vault import Vault
from reelplane_infra.config import Environment
from reelplane_infra.inputs import Inputs
from reelplane_infra.outputs.platform import PlatformOutputs
from reelplane_infra.place import Place

STORES_OF_THE_PLATFORM = ("cache", "queue")


def declare(environment: Environment, place: Place, inputs: Inputs) -> PlatformOutputs:
    config, region = environment.platform, environment.at(place.region)
    foundation, own, data = inputs.foundation(), inputs.region(place.region), inputs.data()
    cluster = cluster_name(region.cluster, place)
    registry = foundation.repository_urls.apply(
        lambda urls: registry_at(urls["workloads"], environment.hub, place.region)
    )
    kubernetes = provider(place, name=own.cluster_name, endpoint=own.cluster_endpoint, ca=own.cluster_ca)
    there = pulumi.ResourceOptions(providers=[kubernetes])
    hub = environment.fleet.hub(len(environment.regions))

    controller = charts.Charts(
        "first",
        config,
        place,
        charts=charts.first(config.charts, cluster=own.cluster_name, queue=own.interruption_queue),
        opts=there,
    )
    nodes = Nodes(
        "nodes",
        region.pools,
        place,
        node_role_name=own.node_role_name,
        subnet_ids=own.private_subnet_ids,
        security_group_id=own.cluster_security_group_id,
        needs=list(controller.made.values()),
        opts=there,
    )
    releases = charts.Charts(
        "charts",
        config,
        place,
        charts=charts.then(
            config, cluster=own.cluster_name, region=place.region, vpc_id=own.vpc_id, registry=registry
        ),
        after=nodes.made,
        opts=there,
    ).made
    space = Space("space", config, place, hub=hub, opts=there)
    vault = Vault(
        "vault",
        region.secrets,
        place,
        cluster=cluster,
        namespace=config.namespace,
        hosts={use: own.cache_endpoints[use] for use in STORES_OF_THE_PLATFORM},
        known={use: own.cache_secrets[use] for use in STORES_OF_THE_PLATFORM},
        database=data.database_name,
        database_host=data.database_writers[0],
        key_arn=foundation.key_arns[place.region],
        needs=[releases[charts.SECRETS], space.namespace],
        kubernetes=kubernetes,
        opts=there,
    )
    if not hub:
        Declarations(
            "declarations",
            config,
            place,
            objects=[
                (
                    "VideoPlatform",
                    config.name,
                    pulumi.Output.all(own.media_bucket, registry).apply(
                        lambda found: video_platform(
                            config,
                            config.namespace,
                            bucket(found[0], place.region, region.media),
                            f"{found[1]}/workloads:{config.release}",
                        )
                    ),
                ),
                *video_pipelines(config, config.namespace),
            ],
            after=[releases["reelplane"], vault.urls],
            opts=there,
        )
    Targets(
        "targets",
        config,
        place,
        cluster=cluster,
        target_group_arn=own.target_group_arn,
        needs=[releases[charts.BALANCER], space.namespace],
        kubernetes=kubernetes,
        opts=there,
    )
    return PlatformOutputs(namespace=config.namespace, registry=registry)
