"""Whether a host, at an address, on a port, may be reached: the operator's EgressSettings as a pure predicate.

The guard asks for every address a name resolved to, right before it connects to that very address, so the
answer cannot be outrun by a second look-up.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network

from reelplane_crds.runtime import EgressSettings, OriginAllow

from .addresses import Address, canonical, special, unreachable


@dataclass(frozen=True, slots=True)
class Opening:
    """One private origin that the operator opened. All parts that are given must match."""

    network: IPv4Network | IPv6Network | None
    host: str | None
    port: int | None

    @classmethod
    def of(cls, allow: OriginAllow) -> Opening:
        """Raises ValueError for a CIDR that is none, or an entry that names neither a CIDR nor a host."""
        if allow.cidr is None and allow.host is None:
            raise ValueError("egress.allow: an entry must name a cidr or a host")
        return cls(
            network=None if allow.cidr is None else ip_network(allow.cidr, strict=False),
            host=None if allow.host is None else allow.host.lower().removesuffix("."),
            port=allow.port,
        )

    def covers(self, host: str, ip: Address, port: int) -> bool:
        return (
            (self.network is None or (ip.version == self.network.version and ip in self.network))
            and (self.host is None or self.host == host)
            and (self.port is None or self.port == port)
        )


@dataclass(frozen=True, slots=True)
class Policy:
    openings: tuple[Opening, ...] = ()
    ports: frozenset[int] = frozenset((80, 443))

    @classmethod
    def of(cls, settings: EgressSettings) -> Policy:
        """Raises ValueError as ``Opening.of`` does."""
        return cls(tuple(Opening.of(allow) for allow in settings.allow), frozenset(settings.ports))

    def refusal(self, host: str, ip: Address, port: int) -> str | None:
        """Why ``ip`` must not be reached on ``port`` when ``host`` (lower case) was asked for; None: it may."""
        ip = canonical(ip)
        if unreachable(ip):
            return f"{ip} is no host's address"
        if any(opening.covers(host, ip, port) for opening in self.openings):
            return None
        reason = special(ip)
        if reason is not None:
            return f"{ip} is not public ({reason})"
        if port not in self.ports:
            return f"port {port} is not among the ports that may be reached ({_listed(self.ports)})"
        return None


def _listed(ports: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(ports)))
