"""What NetworkPolicies mean: whether one pod may open a connection, by the rules of networking.k8s.io/v1.

A pod that no policy of a direction selects is open in it; one that is selected may do what any of them allows.
Written for what our policies say: pod selectors of the same namespace, address blocks, ports by number or name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any

Policy = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Pod:
    """One end of a connection inside the cluster."""

    labels: Mapping[str, str]
    ports: Mapping[str, int] = field(default_factory=dict)
    """Named ports of its containers."""


Peer = Pod | str
"""A pod, or an address outside of the pods."""


def of(workload: Mapping[str, Any]) -> Pod:
    """A pod of a Deployment or StatefulSet."""
    template = workload["spec"]["template"]
    ports = [port for each in template["spec"]["containers"] for port in each.get("ports", ())]
    return Pod(template["metadata"]["labels"], {port["name"]: port["containerPort"] for port in ports})


def connects(
    policies: Iterable[Policy], source: Peer, target: Peer, port: int, protocol: str = "TCP"
) -> bool:
    """Whether ``source`` may open a connection to ``port`` of ``target``."""
    known = [policy["spec"] for policy in policies]
    opening = _Opening(target, port, protocol)
    return _may(known, source, target, opening, ("Egress", "egress", "to")) and _may(
        known, target, source, opening, ("Ingress", "ingress", "from")
    )


@dataclass(frozen=True, slots=True)
class _Opening:
    """What is opened: a port of a target, in a protocol."""

    target: Peer
    port: int
    protocol: str

    def by(self, rule: Mapping[str, Any]) -> bool:
        """Whether one entry of a rule's ports opens it."""
        if rule.get("protocol", "TCP") != self.protocol:
            return False
        wanted = rule.get("port", self.port)
        if isinstance(wanted, str):
            return isinstance(self.target, Pod) and self.target.ports.get(wanted) == self.port
        return bool(wanted == self.port)


def _may(
    policies: list[Policy], subject: Peer, other: Peer, opening: _Opening, side: tuple[str, str, str]
) -> bool:
    """Whether ``subject`` may be an end of it, by the policies of one direction that select it."""
    if isinstance(subject, str):
        return True
    direction, rules, key = side
    selected = [
        policy
        for policy in policies
        if direction in policy["policyTypes"] and _matches(policy["podSelector"], subject.labels)
    ]
    return not selected or any(
        (key not in rule or any(_is(peer, other) for peer in rule[key]))
        and ("ports" not in rule or any(opening.by(each) for each in rule["ports"]))
        for policy in selected
        for rule in policy.get(rules, ())
    )


def _is(peer: Mapping[str, Any], other: Peer) -> bool:
    if "ipBlock" in peer:
        if isinstance(other, Pod):
            return False
        address = ip_address(other)
        inside = address in ip_network(peer["ipBlock"]["cidr"])
        return inside and not any(address in ip_network(each) for each in peer["ipBlock"].get("except", ()))
    return isinstance(other, Pod) and _matches(peer["podSelector"], other.labels)


def _matches(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    if not selector.get("matchLabels", {}).items() <= labels.items():
        return False
    for each in selector.get("matchExpressions", ()):
        assert each["operator"] == "In"
        if labels.get(each["key"]) not in each["values"]:
            return False
    return True
