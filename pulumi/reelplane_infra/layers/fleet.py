"""The hub: what the regions are made from, one RegionDeployment for each, and how the hub signs in to them.

The VideoPlatform and the VideoPipelines here are patterns and paused: nothing runs from them at the hub. An
environment of one region has no hub, and its layer ``platform`` writes both itself.
"""

from __future__ import annotations

import pulumi
from pulumi_kubernetes.core.v1 import Namespace

from reelplane_infra.components.access import provider
from reelplane_infra.components.cluster import cluster_name
from reelplane_infra.components.declarations import (
    PAUSED,
    Declarations,
    Manifest,
    bucket,
    region_deployment,
    registry_at,
    video_pipelines,
    video_platform,
)
from reelplane_infra.components.rotation import Remote, Rotation, secret
from reelplane_infra.config import Environment, Region
from reelplane_infra.inputs import Inputs
from reelplane_infra.outputs.fleet import FleetOutputs
from reelplane_infra.place import Place


def declare(environment: Environment, place: Place, inputs: Inputs) -> FleetOutputs:
    config = environment.platform
    if not environment.fleet.hub(len(environment.regions)):
        return FleetOutputs()
    namespace = environment.fleet.namespace
    own = inputs.region(environment.hub)
    kubernetes = provider(place, name=own.cluster_name, endpoint=own.cluster_endpoint, ca=own.cluster_ca)
    there = pulumi.ResourceOptions(providers=[kubernetes])
    space = Namespace(
        place.name("namespace"),
        metadata={"name": namespace},
        opts=pulumi.ResourceOptions(provider=kubernetes),
    )
    others = [each.name for each in environment.regions if each.name != environment.hub]
    Rotation(
        "rotation",
        environment.fleet,
        place,
        cluster=cluster_name(environment.at(environment.hub).cluster, Place.of(environment, environment.hub)),
        namespace=space,
        remotes=[
            Remote(each, of.cluster_name, of.cluster_endpoint, of.cluster_ca)
            for each, of in ((each, inputs.region(each)) for each in others)
        ],
        opts=there,
    )
    Declarations(
        "patterns",
        config,
        place,
        objects=[
            ("VideoPlatform", config.name, _pattern(environment, inputs)),
            *video_pipelines(config, namespace),
        ],
        annotations=PAUSED,
        after=[space],
        opts=there,
    )
    Declarations(
        "regions",
        config,
        place,
        objects=[
            ("RegionDeployment", each.name, _deployment(environment, each, inputs))
            for each in environment.regions
        ],
        after=[space],
        opts=there,
    )
    return FleetOutputs()


def _pattern(environment: Environment, inputs: Inputs) -> pulumi.Output[Manifest]:
    """With the hub's own bucket and images, which every RegionDeployment replaces by its region's."""
    config, hub = environment.platform, environment.hub
    media = environment.at(hub).media
    return pulumi.Output.all(inputs.region(hub).media_bucket, _registry(environment, inputs, hub)).apply(
        lambda found: video_platform(
            config,
            environment.fleet.namespace,
            bucket(found[0], hub, media),
            f"{found[1]}/workloads:{config.release}",
        )
    )


def _deployment(environment: Environment, region: Region, inputs: Inputs) -> pulumi.Output[Manifest]:
    own, config = inputs.region(region.name), environment.platform
    return pulumi.Output.all(
        own.media_bucket, _registry(environment, inputs, region.name), own.balancer_host
    ).apply(
        lambda found: region_deployment(
            config,
            environment.fleet.namespace,
            region=region.name,
            role=region.role.value.capitalize(),
            weight=region.weight,
            kubeconfig=None if region.name == environment.hub else secret(region.name),
            objects=bucket(found[0], region.name, environment.at(region.name).media),
            workloads=f"{found[1]}/workloads:{config.release}",
            domain=found[2],
        )
    )


def _registry(environment: Environment, inputs: Inputs, region: str) -> pulumi.Output[str]:
    return inputs.foundation().repository_urls.apply(
        lambda urls: registry_at(urls["workloads"], environment.hub, region)
    )
