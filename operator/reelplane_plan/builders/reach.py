"""Where a workload may open connections to, read off its runtime document: it can use nothing that is not there.

Servers elsewhere and proxies are known by an address or by a host name. A NetworkPolicy knows addresses only, so
for a name the port is opened wherever it may lead; the guard inside the worker still judges by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from reelplane_crds.runtime import RuntimeDocument, S3Objects
from reelplane_plan.network import Destination, Reach
from reelplane_plan.types import Workload

_PORTS = {
    "redis": 6379,
    "rediss": 6379,
    "postgresql": 5432,
    "postgres": 5432,
    "http": 80,
    "https": 443,
    "socks5": 1080,
}
_POD_IDENTITY = (Destination("169.254.170.23/32", 80), Destination("fd00:ec2::23/128", 80))
"""The agent that gives pods on EKS credentials of their own. The node's credentials stay closed to them."""


@dataclass(frozen=True, slots=True)
class BuiltReach:
    reach: Reach
    names: tuple[str, ...]
    """``host:port`` of what is known by name, and so not told from other addresses at that port."""


def build(document: RuntimeDocument, servers: Sequence[Workload]) -> BuiltReach:
    """``servers`` are the platform's own, which are reached as pods."""
    own = {each.endpoint.host: each for each in servers if each.endpoint}
    used, outside, names = [], [], []
    for host, port in _hosts(document):
        if host in own:
            used.append((own[host].name, port))
            continue
        cidr = _literal(host)
        outside.append(Destination(cidr, port))
        if cidr is None:
            names.append(f"{host}:{port}")
    if isinstance(document.stores.objects, S3Objects) and document.stores.objects.access_key_file is None:
        outside += _POD_IDENTITY
    if document.role == "worker":
        outside += [Destination(each.cidr, each.port) for each in document.egress.allow]
        names += [f"{each.host}:{each.port or '*'}" for each in document.egress.allow if each.host]
    reach = Reach(
        servers=tuple(dict.fromkeys(used)),
        public=document.egress.ports if document.role == "worker" else (),
        outside=tuple(dict.fromkeys(outside)),
    )
    return BuiltReach(reach, tuple(dict.fromkeys(names)))


def _hosts(document: RuntimeDocument) -> Iterator[tuple[str, int]]:
    """Host and port of every server and proxy that the document names."""
    stores, proxies = document.stores, document.egress.proxies
    urls = [stores.cache.url, stores.queue.url, stores.database.url]
    if isinstance(stores.objects, S3Objects):
        urls.append(stores.objects.endpoint or f"https://s3.{stores.objects.region}.amazonaws.com")
    urls += [each.url for each in proxies.endpoints] if proxies else []
    if document.role == "worker" and proxies and proxies.health_url:
        urls.append(proxies.health_url)
    for url in urls:
        parts = urlsplit(url)
        if parts.hostname:
            yield parts.hostname, parts.port or _PORTS[parts.scheme]


def _literal(host: str) -> str | None:
    """The range of a host that is an address itself; a zone (``fe80::1%eth0``) means nothing elsewhere."""
    try:
        return str(ip_network(ip_address(host.partition("%")[0])))
    except ValueError:
        return None
