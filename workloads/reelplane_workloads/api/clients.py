"""Whose request is this, by address: the name under which anonymous clients are limited.

The address is the peer's, unless the peer is a declared proxy. Then X-Forwarded-For is read from the right, one
hop at a time, as long as the hop that reported it is trusted: what stands further left was written by someone
whom nobody vouches for.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence

from reelplane_workloads.api.answers import Header
from reelplane_workloads.api.bounded import Bounded

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

LOCAL = "local"
"""A peer without an address: a Unix socket."""


class Clients:
    """``trusted`` are CIDRs; raises ValueError for one that is not. ``https``: all clients come by TLS anyway."""

    def __init__(self, trusted: Sequence[str] = (), *, https: bool = False) -> None:
        self._https = https
        self._trusted: tuple[Network, ...] = tuple(ipaddress.ip_network(cidr) for cidr in trusted)
        self._names: Bounded[str, str] = Bounded(10_000)

    def name(self, peer: str | None, headers: Iterable[Header]) -> str:
        """``203.0.113.9``, or ``2001:db8:1:2::/64``: an IPv6 client owns a whole /64 (RFC 6177)."""
        if peer is None:
            return LOCAL
        if not self._trusted:
            name = self._names.get(peer)
            if name is not None:
                return name
        address = _parse(peer)
        if address is None:
            return LOCAL
        if self._is_trusted(address):
            address = self._first_untrusted(address, headers)
        name = _name(address)
        if not self._trusted:
            self._names.put(peer, name)
        return name

    def limited_as(self, principal: str | None, peer: str | None, headers: Iterable[Header]) -> str:
        """Whose budget a request uses: an API key's own, else the address's (a cookie can be thrown away)."""
        if principal is not None and principal.startswith("key:"):
            return principal
        return self.name(peer, headers)

    def is_https(self, scheme: str, peer: str | None, headers: Iterable[Header]) -> bool:
        """Whether the client's own connection is encrypted: ours, or as a trusted proxy says."""
        if self._https or scheme == "https":
            return True
        address = _parse(peer) if peer is not None else None
        if address is None or not self._is_trusted(address):
            return False
        return any(name == b"x-forwarded-proto" and value == b"https" for name, value in headers)

    def _is_trusted(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)

    def _first_untrusted(self, peer: Address, headers: Iterable[Header]) -> Address:
        lines = [value for name, value in headers if name == b"x-forwarded-for"]
        current = peer
        for hop in reversed(b",".join(lines).decode("latin-1").split(",")):
            if not self._is_trusted(current):
                break
            reported = _parse(hop.strip())
            if reported is None:
                break
            current = reported
        return current


def _parse(text: str) -> Address | None:
    """An address as proxies write it: bare, with a port, or in brackets. IPv4 mapped into IPv6 is IPv4."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _name(address: Address) -> str:
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)
