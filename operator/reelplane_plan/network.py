"""Who a workload talks to, and how it is reached from outside the cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Destination:
    """Something outside the platform that a workload opens connections to."""

    cidr: str | None
    """Its addresses. None: it is known by a host name, whose addresses change."""
    port: int | None
    """TCP port; None: any."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Where a workload's pods may open connections to; everything else is closed to them."""

    servers: tuple[tuple[str, int], ...] = ()
    """Names and ports of workloads of the same platform."""
    public: tuple[int, ...] = ()
    """TCP ports at which public addresses are reached: those outside of private and link-local ranges."""
    outside: tuple[Destination, ...] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """The public way to the API: an Ingress, or an HTTPRoute where ``parent`` names a Gateway."""

    host: str
    url: str
    """What clients open: scheme and host."""
    ingress_class: str | None = None
    """IngressClass; None: the cluster's default one."""
    parent: str | None = None
    """Gateway of the same namespace."""
    tls: str | None = None
    """Secret with the certificate, for an Ingress; a Gateway has its own."""
    annotations: Mapping[str, str] = field(default_factory=dict)
