"""NetworkPolicies: one for each workload, which closes all that it does not need.

    who              may be reached by            may reach
    servers          API and workers of theirs    nothing
    API              everybody, on its port       servers, names, what the plan names outside
    workers          everybody, for metrics       the same, and public addresses on the ports of egress

Workers fetch what strangers ask for, so private and link-local ranges, where the cluster and its clouds'
metadata services are, stay closed to them. The guard inside the worker judges every connection before that,
by name and address; the policy holds also where something gets past the guard.
"""

from __future__ import annotations

from ipaddress import ip_network

from reelplane_plan.network import Destination
from reelplane_plan.render.manifests.child import Manifest
from reelplane_plan.render.manifests.names import MANAGED, head, port_name, selector
from reelplane_plan.types import Facts, Plan, Workload

_LINK_LOCAL = {
    "0.0.0.0/0": ["169.254.0.0/16"],
    # The metadata services of AWS and of Google Cloud have IPv6 addresses of the private range.
    "::/0": ["fe80::/10", "fd00:ec2::254/128", "fd20:ce::254/128"],
}
_NOT_PUBLIC = {
    "0.0.0.0/0": ["10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"],
    "::/0": ["fc00::/7", "fe80::/10"],
}
"""RFC 1918, RFC 6598 (carrier-grade NAT, which some clouds give to pods), RFC 3927; RFC 4193 and RFC 4291."""
_NAMES = 53
"""Port at which names are resolved."""


def policy(workload: Workload, plan: Plan, facts: Facts) -> Manifest:
    spec: Manifest = {
        "podSelector": {"matchLabels": selector(workload, plan)},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [_ingress(workload, plan)],
    }
    # An empty list is not stored: it would be missing, and applied anew, each time.
    if egress := _egress(workload, plan):
        spec["egress"] = egress
    return {**head("networking.k8s.io/v1", "NetworkPolicy", workload, plan, facts), "spec": spec}


def _ingress(workload: Workload, plan: Plan) -> Manifest:
    rule: Manifest = {"ports": [{"protocol": "TCP", "port": port_name(workload)}]}
    if workload.role != "store":
        return rule
    users = {
        "matchLabels": {"app.kubernetes.io/part-of": plan.platform, **MANAGED},
        "matchExpressions": [
            {"key": "app.kubernetes.io/component", "operator": "In", "values": ["api", "worker"]}
        ],
    }
    return {**rule, "from": [{"podSelector": users}]}


def _egress(workload: Workload, plan: Plan) -> list[Manifest]:
    reach = workload.reach
    rules: list[Manifest] = []
    if workload.role != "store":
        # Where names are resolved differs (pods, the node, a link-local address), so the port alone is said.
        rules.append({"ports": [{"protocol": "UDP", "port": _NAMES}, *_tcp(_NAMES)]})
    stores = {each.name: each for each in plan.workloads if each.role == "store"}
    rules += [
        {
            "to": [{"podSelector": {"matchLabels": selector(stores[name], plan)}}],
            "ports": _tcp(port),
        }
        for name, port in reach.servers
    ]
    if reach.public:
        rules.append({"to": _blocks(_NOT_PUBLIC), "ports": _tcp(*reach.public)})
    return [*rules, *(_outside(each) for each in reach.outside)]


def _outside(destination: Destination) -> Manifest:
    """A host name has addresses that nobody knows beforehand: its port is opened, to all but link-local ones."""
    if destination.cidr is None:
        to = _blocks(_LINK_LOCAL)
    else:
        to = [{"ipBlock": {"cidr": str(ip_network(destination.cidr, strict=False))}}]
    return {"to": to, "ports": _tcp(destination.port) if destination.port else [{"protocol": "TCP"}]}


def _blocks(ranges: dict[str, list[str]]) -> list[Manifest]:
    return [{"ipBlock": {"cidr": cidr, "except": list(closed)}} for cidr, closed in ranges.items()]


def _tcp(*ports: int) -> list[Manifest]:
    return [{"protocol": "TCP", "port": port} for port in ports]
