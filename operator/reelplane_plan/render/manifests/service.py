"""Services: the names under which workloads find each other, and under which they are found.

Headless for a single server, whose pod is the endpoint, and for workers, which only a Prometheus looks up.
"""

from __future__ import annotations

from reelplane_plan.render.manifests.child import Manifest
from reelplane_plan.render.manifests.names import head, port_name, selector
from reelplane_plan.types import Facts, Plan, Workload


def service(workload: Workload, plan: Plan, facts: Facts) -> Manifest | None:
    """None for workers that nobody looks up."""
    if workload.endpoint is None or (workload.role == "worker" and plan.cluster.monitor is None):
        return None
    name = port_name(workload)
    spec: Manifest = {
        "selector": selector(workload, plan),
        "ports": [{"name": name, "port": workload.endpoint.port, "targetPort": name}],
    }
    if workload.role != "api":
        spec["clusterIP"] = "None"
    return {**head("v1", "Service", workload, plan, facts), "spec": spec}
