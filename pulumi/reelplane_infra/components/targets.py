"""The API's pods as targets of the region's load balancer, and the role of the controller that registers them."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

from reelplane_infra.component import Component
from reelplane_infra.components.balancer import API_PORT
from reelplane_infra.components.charts import BALANCER
from reelplane_infra.components.identity import PodRole, Statement, allow
from reelplane_infra.config import platform
from reelplane_infra.place import Place


class Targets(Component[platform.Platform]):
    """A TargetGroupBinding for the Service ``<platform>-api``, which the operator makes."""

    def __init__(
        self,
        name: str,
        config: platform.Platform,
        place: Place,
        *,
        cluster: str,
        target_group_arn: pulumi.Output[str],
        needs: Sequence[pulumi.Resource],
        kubernetes: pulumi.ProviderResource,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """``needs`` is the controller."""
        super().__init__(name, config, place, opts)
        PodRole(
            f"{name}-controller",
            config,
            place,
            cluster=cluster,
            namespace=BALANCER,
            accounts=[BALANCER],
            statements=target_group_arn.apply(lambda arn: permissions(place, arn)),
            opts=self.child(),
        )
        CustomResource(
            self.named("api"),
            api_version="elbv2.k8s.aws/v1beta1",
            kind="TargetGroupBinding",
            metadata={"name": f"{config.name}-api", "namespace": config.namespace},
            spec={
                "serviceRef": {"name": f"{config.name}-api", "port": API_PORT},
                "targetGroupARN": target_group_arn,
                "targetType": "ip",
            },
            opts=self.child(depends_on=needs, provider=kubernetes),
        )
        self.register_outputs({})


def permissions(place: Place, target_group: str) -> list[Statement]:
    """Registering with the one target group; Describe actions know no resource and are held to the region."""
    return [
        allow(
            ["elasticloadbalancing:RegisterTargets", "elasticloadbalancing:DeregisterTargets"], [target_group]
        ),
        allow(
            [
                "elasticloadbalancing:DescribeTargetGroups",
                "elasticloadbalancing:DescribeTargetHealth",
                "ec2:DescribeAvailabilityZones",
                "ec2:DescribeInstances",
                "ec2:DescribeNetworkInterfaces",
                "ec2:DescribeSecurityGroups",
                "ec2:DescribeVpcs",
            ],
            ["*"],
            StringEquals={"aws:RequestedRegion": place.region},
        ),
    ]
