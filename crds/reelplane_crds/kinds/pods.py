"""What a platform's pods are given beyond what Reelplane works out: labels, placement, resources, images, GPUs."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from reelplane_crds.kinds.common import OURS, RECOMMENDED, ApiModel, Kube, Many
from reelplane_crds.kinds.forms import (
    Annotations,
    ExtendedResource,
    Image,
    LabelKey,
    Labels,
    LabelValue,
    PriorityClassName,
    Repository,
    RuntimeClassName,
    SecretName,
)
from reelplane_crds.kinds.values import Between, Cpu, Quantity
from reelplane_crds.rules import Rule, keys_not_under, ordered


class Toleration(ApiModel):
    """A taint of nodes that pods put up with, in Kubernetes' own words."""

    rules: ClassVar = (
        Rule(
            cel="self.operator == 'Equal' || !has(self.value)",
            holds=lambda each: each.operator == "Equal" or each.value is None,
            message="operator Exists takes any value, so none may be given",
            right="{key: dedicated, operator: Exists}",
            wrong="{key: dedicated, operator: Exists, value: video}",
            field="value",
        ),
        Rule(
            cel="has(self.key) || self.operator == 'Exists'",
            holds=lambda each: each.key is not None or each.operator == "Exists",
            message="without a key, which means every taint, operator must be Exists",
            right="{operator: Exists}",
            wrong="{value: video}",
            field="operator",
        ),
        Rule(
            cel="!has(self.tolerationSeconds) || (has(self.effect) && self.effect == 'NoExecute')",
            holds=lambda each: each.toleration_seconds is None or each.effect == "NoExecute",
            message="tolerationSeconds counts until eviction, so effect must be NoExecute",
            right="{key: maintenance, operator: Exists, effect: NoExecute, tolerationSeconds: 60}",
            wrong="{key: maintenance, operator: Exists, effect: NoSchedule, tolerationSeconds: 60}",
            field="tolerationSeconds",
        ),
    )

    key: LabelKey | None = None
    """Key of the taint. Not set, with operator Exists: every taint."""
    operator: Literal["Exists", "Equal"] = "Equal"
    """Equal: the taint's value must be the one given here. Exists: any value."""
    value: LabelValue | None = None
    """Value of the taint."""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    """Effect of the taint. Not set: every effect."""
    toleration_seconds: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    """How long pods stay on a node that gets the taint later. Not set: for good."""


class PodResources(ApiModel):
    """What a pod asks of its node. There is no CPU limit: throttling serves nobody."""

    rules: ClassVar = (
        ordered(
            "memory",
            "memoryLimit",
            convert="quantity",
            optional=True,
            right="{memory: 512Mi, memoryLimit: 2Gi}",
            wrong="{memory: 2Gi, memoryLimit: 512Mi}",
        ),
    )

    cpu: Annotated[Cpu, Between("1m", "256")] | None = None
    """Processors that are kept free for it, e.g. 250m or "2"."""
    memory: Annotated[Quantity, Between("16Mi", "16Ti")] | None = None
    """Memory that is kept free for it."""
    memory_limit: Annotated[Quantity, Between("16Mi", "16Ti")] | None = None
    """Memory at which it is stopped. Not set: Reelplane's own limit, raised to memory where that is more."""


class PodOverrides(ApiModel):
    """What pods are given beyond Reelplane's own choice. Maps are merged key by key, the most specific one wins."""

    rules: ClassVar = (
        keys_not_under(
            "labels",
            RECOMMENDED,
            OURS,
            right="{labels: {example.com/team: video}}",
            wrong="{labels: {app.kubernetes.io/name: mine}}",
        ),
        keys_not_under(
            "annotations",
            OURS,
            right="{annotations: {example.com/contact: video-team}}",
            wrong="{annotations: {reelplane.io/reconcile: disabled}}",
        ),
    )

    labels: Labels = Field(default={})
    """Further labels of the pods, e.g. for cost reports."""
    annotations: Annotations = Field(default={})
    """Further annotations of the pods, e.g. for a service mesh."""
    node_selector: Labels = Field(default={})
    """Labels that a node must have to run the pods, e.g. kubernetes.io/arch: arm64."""
    tolerations: Annotated[Many[Toleration], Field(max_length=16), Kube(list_type="atomic")] = ()
    """Taints of nodes that the pods put up with, beside those that Reelplane adds for spot and GPU nodes."""
    priority_class: PriorityClassName | None = None
    """PriorityClass of the pods. Not set: Reelplane's own, where they are installed."""
    resources: PodResources = PodResources()
    """What each pod asks of its node. What is not set is Reelplane's own choice."""


class Images(ApiModel):
    """Images of the pods, for registries of your own. What is not set is what the operator was installed with."""

    workloads: Image | None = None
    """Image of the API and the workers."""
    extractor: Repository | None = None
    """Image that holds the extractor alone, without a tag: the tag is spec.extractor.version."""
    valkey: Image | None = None
    """Image of embedded caches and queues."""
    postgres: Image | None = None
    """Image of an embedded database."""
    s3: Image | None = None
    """Image of embedded objects: an S3 server."""
    pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    """When nodes ask the registry. Not set: Always for a tag of latest, otherwise IfNotPresent."""
    pull_secrets: Annotated[Many[SecretName], Field(max_length=8), Kube(list_type="set")] = ()
    """Secrets of type kubernetes.io/dockerconfigjson for registries that ask who comes."""


class Gpu(ApiModel):
    """GPUs of one worker."""

    resource: ExtendedResource = "nvidia.com/gpu"
    """What nodes with GPUs offer them as."""
    count: Annotated[int, Field(ge=1, le=16)] = 1
    """GPUs of one worker."""
    runtime_class: RuntimeClassName | None = None
    """RuntimeClass that GPUs need on this cluster, e.g. nvidia. Not set: the nodes' default."""
