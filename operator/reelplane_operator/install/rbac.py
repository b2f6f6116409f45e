"""What the operator may do, and for which line of its code: the one list that both installs are made from.

Server-side apply needs ``patch``, and ``create`` when the object is not there yet. Nothing is given for
``update``, ``deletecollection`` or wildcards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

READ = ("get", "list", "watch")
KEEP = (*READ, "create", "patch", "delete")
"""Of a child: seen, applied, pruned."""


@dataclass(frozen=True, slots=True)
class Grant:
    """Verbs on resources of one API group, and the reason."""

    group: str
    resources: tuple[str, ...]
    verbs: tuple[str, ...]
    why: str

    def rule(self) -> dict[str, Any]:
        return {"apiGroups": [self.group], "resources": list(self.resources), "verbs": list(self.verbs)}


OBJECTS: tuple[Grant, ...] = (
    Grant(
        "reelplane.io",
        ("videoplatforms", "videopipelines", "proxypools", "regiondeployments"),
        KEEP,
        "what is declared; a region in this very cluster has its objects written here",
    ),
    Grant(
        "reelplane.io",
        (
            "videoplatforms/status",
            "videopipelines/status",
            "proxypools/status",
            "regiondeployments/status",
        ),
        ("patch",),
        "what was seen",
    ),
    Grant("apps", ("deployments", "statefulsets"), KEEP, "API, workers, stores"),
    Grant("", ("configmaps", "services", "serviceaccounts"), KEEP, "runtime documents, names, identities"),
    Grant("", ("secrets",), KEEP, "reads the Secrets that are named, writes the workloads' own"),
    Grant("", ("pods",), ("get", "list", "patch"), "the cost of deleting a busy worker"),
    Grant("", ("services/proxy",), ("get",), "live figures, asked of the API workload"),
    Grant("autoscaling", ("horizontalpodautoscalers",), KEEP, "copies of the API; workers without KEDA"),
    Grant("keda.sh", ("scaledobjects",), KEEP, "workers by waiting and running jobs"),
    Grant("policy", ("poddisruptionbudgets",), KEEP, "what a drain of nodes leaves running"),
    Grant("networking.k8s.io", ("ingresses", "networkpolicies"), KEEP, "the domain; who reaches whom"),
    Grant("gateway.networking.k8s.io", ("httproutes",), KEEP, "the domain, with a Gateway"),
    Grant("monitoring.coreos.com", ("servicemonitors",), KEEP, "scraping, where Prometheus Operator is"),
    Grant("events.k8s.io", ("events",), ("create", "patch"), "what a person should read"),
)
"""In every namespace that is watched."""

CLUSTER: tuple[Grant, ...] = (
    Grant("apiextensions.k8s.io", ("customresourcedefinitions",), READ, "whether KEDA and others are there"),
    Grant("", ("nodes",), ("get", "list"), "whether a GPU can be had"),
    Grant(
        "scheduling.k8s.io", ("priorityclasses",), ("get", "list"), "whether the priority classes are there"
    ),
    Grant("", ("namespaces",), READ, "which namespaces there are to watch"),
)
"""Of the cluster. An install for single namespaces goes without: capabilities then come from discovery."""

OWN: tuple[Grant, ...] = (
    Grant("coordination.k8s.io", ("leases",), ("get", "create", "patch"), "one leader among the replicas"),
    Grant("", ("configmaps",), ("get", "list", "create", "patch", "delete"), "records of what regions hold"),
)
"""In the operator's own namespace."""


def rules(*grants: Grant) -> list[dict[str, Any]]:
    return [grant.rule() for grant in grants]
