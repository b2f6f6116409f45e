"""A region's Kubernetes: an EKS cluster of its own, or one that exists."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final, Self

from pydantic import Field, StringConstraints, model_validator

from reelplane_infra.config.base import Config
from reelplane_infra.config.network import LOG_RETENTION_DAYS

STANDARD_SUPPORT: Final[Mapping[str, str]] = MappingProxyType({"1.34": "2026-12-02", "1.35": "2027-03-27"})
"""Kubernetes version -> last day of standard support, after which an hour of it costs six times as much,
https://docs.aws.amazon.com/eks/latest/userguide/kubernetes-versions.html, https://endoflife.date/amazon-eks (2026-02);
a version is added here once its add-ons below are known."""
ADDONS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "1.34": {
            "vpc-cni": "v1.20.4-eksbuild.1",
            "kube-proxy": "v1.34.0-eksbuild.4",
            "coredns": "v1.12.4-eksbuild.1",
            "eks-pod-identity-agent": "v1.3.9-eksbuild.3",
        },
        "1.35": {
            "vpc-cni": "v1.21.1-eksbuild.3",
            "kube-proxy": "v1.35.0-eksbuild.2",
            "coredns": "v1.13.2-eksbuild.1",
            "eks-pod-identity-agent": "v1.3.10-eksbuild.2",
        },
    }
)
"""Kubernetes version -> add-ons and their versions, pinned: a new one is a change that is seen before it is made.
``aws eks describe-addon-versions --kubernetes-version 1.35`` lists those that exist; from memory of
https://docs.aws.amazon.com/eks/latest/userguide/managing-coredns.html and its sisters, not asked of an account."""

PrincipalArn = Annotated[str, StringConstraints(pattern=r"^arn:aws:iam::\d{12}:(user|role)/[\w+=,.@/-]+$")]
SecurityGroupId = Annotated[str, StringConstraints(pattern=r"^sg-[0-9a-f]{8,17}$")]
PublicCidr = Annotated[str, StringConstraints(pattern=r"^\d{1,3}(\.\d{1,3}){3}/(1[6-9]|2\d|3[0-2])$")]
"""An IPv4 range of at most 65,536 addresses: the whole internet is none of them."""


class ExistingCluster(Config):
    """Bring your own: an EKS cluster that somebody else keeps, with the Pod Identity agent and access entries."""

    name: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z][-_0-9A-Za-z]{0,99}$")]
    endpoint: Annotated[str, StringConstraints(pattern=r"^https://\S+$")]
    ca: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/]+={0,2}$")]
    """Certificate authority of its API server, PEM in base64."""
    security_group_id: SecurityGroupId
    """Of its nodes."""


class Controllers(Config):
    """The managed node group for what must run before Karpenter can: Karpenter itself and CoreDNS."""

    instance_types: tuple[str, ...] = Field(default=("m7g.large", "m6g.large"), min_length=1)
    """arm64."""
    nodes: int = Field(default=2, ge=2, le=4)
    """Karpenter's controller has two copies on two nodes."""


class Cluster(Config):
    """The EKS cluster of a region."""

    version: str = "1.35"
    administrators: tuple[PrincipalArn, ...] = ()
    """Roles and users with every right in the cluster. Empty: whoever creates it."""
    public_cidrs: tuple[PublicCidr, ...] = ()
    """From where the API server is reached over the internet. Empty: only from inside the VPC."""
    controllers: Controllers = Controllers()
    addons: Mapping[str, str] = Field(default_factory=dict)
    """Add-on -> version, where it is not the pinned one."""
    log_days: int = 30
    """Days that the control plane's logs are kept."""
    existing: ExistingCluster | None = None
    """A cluster to use instead of making one. The other fields are then without effect."""

    @property
    def pinned(self) -> Mapping[str, str]:
        """Every add-on with its version."""
        return {**ADDONS[self.version], **self.addons}

    @model_validator(mode="after")
    def _supported(self) -> Self:
        if self.version not in STANDARD_SUPPORT:
            ends = ", ".join(f"{each} (until {day})" for each, day in STANDARD_SUPPORT.items())
            raise ValueError(f"version {self.version}: those in standard support are {ends}")
        unknown = sorted(self.addons.keys() - ADDONS[self.version].keys())
        if unknown:
            raise ValueError(
                f"addons: {', '.join(unknown)}; those made here are {', '.join(ADDONS[self.version])}"
            )
        proxy = self.pinned["kube-proxy"]
        if not proxy.startswith(f"v{self.version}."):
            raise ValueError(
                f"addons.kube-proxy {proxy}: of the cluster's own minor version, v{self.version}"
            )
        if self.log_days not in LOG_RETENTION_DAYS:
            raise ValueError(f"log_days {self.log_days}: CloudWatch Logs keeps {LOG_RETENTION_DAYS} days")
        return self
