"""The namespace of the platform in a region's cluster, and what the hub may do in it."""

from __future__ import annotations

from typing import Final

import pulumi
from pulumi_kubernetes.core.v1 import Namespace
from pulumi_kubernetes.rbac.v1 import ClusterRole, ClusterRoleBinding, Role, RoleBinding, SubjectArgs

from reelplane_infra.component import Component
from reelplane_infra.config import platform
from reelplane_infra.place import Place

HUB_GROUP: Final = "reelplane:fleet"
"""The group that an access entry gives the hub in a region's cluster."""
RBAC: Final = "rbac.authorization.k8s.io"


class Space(Component[platform.Platform]):
    """The namespace and, where there is a hub, its rights: the kinds of reelplane.io here, and to see that the
    namespace exists. No Secrets."""

    namespace: Namespace

    def __init__(
        self,
        name: str,
        config: platform.Platform,
        place: Place,
        *,
        hub: bool,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, config, place, opts)
        self.namespace = Namespace(
            self.named("namespace"),
            metadata={
                "name": config.namespace,
                # Every pod of the operator's meets it; one that does not is none of ours.
                "labels": {"pod-security.kubernetes.io/enforce": "restricted"},
            },
            opts=self.child(),
        )
        if hub:
            self._rights()
        self.register_outputs({})

    def _rights(self) -> None:
        subject = [SubjectArgs(kind="Group", name=HUB_GROUP, api_group=RBAC)]
        name = "reelplane-fleet"
        Role(
            self.named("hub"),
            metadata={"name": name, "namespace": self.config.namespace},
            rules=[
                {
                    "api_groups": ["reelplane.io"],
                    "resources": ["videoplatforms", "videopipelines", "proxypools"],
                    "verbs": ["get", "list", "watch", "create", "patch", "delete"],
                }
            ],
            opts=self.child(depends_on=[self.namespace]),
        )
        RoleBinding(
            self.named("hub"),
            metadata={"name": name, "namespace": self.config.namespace},
            role_ref={"api_group": RBAC, "kind": "Role", "name": name},
            subjects=subject,
            opts=self.child(depends_on=[self.namespace]),
        )
        ClusterRole(
            self.named("hub"),
            metadata={"name": name},
            rules=[
                {
                    "api_groups": [""],
                    "resources": ["namespaces"],
                    "resource_names": [self.config.namespace],
                    "verbs": ["get"],
                }
            ],
            opts=self.child(),
        )
        ClusterRoleBinding(
            self.named("hub"),
            metadata={"name": name},
            role_ref={"api_group": RBAC, "kind": "ClusterRole", "name": name},
            subjects=subject,
            opts=self.child(),
        )
