"""The nodes that are there before Karpenter is: a small managed group, tainted, for its controller and CoreDNS."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pulumi
from pulumi_aws import ec2, eks, iam

from reelplane_infra import naming
from reelplane_infra.component import Component
from reelplane_infra.components.identity import trust
from reelplane_infra.config import cluster
from reelplane_infra.place import Place

TAINT = ("karpenter.sh/controller", "true")
"""Key and value; a label of the same name is what Karpenter's own pods are bound to."""
POLICIES = ("AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly")
"""What a node itself needs. The VPC CNI has a role of its own."""


class ControllerNodes(Component[cluster.Controllers]):
    """Bottlerocket on arm64, encrypted disks, instance metadata closed to pods."""

    group: eks.NodeGroup

    def __init__(
        self,
        name: str,
        config: cluster.Controllers,
        place: Place,
        *,
        cluster: eks.Cluster,
        subnet_ids: pulumi.Input[list[str]],
        security_group_id: pulumi.Input[str],
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """``after``: the add-ons without which no node becomes ready."""
        super().__init__(name, config, place, opts)
        role = node_role(self, place.fitted(naming.ROLE, name))
        template = ec2.LaunchTemplate(
            self.named("template"),
            region=place.region,
            name=self.named("template"),
            vpc_security_group_ids=[security_group_id],
            block_device_mappings=[
                {
                    "device_name": device,
                    "ebs": {"volume_size": size, "volume_type": "gp3", "encrypted": "true"},
                }
                for device, size in (("/dev/xvda", 4), ("/dev/xvdb", 30))
            ],
            # One hop ends at the node: a pod that asks for the node's credentials gets no answer.
            metadata_options={
                "http_endpoint": "enabled",
                "http_tokens": "required",
                "http_put_response_hop_limit": 1,
            },
            tags=self.tags(),
            tag_specifications=[
                {"resource_type": each, "tags": self.tags(name=self.named("node"))}
                for each in ("instance", "volume")
            ],
            opts=self.child(),
        )
        self.group = eks.NodeGroup(
            self.named("group"),
            region=place.region,
            cluster_name=cluster.name,
            node_group_name=self.named("group"),
            node_role_arn=role.arn,
            subnet_ids=subnet_ids,
            ami_type="BOTTLEROCKET_ARM_64",
            capacity_type="ON_DEMAND",
            instance_types=list(config.instance_types),
            launch_template={
                "id": template.id,
                "version": template.latest_version.apply(str),
            },
            scaling_config={
                "min_size": config.nodes,
                "max_size": config.nodes + 1,
                "desired_size": config.nodes,
            },
            update_config={"max_unavailable": 1},
            labels={TAINT[0]: TAINT[1]},
            taints=[{"key": TAINT[0], "value": TAINT[1], "effect": "NO_SCHEDULE"}],
            node_repair_config={"enabled": True},
            tags=self.tags(),
            opts=self.child(depends_on=after),
        )
        self.register_outputs({})


def node_role(component: Component[Any], name: str) -> iam.Role:
    """A role for EC2 nodes, as a child of ``component``."""
    role = iam.Role(
        component.named("node"),
        name=name,
        assume_role_policy=json.dumps(trust("ec2.amazonaws.com")),
        tags=component.tags(),
        opts=component.child(),
    )
    for policy in POLICIES:
        iam.RolePolicyAttachment(
            component.named(policy.lower()),
            role=role.name,
            policy_arn=f"arn:aws:iam::aws:policy/{policy}",
            opts=component.child(),
        )
    return role
