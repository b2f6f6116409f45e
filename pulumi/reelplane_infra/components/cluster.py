"""A region's EKS cluster, or the one that is brought along.

Who may do what is said by access entries alone (authentication mode ``API``: there is no aws-auth ConfigMap to lock
oneself out with), Secrets are encrypted with the environment's key of the region before etcd sees them, and every log
of the control plane is kept. Nodes and control plane share one security group of ours, which stores then let in.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import pulumi
from pulumi_aws import cloudwatch, ec2, eks, iam

from reelplane_infra import naming
from reelplane_infra.component import Component
from reelplane_infra.components.addons import DAEMONS, Addons
from reelplane_infra.components.controllers import ControllerNodes
from reelplane_infra.components.identity import trust
from reelplane_infra.config import cluster
from reelplane_infra.place import Place

LOGS = ("api", "audit", "authenticator", "controllerManager", "scheduler")
"""Every log of a control plane, https://docs.aws.amazon.com/eks/latest/userguide/control-plane-logs.html (2026-11)."""
ADMINISTRATOR = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"


def cluster_name(config: cluster.Cluster, place: Place) -> str:
    """The name of the region's cluster, known before there is one."""
    return config.existing.name if config.existing else place.fitted(naming.CLUSTER, "cluster")


class Cluster(Component[cluster.Cluster]):
    """The control plane with its log group, administrators, controllers' nodes and add-ons."""

    name: pulumi.Output[str]
    endpoint: pulumi.Output[str]
    ca: pulumi.Output[str]
    """PEM in base64."""
    security_group_id: pulumi.Output[str]
    """Of nodes and pods."""
    ready: Sequence[pulumi.Resource]
    """What must stand before pods can run with roles; empty for a cluster that exists."""

    def __init__(
        self,
        name: str,
        config: cluster.Cluster,
        place: Place,
        *,
        vpc_id: pulumi.Input[str],
        subnet_ids: pulumi.Input[list[str]],
        key_arn: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """``subnet_ids`` are those of the nodes, ``key_arn`` encrypts Secrets and logs."""
        super().__init__(name, config, place, opts)
        if config.existing is not None:
            self.name = pulumi.Output.from_input(str(config.existing.name))
            self.endpoint = pulumi.Output.from_input(str(config.existing.endpoint))
            self.ca = pulumi.Output.from_input(str(config.existing.ca))
            self.security_group_id = pulumi.Output.from_input(str(config.existing.security_group_id))
            self.ready = ()
        else:
            self._make(vpc_id, subnet_ids, key_arn)
        self.register_outputs(
            {each: getattr(self, each) for each in ("name", "endpoint", "security_group_id")}
        )

    def _make(
        self, vpc_id: pulumi.Input[str], subnet_ids: pulumi.Input[list[str]], key_arn: pulumi.Input[str]
    ) -> None:
        config, place = self.config, self.place
        name = cluster_name(config, place)
        group = self._security_group(vpc_id)
        made = eks.Cluster(
            self.named("cluster"),
            region=place.region,
            name=name,
            version=config.version,
            role_arn=self._role().arn,
            access_config={
                "authentication_mode": "API",
                "bootstrap_cluster_creator_admin_permissions": not config.administrators,
            },
            # The add-ons below are the only ones: EKS would otherwise put unmanaged copies of them in first.
            bootstrap_self_managed_addons=False,
            deletion_protection=place.protect,
            enabled_cluster_log_types=list(LOGS),
            encryption_config={"provider": {"key_arn": key_arn}, "resources": ["secrets"]},
            upgrade_policy={"support_type": "STANDARD"},
            vpc_config=eks.ClusterVpcConfigArgs(
                subnet_ids=subnet_ids,
                security_group_ids=[group.id],
                endpoint_private_access=True,
                endpoint_public_access=bool(config.public_cidrs),
                public_access_cidrs=list(config.public_cidrs) or None,
            ),
            tags=self.tags(),
            opts=self.child(depends_on=[self._logs(name, key_arn)]),
        )
        self._administrators(made)
        daemons = Addons(
            f"{self.component}-addons", config, place, cluster=made, addons=DAEMONS, opts=self.child()
        )
        nodes = ControllerNodes(
            f"{self.component}-controllers",
            config.controllers,
            place,
            cluster=made,
            subnet_ids=subnet_ids,
            security_group_id=group.id,
            after=daemons.made,
            opts=self.child(),
        )
        Addons(
            f"{self.component}-names",
            config,
            place,
            cluster=made,
            addons=["coredns"],
            after=[nodes.group],
            opts=self.child(),
        )
        self.name = made.name
        self.endpoint = made.endpoint
        self.ca = made.certificate_authority.apply(lambda found: str(found.data))
        self.security_group_id = group.id
        self.ready = daemons.made

    def _security_group(self, vpc_id: pulumi.Input[str]) -> ec2.SecurityGroup:
        group = ec2.SecurityGroup(
            self.named("nodes"),
            region=self.place.region,
            vpc_id=vpc_id,
            description="Nodes, pods and the control plane among each other",
            tags=self.tags(name=self.named("nodes")),
            opts=self.child(),
        )
        ec2.SecurityGroupRule(
            self.named("among-themselves"),
            region=self.place.region,
            security_group_id=group.id,
            type="ingress",
            protocol="-1",
            from_port=0,
            to_port=0,
            self=True,
            description="Nodes, pods and the control plane among each other",
            opts=self.child(),
        )
        # Workers fetch from the whole internet; which addresses a pod reaches is its NetworkPolicy's to say.
        ec2.SecurityGroupRule(
            self.named("out"),
            region=self.place.region,
            security_group_id=group.id,
            type="egress",
            protocol="-1",
            from_port=0,
            to_port=0,
            cidr_blocks=["0.0.0.0/0"],
            description="Everything outside, through the NAT gateways",
            opts=self.child(),
        )
        return group

    def _role(self) -> iam.Role:
        role = iam.Role(
            self.named("role"),
            name=self.place.fitted(naming.ROLE, self.component, "control"),
            assume_role_policy=json.dumps(trust("eks.amazonaws.com")),
            tags=self.tags(),
            opts=self.child(),
        )
        iam.RolePolicyAttachment(
            self.named("policy"),
            role=role.name,
            policy_arn="arn:aws:iam::aws:policy/AmazonEKSClusterPolicy",
            opts=self.child(),
        )
        return role

    def _logs(self, name: str, key_arn: pulumi.Input[str]) -> cloudwatch.LogGroup:
        """EKS would make the group itself, without a key and for good."""
        return cloudwatch.LogGroup(
            self.named("logs"),
            region=self.place.region,
            name=f"/aws/eks/{name}/cluster",
            retention_in_days=self.config.log_days,
            kms_key_id=key_arn,
            tags=self.tags(),
            opts=self.child(),
        )

    def _administrators(self, made: eks.Cluster) -> None:
        for arn in self.config.administrators:
            part = arn.rpartition(":")[2].replace("/", "-")
            entry = eks.AccessEntry(
                self.named(part),
                region=self.place.region,
                cluster_name=made.name,
                principal_arn=arn,
                type="STANDARD",
                tags=self.tags(),
                opts=self.child(),
            )
            eks.AccessPolicyAssociation(
                self.named(part),
                region=self.place.region,
                cluster_name=made.name,
                principal_arn=entry.principal_arn,
                policy_arn=ADMINISTRATOR,
                access_scope={"type": "cluster"},
                opts=self.child(),
            )
