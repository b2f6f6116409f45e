"""ServiceMonitors: what a Prometheus operator is told to read, where the cluster has one."""

from __future__ import annotations

from reelplane_plan.render.manifests.child import Manifest
from reelplane_plan.render.manifests.names import head, port_name, selector, theirs
from reelplane_plan.types import Facts, Plan, Workload

_INTERVAL = "15s"


def service_monitor(workload: Workload, plan: Plan, facts: Facts) -> Manifest | None:
    """None for servers, which tell nothing in Prometheus' words, and on a cluster without that kind."""
    wanted = plan.cluster.monitor
    if wanted is None or workload.role == "store":
        return None
    made = head("monitoring.coreos.com/v1", "ServiceMonitor", workload, plan, facts)
    made["metadata"]["labels"] = theirs(wanted) | made["metadata"]["labels"]
    spec = {
        "selector": {"matchLabels": selector(workload, plan)},
        "endpoints": [{"port": port_name(workload), "path": "/metrics", "interval": _INTERVAL}],
    }
    return {**made, "spec": spec}
