"""The resource types that the operator and its command line touch: where each is found on an API server.

A manifest names its kind (``apps/v1``, ``Deployment``), a URL names the plural. Instead of asking every server's
discovery at each start, the pairs that we use are written down here once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote


@dataclass(frozen=True)
class ResourceType:
    """One resource of the API: ``group`` is empty for the core group."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """As manifests write it: ``apps/v1``, ``v1``."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @cached_property
    def root(self) -> str:
        """The path of the group and version."""
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"

    def path(self, namespace: str | None, name: str | None = None, subresource: str | None = None) -> str:
        """The path on the server; without ``namespace`` that of all namespaces, without ``name`` the collection.

        Raises ValueError for a name without the namespace that it needs.
        """
        path = self.root
        if self.namespaced and namespace:
            path += "/namespaces/" + quote(namespace, safe="")
        elif self.namespaced and name:
            raise ValueError(f"{self.kind} {name!r} is an object of a namespace, and none was given")
        path += "/" + self.plural
        if name:
            path += "/" + quote(name, safe=":")
        return f"{path}/{subresource}" if subresource else path


PLATFORMS = ResourceType("reelplane.io", "v1alpha1", "VideoPlatform", "videoplatforms")
PIPELINES = ResourceType("reelplane.io", "v1alpha1", "VideoPipeline", "videopipelines")
PROXY_POOLS = ResourceType("reelplane.io", "v1alpha1", "ProxyPool", "proxypools")
REGIONS = ResourceType("reelplane.io", "v1alpha1", "RegionDeployment", "regiondeployments")

CONFIG_MAPS = ResourceType("", "v1", "ConfigMap", "configmaps")
SECRETS = ResourceType("", "v1", "Secret", "secrets")
SERVICES = ResourceType("", "v1", "Service", "services")
SERVICE_ACCOUNTS = ResourceType("", "v1", "ServiceAccount", "serviceaccounts")
PODS = ResourceType("", "v1", "Pod", "pods")
VOLUME_CLAIMS = ResourceType("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims")
NODES = ResourceType("", "v1", "Node", "nodes", namespaced=False)
NAMESPACES = ResourceType("", "v1", "Namespace", "namespaces", namespaced=False)
DEPLOYMENTS = ResourceType("apps", "v1", "Deployment", "deployments")
STATEFUL_SETS = ResourceType("apps", "v1", "StatefulSet", "statefulsets")
REPLICA_SETS = ResourceType("apps", "v1", "ReplicaSet", "replicasets")
AUTOSCALERS = ResourceType("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers")
DISRUPTION_BUDGETS = ResourceType("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets")
NETWORK_POLICIES = ResourceType("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies")
INGRESSES = ResourceType("networking.k8s.io", "v1", "Ingress", "ingresses")
HTTP_ROUTES = ResourceType("gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes")
GATEWAYS = ResourceType("gateway.networking.k8s.io", "v1", "Gateway", "gateways")
SCALED_OBJECTS = ResourceType("keda.sh", "v1alpha1", "ScaledObject", "scaledobjects")
SERVICE_MONITORS = ResourceType("monitoring.coreos.com", "v1", "ServiceMonitor", "servicemonitors")
PROMETHEUS_RULES = ResourceType("monitoring.coreos.com", "v1", "PrometheusRule", "prometheusrules")
LEASES = ResourceType("coordination.k8s.io", "v1", "Lease", "leases")
EVENTS = ResourceType("events.k8s.io", "v1", "Event", "events")
ROLES = ResourceType("rbac.authorization.k8s.io", "v1", "Role", "roles")
ROLE_BINDINGS = ResourceType("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings")
CLUSTER_ROLES = ResourceType("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", False)
CLUSTER_ROLE_BINDINGS = ResourceType(
    "rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", False
)
PRIORITY_CLASSES = ResourceType("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", False)
STORAGE_CLASSES = ResourceType("storage.k8s.io", "v1", "StorageClass", "storageclasses", False)
DEFINITIONS = ResourceType(
    "apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", False
)
ACCESS_REVIEWS = ResourceType(
    "authorization.k8s.io", "v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews", False
)

CUSTOM = (PLATFORMS, PIPELINES, PROXY_POOLS, REGIONS)
"""Our own kinds."""

_KNOWN = {
    (each.api_version, each.kind): each for each in list(globals().values()) if isinstance(each, ResourceType)
}


def resource(api_version: str, kind: str) -> ResourceType:
    """The type of a manifest with this ``apiVersion`` and ``kind``. Raises LookupError, which names both."""
    try:
        return _KNOWN[api_version, kind]
    except KeyError:
        raise LookupError(
            f"{api_version} {kind} is not among the resource types of reelplane_operator.cluster.resources:"
            " apiVersion and kind are to be written as the API server serves them"
        ) from None


def type_of(manifest: dict[str, Any]) -> ResourceType:
    """The type of ``manifest``. Raises LookupError."""
    return resource(manifest["apiVersion"], manifest["kind"])
