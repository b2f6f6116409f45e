"""The operator's own objects, as plain dicts. Pure: settings in, objects out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reelplane_operator.install import rbac

Manifest = dict[str, Any]

NAME = "reelplane-operator"
_LABELS = {"app.kubernetes.io/name": NAME, "app.kubernetes.io/part-of": "reelplane"}
_PORT = 8080
SERVING = "reelplane-serving"


@dataclass(frozen=True, slots=True)
class Settings:
    """Where and how the operator runs. Values may be Helm expressions: they are placed, never looked at."""

    namespace: str = "reelplane-system"
    image: str = "reelplane/operator:0.1.0"
    workloads_image: str = "reelplane/workloads:0.1.0"
    extractor_image: str = "reelplane/extractor"
    pull_policy: str = "IfNotPresent"
    replicas: int | str = 2
    watch: Sequence[str] = ()
    """Namespaces that are watched; empty: all of them."""
    resources: Any = None
    priority_class: str | None = None


DEFAULT_RESOURCES = {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}}
"""No CPU limit: throttling delays every change. The memory is twice what 1,000 pipelines take (make bench)."""


def namespace(settings: Settings) -> Manifest:
    """The namespace, held to the strictest Pod Security Standard."""
    labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": settings.namespace, "labels": labels},
    }


def common(settings: Settings) -> list[Manifest]:
    """What every install has: the Deployment, its identity, and who may reach it."""
    return [
        _object("v1", "ServiceAccount", NAME, settings.namespace, automountServiceAccountToken=False),
        _role(f"{NAME}-leader", settings.namespace, rbac.OWN),
        _binding(f"{NAME}-leader", settings.namespace, "Role", settings.namespace),
        deployment(settings),
        _object(
            "v1",
            "Service",
            NAME,
            settings.namespace,
            spec={"selector": _LABELS, "ports": [{"name": "http", "port": _PORT, "targetPort": "http"}]},
        ),
        _object(
            "policy/v1",
            "PodDisruptionBudget",
            NAME,
            settings.namespace,
            spec={"maxUnavailable": 1, "selector": {"matchLabels": _LABELS}},
        ),
        network_policy(settings),
    ]


def cluster_wide(settings: Settings) -> list[Manifest]:
    """Rights in every namespace, and the priority classes that serving and batch pods are given."""
    return [
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": NAME, "labels": _LABELS},
            "rules": rbac.rules(*rbac.OBJECTS, *rbac.CLUSTER),
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": NAME, "labels": _LABELS},
            "roleRef": _role_ref("ClusterRole", NAME),
            "subjects": [_subject(settings.namespace)],
        },
        _priority(SERVING, 1_000_000, "Serves people: API and stores of a VideoPlatform."),
        _priority("reelplane-batch", 100_000, "Works on a queue: waits for serving pods when room is short."),
    ]


def namespaced(settings: Settings, watched: str) -> list[Manifest]:
    """Rights in one namespace that is watched."""
    return [
        _role(NAME, watched, rbac.OBJECTS),
        _binding(NAME, watched, "Role", settings.namespace),
    ]


def user_roles() -> list[Manifest]:
    """Roles for people, added to the cluster's own view, edit and admin by aggregation."""
    kinds = ["videoplatforms", "videopipelines", "proxypools", "regiondeployments"]
    wanted = {"view": list(rbac.READ), "edit": [*rbac.KEEP, "update", "deletecollection"]}
    return [
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {
                "name": f"reelplane-{role}",
                "labels": {
                    **_LABELS,
                    **{
                        f"rbac.authorization.k8s.io/aggregate-to-{each}": "true"
                        for each in ({"view": ("view",), "edit": ("edit", "admin")}[role])
                    },
                },
            },
            "rules": [{"apiGroups": ["reelplane.io"], "resources": kinds, "verbs": verbs}],
        }
        for role, verbs in wanted.items()
    ]


def deployment(settings: Settings) -> Manifest:
    """Two replicas: one leads, the other has read everything already and takes over within the lease."""
    arguments = [
        "run",
        "--leader-elect",
        "--identity=$(POD_NAME)",
        "--operator-namespace=$(POD_NAMESPACE)",
        f"--http-port={_PORT}",
        f"--workloads-image={settings.workloads_image}",
        f"--extractor-image={settings.extractor_image}",
        *(f"--namespace={each}" for each in settings.watch),
    ]
    alive = {"httpGet": {"path": "/healthz", "port": "http"}}
    container = {
        "name": "operator",
        "image": settings.image,
        "imagePullPolicy": settings.pull_policy,
        "command": ["python", "-m", "reelplane_operator"],
        "args": arguments,
        "env": [
            {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "POD_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
        ],
        "ports": [{"name": "http", "containerPort": _PORT}],
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": "http"}, "periodSeconds": 5},
        # On a node where everything starts at once, loading the code may take minutes.
        "startupProbe": {**alive, "periodSeconds": 2, "failureThreshold": 150},
        "livenessProbe": {**alive, "periodSeconds": 10, "failureThreshold": 6},
        "resources": settings.resources or DEFAULT_RESOURCES,
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 - the pod's own, on an emptyDir
    }
    pod = {
        "serviceAccountName": NAME,
        "automountServiceAccountToken": True,
        "enableServiceLinks": False,
        # Else a signal that comes before the process has a handler for it would be lost (see the plan's pods).
        "shareProcessNamespace": True,
        **({"priorityClassName": settings.priority_class} if settings.priority_class else {}),
        "terminationGracePeriodSeconds": 30,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "runAsGroup": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": _LABELS},
            }
        ],
        "containers": [container],
        "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}}],
    }
    spec = {
        "replicas": settings.replicas,
        "revisionHistoryLimit": 3,
        "selector": {"matchLabels": _LABELS},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
        "template": {"metadata": {"labels": _LABELS}, "spec": pod},
    }
    return _object("apps/v1", "Deployment", NAME, settings.namespace, spec=spec)


def network_policy(settings: Settings) -> Manifest:
    """In: metrics and probes. Out: names, and API servers, whose address nobody knows beforehand."""
    spec = {
        "podSelector": {"matchLabels": _LABELS},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"ports": [{"port": "http"}]}],
        "egress": [
            {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]},
            {"ports": [{"port": 443}, {"port": 6443}]},
        ],
    }
    return _object("networking.k8s.io/v1", "NetworkPolicy", NAME, settings.namespace, spec=spec)


def service_monitor(settings: Settings) -> Manifest:
    """Scraping, for clusters with Prometheus Operator."""
    spec = {
        "selector": {"matchLabels": _LABELS},
        "endpoints": [{"port": "http", "path": "/metrics", "interval": "15s"}],
    }
    return _object("monitoring.coreos.com/v1", "ServiceMonitor", NAME, settings.namespace, spec=spec)


def _object(version: str, kind: str, name: str, where: str, **rest: Any) -> Manifest:
    metadata = {"name": name, "namespace": where, "labels": dict(_LABELS)}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **rest}


def _role(name: str, where: str, grants: tuple[rbac.Grant, ...]) -> Manifest:
    return _object("rbac.authorization.k8s.io/v1", "Role", name, where, rules=rbac.rules(*grants))


def _binding(name: str, where: str, role_kind: str, operator_namespace: str) -> Manifest:
    return _object(
        "rbac.authorization.k8s.io/v1",
        "RoleBinding",
        name,
        where,
        roleRef=_role_ref(role_kind, name),
        subjects=[_subject(operator_namespace)],
    )


def _role_ref(kind: str, name: str) -> dict[str, str]:
    return {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name}


def _subject(where: str) -> dict[str, str]:
    return {"kind": "ServiceAccount", "name": NAME, "namespace": where}


def _priority(name: str, value: int, description: str) -> Manifest:
    return {
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": {"name": name, "labels": dict(_LABELS)},
        "value": value,
        "preemptionPolicy": "PreemptLowerPriority" if value > 100_000 else "Never",
        "description": description,
    }
