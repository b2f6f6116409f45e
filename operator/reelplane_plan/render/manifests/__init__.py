"""A plan as Kubernetes manifests: plain dicts, in the order in which they may be applied.

    Plan ──┬─ Secret          for each file that is made once
           ├─ for each workload, one pure builder per kind; "none of it" is a value
           │    ServiceAccount, ConfigMap, Secret       what it is and what it reads      config
           │    Service, NetworkPolicy                  who reaches it, whom it reaches   service, network
           │    Deployment | StatefulSet                its pods                          deployment, statefulset, pod
           │    PodDisruptionBudget                     what may be taken from it         disruption
           │    HorizontalPodAutoscaler | ScaledObject  how many it is                    scaling
           │    ServiceMonitor                          who reads its metrics             monitoring
           └─   Ingress | HTTPRoute                     the public way to the API         route

A manifest is the whole object as we want it, and says nothing of what others decide: the number of scaled pods,
the class of a default IngressClass. Nothing is random and no order depends on chance, so that equal plans make
equal manifests.
"""

from __future__ import annotations

from reelplane_plan.render.manifests.child import Child, Manifest, OwnerRef
from reelplane_plan.render.manifests.config import config_map, generated, secret, service_account
from reelplane_plan.render.manifests.deployment import deployment
from reelplane_plan.render.manifests.disruption import budget
from reelplane_plan.render.manifests.monitoring import service_monitor
from reelplane_plan.render.manifests.names import generated_secret, key, object_name, owner
from reelplane_plan.render.manifests.network import policy
from reelplane_plan.render.manifests.route import route
from reelplane_plan.render.manifests.scaling import scaler
from reelplane_plan.render.manifests.service import service
from reelplane_plan.render.manifests.statefulset import stateful_set
from reelplane_plan.types import Facts, Plan, Workload

__all__ = ["Child", "Manifest", "OwnerRef", "children", "generated_secret", "object_name", "render"]


def children(plan: Plan, facts: Facts) -> tuple[Child, ...]:
    """All objects of ``plan``, in the order in which they may be applied."""
    platform = OwnerRef("VideoPlatform", plan.platform)
    made = [
        Child(platform, generated(file, plan, facts), generate={key(file): file.length})
        for file in plan.secrets
        if file.content is None
    ]
    for workload in plan.workloads:
        made += [
            Child(owner(workload, plan), manifest)
            for manifest in _of(workload, plan, facts)
            if manifest is not None
        ]
    return tuple(made)


def render(plan: Plan, facts: Facts) -> list[Manifest]:
    """The manifests of ``plan`` that are the same whoever applies them: all but the Secrets that are made once.
    Secret values stand in Secret objects only."""
    return [child.manifest for child in children(plan, facts) if not child.generate]


def _of(workload: Workload, plan: Plan, facts: Facts) -> tuple[Manifest | None, ...]:
    account = service_account(workload, plan, facts)
    network = (service(workload, plan, facts), policy(workload, plan, facts))
    if workload.server:
        return (account, *network, stateful_set(workload, workload.server, plan, facts))
    if workload.config is None:
        return ()
    return (
        account,
        config_map(workload, workload.config, plan, facts),
        secret(workload, workload.config, plan, facts),
        *network,
        deployment(workload, workload.config, plan, facts),
        budget(workload, plan, facts),
        scaler(workload, plan, facts),
        service_monitor(workload, plan, facts),
        route(workload, plan, facts),
    )
