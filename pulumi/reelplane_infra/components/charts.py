"""What a cluster needs before the operator, and the operator itself: Helm releases at pinned versions.

    Karpenter (on the controllers' nodes) ─► its pools ─► everything else (on the pool ``system``)

``helm.v3.Release`` and not ``helm.v4.Chart``: a release is one resource whose chart, version and values are inputs,
so that a plan shows what is asked for without Helm; a Chart is rendered by the provider's plugin, so that nothing of
it could be seen here, and CRDs, hooks and rollbacks would be ours to order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pulumi
from pulumi_kubernetes.core.v1 import Namespace
from pulumi_kubernetes.helm.v3 import Release

from reelplane_infra.component import Component
from reelplane_infra.components import karpenter
from reelplane_infra.components.controllers import TAINT
from reelplane_infra.config import platform
from reelplane_infra.place import Place

OPERATOR: Final = "reelplane-system"
SECRETS: Final = "external-secrets"
BALANCER: Final = "aws-load-balancer-controller"
"""Namespaces; of the latter two also the ServiceAccounts."""
OPERATOR_CHART: Final = "../operator/deploy/chart"
"""From the folder of the Pulumi program, in which the engine runs its plugins."""


@dataclass(frozen=True, slots=True)
class Chart:
    """One release: where its chart comes from and what it is told."""

    name: str
    namespace: str
    chart: str
    version: str | None
    """None: the chart is a folder of ours."""
    repository: str | None
    values: Mapping[str, Any]


class Charts(Component[platform.Platform]):
    """Releases, each in a namespace of its own, one after another where one needs the other."""

    made: dict[str, Release]

    def __init__(
        self,
        name: str,
        config: platform.Platform,
        place: Place,
        *,
        charts: Sequence[Chart],
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, config, place, opts)
        spaces = {
            each: Namespace(
                self.named("namespace", each),
                metadata={"name": each, "labels": {"app.kubernetes.io/managed-by": "pulumi"}},
                opts=self.child(),
            )
            for each in sorted({chart.namespace for chart in charts} - {karpenter.NAMESPACE})
        }
        self.made = {
            chart.name: Release(
                self.named(chart.name),
                name=chart.name,
                namespace=chart.namespace,
                chart=chart.chart,
                version=chart.version,
                repository_opts={"repo": chart.repository} if chart.repository else None,
                values=dict(chart.values),
                atomic=True,
                timeout=600,
                opts=self.child(
                    depends_on=[*after, *(spaces[each] for each in [chart.namespace] if each in spaces)]
                ),
            )
            for chart in charts
        }
        self.register_outputs({})


def first(versions: platform.Charts, *, cluster: pulumi.Input[str], queue: pulumi.Input[str]) -> list[Chart]:
    """Karpenter, bound to the controllers' nodes: it must not run on a node that it may take away."""
    return [
        Chart(
            name="karpenter",
            namespace=karpenter.NAMESPACE,
            chart="oci://public.ecr.aws/karpenter/karpenter",
            version=versions.karpenter,
            repository=None,
            values={
                "settings": {"clusterName": cluster, "interruptionQueue": queue},
                "serviceAccount": {"name": karpenter.ACCOUNT},
                # CoreDNS may be waiting for a node that Karpenter has not made yet.
                "dnsPolicy": "Default",
                "replicas": 2,
                "nodeSelector": {TAINT[0]: TAINT[1]},
                "tolerations": [{"key": TAINT[0], "operator": "Exists"}],
                "controller": {
                    "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"memory": "1Gi"}}
                },
            },
        )
    ]


def then(
    config: platform.Platform,
    *,
    cluster: pulumi.Input[str],
    region: str,
    vpc_id: pulumi.Input[str],
    registry: pulumi.Output[str],
) -> list[Chart]:
    """Autoscaling by queue, metrics, secrets, targets of the load balancer, and the operator."""
    versions = config.charts
    return [
        Chart(
            "keda",
            "keda",
            "keda",
            versions.keda,
            "https://kedacore.github.io/charts",
            {"operator": {"replicaCount": 2}},
        ),
        Chart(
            "metrics-server",
            "metrics-server",
            "metrics-server",
            versions.metrics_server,
            "https://kubernetes-sigs.github.io/metrics-server/",
            {"replicas": 2},
        ),
        Chart(
            SECRETS,
            SECRETS,
            SECRETS,
            versions.external_secrets,
            "https://charts.external-secrets.io",
            {"installCRDs": True, "replicaCount": 2, "serviceAccount": {"name": SECRETS}},
        ),
        Chart(
            BALANCER,
            BALANCER,
            BALANCER,
            versions.load_balancer_controller,
            "https://aws.github.io/eks-charts",
            {
                "clusterName": cluster,
                "region": region,
                "vpcId": vpc_id,
                "serviceAccount": {"name": BALANCER},
                # It registers pods with a target group that exists, and makes no load balancers.
                "createIngressClassResource": False,
                "enableServiceMutatorWebhook": False,
            },
        ),
        Chart(
            "reelplane",
            OPERATOR,
            OPERATOR_CHART,
            None,
            None,
            {
                "image": pulumi.Output.concat(registry, "/operator:", config.release),
                "workloadsImage": pulumi.Output.concat(registry, "/workloads:", config.release),
                "extractorImage": pulumi.Output.concat(registry, "/extractor"),
            },
        ),
    ]
