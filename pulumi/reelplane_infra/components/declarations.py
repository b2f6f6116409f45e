"""VideoPlatform, VideoPipelines and RegionDeployments, written from the models that the CRDs are made of.

An object that a cluster's API server would refuse is thus refused while the plan is made, with the field's name. The
stores' addresses and passwords are not in them: they stand in a Secret (``vault``) that the objects refer to.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

from reelplane_crds.kinds import RegionDeployment, Resource, VideoPipeline, VideoPlatform
from reelplane_infra.component import Component
from reelplane_infra.components.nodes import POOL
from reelplane_infra.config import platform
from reelplane_infra.config.media import Media
from reelplane_infra.place import Place

STORES: Final = "stores"
"""The Secret of a platform's namespace, with the keys ``cache``, ``queue`` and ``database``: URLs."""
PAUSED: Final = {"reelplane.io/paused": "true"}
"""At the hub: a pattern for the regions, from which nothing runs there."""

Manifest = dict[str, Any]


def video_platform(config: platform.Platform, namespace: str, objects: Manifest, workloads: str) -> Manifest:
    """The platform. ``objects`` is as ``bucket`` makes it, ``workloads`` the image of API and workers.

    No domain: the load balancer reaches the API's pods by itself, and an Ingress would have nobody to serve it.
    """
    least, most = config.api_replicas
    return _checked(
        VideoPlatform,
        name=config.name,
        namespace=namespace,
        spec={
            "api": {
                "replicas": {"min": least, "max": most},
                # CloudFront and the load balancer, which stand between the client and the pods.
                "trustedProxies": ["10.0.0.0/8"],
                "pods": _on("api"),
            },
            "cache": {"external": {"urlFrom": {"secret": STORES, "key": "cache"}}},
            "queue": {"external": {"urlFrom": {"secret": STORES, "key": "queue"}}},
            "database": {"postgres": {"urlFrom": {"secret": STORES, "key": "database"}}},
            "objects": objects,
            "images": {"workloads": workloads},
            "deletionPolicy": "Orphan",
        },
    )


def bucket(name: str, region: str, media: Media) -> Manifest:
    """``spec.objects``: the region's bucket, with the pods' own role."""
    return {"s3": {"bucket": name, "region": region, "prefix": media.processed_prefix}}


def registry_at(url: str, hub: str, region: str) -> str:
    """The registry's host and prefix in ``region``, of a repository's URL in the hub's: each region pulls its own."""
    return url.rpartition("/")[0].replace(f".{hub}.", f".{region}.")


def video_pipelines(config: platform.Platform, namespace: str) -> list[tuple[str, str, Manifest]]:
    """All pipelines as ``Declarations`` takes them. More than one are a warning, as the operator does not run them."""
    if len(config.pipelines) > 1:
        pulumi.log.warn(
            f"pipelines {', '.join(each.name for each in config.pipelines)}: the operator runs a platform's oldest"
            " one only; the others' workers are priced, and none of them starts"
        )
    return [
        ("VideoPipeline", each.name, _video_pipeline(config, each, namespace)) for each in config.pipelines
    ]


def _video_pipeline(config: platform.Platform, each: platform.Pipeline, namespace: str) -> Manifest:
    """One pipeline, bound to the pool of its class."""
    return _checked(
        VideoPipeline,
        name=each.name,
        namespace=namespace,
        spec={
            "platform": config.name,
            "workers": {
                "download": {
                    "min": each.min,
                    "max": each.max,
                    "concurrency": each.concurrency,
                    "spot": each.spot,
                    "class": each.workers,
                    "fallback": "Wait",
                    "pods": _on("gpu" if each.workers == "Gpu" else "workers"),
                }
            },
            "deletionPolicy": "Orphan",
        },
    )


def region_deployment(
    config: platform.Platform,
    namespace: str,
    *,
    region: str,
    role: str,
    weight: int,
    kubeconfig: str | None,
    objects: Manifest,
    workloads: str,
    domain: str,
) -> Manifest:
    """One region, seen from the hub. ``role`` is Primary or Recovery; ``kubeconfig`` names the Secret with the
    region's kubeconfig, None for the hub's own cluster; ``domain`` is where the region alone answers."""
    cluster: Manifest = (
        {"kubeconfigFrom": {"secret": kubeconfig, "key": "kubeconfig"}} if kubeconfig else {"inCluster": {}}
    )
    return _checked(
        RegionDeployment,
        name=region,
        namespace=namespace,
        annotations={"reelplane.io/endpoint": f"https://{domain}"},
        spec={
            "platform": config.name,
            "region": region,
            "role": role,
            "weight": weight,
            "cluster": cluster,
            "namespace": config.namespace,
            "overrides": {"objects": objects, "images": {"workloads": workloads}},
            "deletionPolicy": "Orphan",
        },
    )


def _on(pool: str) -> Manifest:
    """``spec...pods``: the nodes of that pool and no others. GPU nodes carry only the taint of what they offer."""
    tolerated = [] if pool == "gpu" else [{"key": POOL, "value": pool, "effect": "NoSchedule"}]
    return {"nodeSelector": {POOL: pool}, "tolerations": tolerated}


def _checked(
    kind: type[Resource],
    *,
    name: str,
    namespace: str,
    spec: Manifest,
    annotations: dict[str, str] | None = None,
) -> Manifest:
    """The object as it is applied. Raises pydantic.ValidationError, which names the field."""
    metadata: Manifest = {"name": name, "namespace": namespace}
    if annotations:
        metadata["annotations"] = annotations
    model = kind.model_validate({"metadata": metadata, "spec": spec})
    found: Manifest = model.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return {"apiVersion": model.api_version, "kind": model.kind, **found}  # type: ignore[attr-defined]


class Declarations(Component[platform.Platform]):
    """The objects in a cluster."""

    def __init__(
        self,
        name: str,
        config: platform.Platform,
        place: Place,
        *,
        objects: Sequence[tuple[str, str, pulumi.Input[Manifest]]],
        annotations: dict[str, str] | None = None,
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """``objects``: kind and name of each, known before its manifest is. ``annotations`` are added to each."""
        super().__init__(name, config, place, opts)
        for kind, named, manifest in objects:
            known = pulumi.Output.from_input(manifest)
            CustomResource(
                self.named(kind.lower(), named),
                api_version="reelplane.io/v1alpha1",
                kind=kind,
                metadata=known.apply(lambda found: _annotated(found["metadata"], annotations or {})),
                spec=known.apply(lambda found: found["spec"]),
                opts=self.child(depends_on=after),
            )
        self.register_outputs({})


def _annotated(metadata: Manifest, added: dict[str, str]) -> Manifest:
    return {**metadata, "annotations": {**metadata.get("annotations", {}), **added}} if added else metadata
