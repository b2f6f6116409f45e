"""RegionDeployment: one region of a platform, seen from the hub: which cluster, which part, what differs there.

The hub writes the platform and its pipelines, resolved for the region, into the region's cluster and reads their
status back; the operator there makes the children.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from reelplane_crds.kinds.common import (
    AGE,
    API_VERSION,
    READY,
    REASON,
    ApiModel,
    Column,
    Definition,
    DeletionPolicy,
    Kube,
    Many,
    Resource,
    SecretKeyRef,
)
from reelplane_crds.kinds.forms import HostName, Name, Namespace, Region
from reelplane_crds.kinds.gateway import Gateway
from reelplane_crds.kinds.platform_stores import Cache, Database, Objects, Queue, Storage
from reelplane_crds.kinds.pods import Images
from reelplane_crds.kinds.status import Copies, Figure, Inventory, Status, Time
from reelplane_crds.kinds.videoplatform import Egress, Replicas
from reelplane_crds.rules import exactly_one, ordered


class InCluster(ApiModel):
    """The cluster in which this object stands."""


class Cluster(ApiModel):
    """Where the region runs. Exactly one of kubeconfigFrom and inCluster."""

    rules: ClassVar = (exactly_one("kubeconfigFrom", "inCluster", right="{inCluster: {}}"),)

    kubeconfig_from: SecretKeyRef | None = None
    """Where a kubeconfig of the region's cluster stands. Its user manages objects of reelplane.io in the
    target namespace."""
    in_cluster: InCluster | None = None
    """The region runs in this cluster, the hub's own: write {} to choose it."""


class ApiOverride(ApiModel):
    """What differs of the API."""

    replicas: Replicas | None = None
    """How many copies of the API run in this region."""


class WorkersOverride(ApiModel):
    """What differs of a pipeline's download workers."""

    rules: ClassVar = (
        ordered("min", "max", optional=True, right="{min: 0, max: 50}", wrong="{min: 5, max: 4}"),
    )

    min: Annotated[int, Field(ge=0, le=1000)] | None = None
    """Workers that always run in this region."""
    max: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Workers that may run in this region when jobs wait."""


class PipelineOverride(ApiModel):
    """What differs of one pipeline."""

    name: Name
    """The VideoPipeline that is meant."""
    workers: WorkersOverride | None = None
    """How many download workers it runs in this region."""


class Overrides(ApiModel):
    """What differs in this region. Each field replaces the platform's field as a whole."""

    domain: HostName | None = None
    """Public name of the region alone, e.g. us-west-2.reels.example.com."""
    gateway: Gateway | None = None
    """What carries requests into the region's cluster."""
    api: ApiOverride | None = None
    """What differs of the API."""
    cache: Cache | None = None
    """The region's cache."""
    queue: Queue | None = None
    """The region's queue."""
    database: Database | None = None
    """The region's database."""
    objects: Objects | None = None
    """Where the region keeps media."""
    storage: Storage | None = None
    """Volumes of the stores that run in the region."""
    egress: Egress | None = None
    """What extraction may reach from the region."""
    images: Images | None = None
    """Images of the pods, for a registry near the region."""
    pipelines: Annotated[
        Many[PipelineOverride], Field(max_length=32), Kube(list_type="map", list_map_keys=("name",))
    ] = ()
    """What differs of single pipelines. All pipelines of the platform run in the region, named here or not."""


class RegionDeploymentSpec(ApiModel):
    """The wanted region."""

    platform: Annotated[Name, Kube(immutable=True)]
    """VideoPlatform of the same namespace that the region is a part of."""
    region: Annotated[Region, Kube(immutable=True)]
    """What the region is called where it runs, e.g. us-west-2: in labels, metrics and routing."""
    role: Literal["Primary", "Recovery"] = "Primary"
    """Primary serves clients. Recovery stands by, for the day when a primary region is lost."""
    weight: Annotated[int, Field(ge=0, le=100)] = 0
    """Share of clients that the region is meant to serve, in percent of all regions' weights. 0: none."""
    cluster: Cluster
    """Where the region runs."""
    namespace: Namespace | None = None
    """Namespace in that cluster; it must exist. Not set: one called like this object's own."""
    overrides: Overrides = Overrides()
    """What differs in this region from the platform and its pipelines."""
    deletion_policy: DeletionPolicy = "Delete"
    """What becomes of the platform and pipelines in the region's cluster when this object is deleted. Orphan: they
    run on, on their own."""


class RegionDeploymentStatus(Status):
    """The region as it was last seen."""

    workers: Copies | None = None
    """Ready and wanted workers in the region, e.g. 12/12."""
    queue: Figure | None = None
    """Jobs waiting and running in the region."""
    endpoint: Annotated[str, Field(max_length=2048)] | None = None
    """Where the region's API answers."""
    last_contact_time: Time | None = None
    """When the region's API server last answered."""
    inventory: Inventory = ()
    """What was written into the region's cluster, in the order in which it is applied."""


class RegionDeployment(Resource):
    """One region of a platform: its cluster, its role, its share of the clients, and what differs there."""

    definition: ClassVar = Definition(
        plural="regiondeployments",
        short="rd",
        columns=(
            READY,
            Column("Role", "string", ".spec.role"),
            Column("Weight", "integer", ".spec.weight"),
            Column("Workers", "string", ".status.workers"),
            Column("Queue", "integer", ".status.queue"),
            AGE,
            REASON,
        ),
    )

    api_version: Literal["reelplane.io/v1alpha1"] = API_VERSION
    kind: Literal["RegionDeployment"] = "RegionDeployment"
    spec: RegionDeploymentSpec
    """What is wanted."""
    status: RegionDeploymentStatus | None = None
    """What was last seen; written by Reelplane."""
