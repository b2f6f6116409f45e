"""Gateway: how a platform's public name reaches its API on a cluster, by Ingress or by the Gateway API."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from reelplane_crds.kinds.common import OURS, ApiModel, SecretRef
from reelplane_crds.kinds.forms import Annotations, GatewayName, IngressClassName
from reelplane_crds.rules import Rule, at_most_one, keys_not_under


class Gateway(ApiModel):
    """What carries requests for the domain into the cluster. At most one of class and parent."""

    rules: ClassVar = (
        at_most_one("class", "parent", right="{class: traefik}", wrong="{class: traefik, parent: public}"),
        Rule(
            cel="!has(self.parent) || !has(self.tls)",
            holds=lambda gateway: gateway.parent is None or gateway.tls is None,
            message="TLS of an HTTPRoute is its Gateway's: set it at the Gateway's listener, not here",
            right="{parent: public}",
            wrong="{parent: public, tls: {secret: reels-tls}}",
            field="tls",
        ),
        keys_not_under(
            "annotations",
            OURS,
            right="{annotations: {cert-manager.io/cluster-issuer: letsencrypt}}",
            wrong="{annotations: {reelplane.io/paused: 'true'}}",
        ),
    )

    class_: IngressClassName | None = Field(default=None, alias="class")
    """IngressClass whose controller serves the domain: an Ingress of that class is made."""
    parent: GatewayName | None = None
    """Gateway (gateway.networking.k8s.io) of the same namespace: an HTTPRoute attached to it is made."""
    tls: SecretRef | None = None
    """Secret of type kubernetes.io/tls with the domain's certificate, for the Ingress. Not set: plain HTTP, or
    whatever the controller does by itself."""
    annotations: Annotations = Field(default={})
    """Annotations of the Ingress or HTTPRoute, e.g. for cert-manager or external-dns."""
