"""The cluster's managed add-ons, each at the version that the config pins."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pulumi
from pulumi_aws import eks, iam

from reelplane_infra import naming
from reelplane_infra.component import Component
from reelplane_infra.components.controllers import TAINT
from reelplane_infra.components.identity import pods_of
from reelplane_infra.config import cluster
from reelplane_infra.place import Place

AGENT = "eks-pod-identity-agent"
CONFIGURATION = {
    "coredns": json.dumps(
        {"tolerations": [{"key": TAINT[0], "operator": "Exists"}], "nodeSelector": {TAINT[0]: TAINT[1]}}
    ),
    "vpc-cni": json.dumps({"env": {"ENABLE_PREFIX_DELEGATION": "true"}, "enableNetworkPolicy": "false"}),
}
"""CoreDNS runs on the controllers' nodes: Karpenter asks for names before it has made another one. The VPC CNI takes
addresses by /28, since a node's interfaces run out of single ones first. It does not enforce NetworkPolicies: the
operator's close 169.254.0.0/16 to pods, where the Pod Identity agent hands out their credentials."""
DAEMONS = (AGENT, "kube-proxy", "vpc-cni")
"""What every node needs to become ready, so it is there before the first one. Each is idle without nodes."""


class Addons(Component[cluster.Cluster]):
    """Some of the add-ons: ``DAEMONS`` before the first nodes, CoreDNS after them."""

    made: list[eks.Addon]

    def __init__(
        self,
        name: str,
        config: cluster.Cluster,
        place: Place,
        *,
        cluster: eks.Cluster,
        addons: Sequence[str],
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, config, place, opts)
        self.made = [
            eks.Addon(
                self.named(addon),
                region=place.region,
                cluster_name=cluster.name,
                addon_name=addon,
                addon_version=config.pinned[addon],
                configuration_values=CONFIGURATION.get(addon),
                pod_identity_associations=self._identity(addon, cluster),
                resolve_conflicts_on_create="OVERWRITE",
                resolve_conflicts_on_update="OVERWRITE",
                tags=self.tags(),
                opts=self.child(depends_on=after),
            )
            for addon in addons
        ]
        self.register_outputs({})

    def _identity(self, addon: str, cluster: eks.Cluster) -> list[eks.AddonPodIdentityAssociationArgs] | None:
        """The VPC CNI has a role of its own: nodes, and whoever breaks out of a pod, cannot move addresses about."""
        if addon != "vpc-cni":
            return None
        role = iam.Role(
            self.named("vpc-cni"),
            name=self.place.fitted(naming.ROLE, self.component, "cni"),
            assume_role_policy=cluster.name.apply(lambda name: json.dumps(pods_of(self.place, name))),
            tags=self.tags(),
            opts=self.child(),
        )
        iam.RolePolicyAttachment(
            self.named("vpc-cni"),
            role=role.name,
            policy_arn="arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy",
            opts=self.child(),
        )
        return [eks.AddonPodIdentityAssociationArgs(service_account="aws-node", role_arn=role.arn)]
