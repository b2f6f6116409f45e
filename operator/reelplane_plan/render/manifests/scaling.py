"""Autoscalers: who decides how many pods a workload has.

Workers follow the backlog, waiting and running jobs, by KEDA, which asks the API for it. Without KEDA they
follow their CPU and never go below one, since nothing would wake them. The API follows its CPU, also where it
has a fixed number: the number is then the autoscaler's to keep, and the Deployment says none.
"""

from __future__ import annotations

from reelplane_plan.render.manifests.child import Manifest
from reelplane_plan.render.manifests.names import head, object_name
from reelplane_plan.scale import ScalingRule
from reelplane_plan.types import Facts, Plan, Workload

_POLLING = 5
"""Seconds between two looks at the backlog while no worker runs; the autoscaler itself looks every 15."""
_FAILURES = 3
"""Looks in a row that must fail before the backlog counts as unknown."""


def scaler(workload: Workload, plan: Plan, facts: Facts) -> Manifest | None:
    """A ScaledObject or a HorizontalPodAutoscaler; None for a fixed number of pods."""
    if workload.scale.cpu_target is not None:
        return _by_cpu(workload, workload.scale.cpu_target, plan, facts)
    if workload.scale.rule is not None:
        return _by_backlog(workload, workload.scale.rule, plan, facts)
    return None


def _by_cpu(workload: Workload, percent: int, plan: Plan, facts: Facts) -> Manifest:
    scale = workload.scale
    spec: Manifest = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": object_name(workload)},
        "minReplicas": max(1, scale.replicas),
        "maxReplicas": max(1, scale.replicas, scale.maximum or 0),
        "metrics": [
            {
                "type": "Resource",
                "resource": {
                    "name": "cpu",
                    "target": {"type": "Utilization", "averageUtilization": percent},
                },
            }
        ],
    }
    return {**head("autoscaling/v2", "HorizontalPodAutoscaler", workload, plan, facts), "spec": spec}


def _by_backlog(workload: Workload, rule: ScalingRule, plan: Plan, facts: Facts) -> Manifest:
    """When the backlog is unknown nobody is sent away: the number stays, or is the least if that is more."""
    spec: Manifest = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": object_name(workload)},
        "minReplicaCount": rule.minimum,
        "maxReplicaCount": rule.maximum,
        "pollingInterval": _POLLING,
        "cooldownPeriod": rule.stabilisation,
        "fallback": {
            "failureThreshold": _FAILURES,
            "replicas": max(1, rule.minimum),
            "behavior": "currentReplicasIfHigher",
        },
        "advanced": {
            "horizontalPodAutoscalerConfig": {
                "behavior": {
                    "scaleUp": {
                        "stabilizationWindowSeconds": 0,
                        "selectPolicy": "Max",
                        "policies": [{"type": "Pods", "value": rule.maximum, "periodSeconds": 15}],
                    },
                    "scaleDown": {
                        "stabilizationWindowSeconds": rule.stabilisation,
                        "selectPolicy": "Max",
                        "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}],
                    },
                }
            }
        },
        "triggers": [
            {
                "type": "metrics-api",
                "metricType": "AverageValue",
                "metadata": {
                    "url": _status_url(plan, facts),
                    "valueLocation": "queue.backlog",
                    "targetValue": str(rule.queue_length_per_worker),
                },
            }
        ],
    }
    return {**head("keda.sh/v1alpha1", "ScaledObject", workload, plan, facts), "spec": spec}


def _status_url(plan: Plan, facts: Facts) -> str:
    """KEDA runs in a namespace of its own, so the API's Service is named in full."""
    host, port = (plan.endpoint.host, plan.endpoint.port) if plan.endpoint else (f"{plan.platform}-api", 8080)
    return f"http://{host}.{facts.namespace or 'default'}.svc:{port}/v1/status"
