"""PodDisruptionBudgets: what an eviction may take at once.

Only the API has one. A worker that is evicted finishes or hands back its jobs; a budget would keep it from
learning that its node goes. A server has one pod, and a budget of none would hold up every node for good.
"""

from __future__ import annotations

from reelplane_plan.render.manifests.child import Manifest
from reelplane_plan.render.manifests.names import head, selector
from reelplane_plan.types import Facts, Plan, Workload


def budget(workload: Workload, plan: Plan, facts: Facts) -> Manifest | None:
    """None where there can be one pod only: one out of one that may go is no budget."""
    most = workload.scale.maximum or workload.scale.replicas
    if workload.role != "api" or most < 2:
        return None
    spec = {
        "maxUnavailable": 1,
        "selector": {"matchLabels": selector(workload, plan)},
        # A pod that does not run serves nobody, and must not keep a node from being emptied.
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
    }
    return {**head("policy/v1", "PodDisruptionBudget", workload, plan, facts), "spec": spec}
