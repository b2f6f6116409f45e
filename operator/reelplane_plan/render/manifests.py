"""A plan as Kubernetes manifests: plain dicts, in the order in which they may be applied.

    Workload ─┬─ ConfigMap   the runtime document, and Secret with the files it names
              ├─ Deployment  api and workers        StatefulSet  a Valkey of our own
              └─ Service     what others reach      NetworkPolicy  who may reach a Valkey

Every pod template carries a hash of its document and secrets, so that a change rolls the pods. All pods fit
the ``restricted`` Pod Security Standard. Nothing is random: a generated secret (the signing key) is mounted
from a Secret that must exist, and is not made here.
"""

from __future__ import annotations

import hashlib
from typing import Any

from reelplane_plan.builders.stores import valkey_options
from reelplane_plan.types import Config, Facts, Plan, SecretFile, ValkeyServer, Workload

Manifest = dict[str, Any]

_DOCUMENT = "/etc/reelplane/document"
_USER = 65532
"""``nonroot`` of the distroless images; any number but 0 would do."""
_HASH = "reelplane.io/content-hash"


def render(plan: Plan, facts: Facts) -> list[Manifest]:
    """The manifests of ``plan``. Secret values stand in Secret objects only."""
    return [manifest for workload in plan.workloads for manifest in _workload(workload, plan, facts)]


def object_name(workload: Workload) -> str:
    """``reels-api``, ``shorts-download``."""
    return f"{workload.owner}-{workload.name}"


def generated_secret(plan: Plan, file: SecretFile) -> str:
    """Name of the Secret that holds a generated file under a key of the file's own name."""
    return f"{plan.platform}-{file.name}"


def _workload(workload: Workload, plan: Plan, facts: Facts) -> list[Manifest]:
    if workload.server:
        return [
            _service(workload, plan, facts),
            _network_policy(workload, plan, facts),
            _stateful_set(workload, workload.server, plan, facts),
        ]
    if workload.config is None:
        return []
    made = [_config_map(workload, workload.config, plan, facts)]
    if any(file.content for file in workload.config.secrets):
        made.append(_secret(workload, workload.config, plan, facts))
    if workload.role == "api":
        made.append(_service(workload, plan, facts))
    return [*made, _deployment(workload, workload.config, plan, facts)]


def _config_map(workload: Workload, config: Config, plan: Plan, facts: Facts) -> Manifest:
    head = _head("v1", "ConfigMap", workload, plan, facts)
    return {**head, "data": {"runtime.json": config.document.dump()}}


def _secret(workload: Workload, config: Config, plan: Plan, facts: Facts) -> Manifest:
    data = {_key(file): file.content.value for file in config.secrets if file.content}
    return {**_head("v1", "Secret", workload, plan, facts), "type": "Opaque", "stringData": data}


def _service(workload: Workload, plan: Plan, facts: Facts) -> Manifest:
    """A Service under the name the documents use. Headless for a single server: its pod is the endpoint."""
    port = workload.endpoint.port if workload.endpoint else 80
    spec: Manifest = {
        "selector": _selector(workload, plan),
        "ports": [{"name": _port_name(workload), "port": port, "targetPort": _port_name(workload)}],
    }
    if workload.server:
        spec["clusterIP"] = "None"
    return {**_head("v1", "Service", workload, plan, facts), "spec": spec}


def _network_policy(workload: Workload, plan: Plan, facts: Facts) -> Manifest:
    """Only this platform's pods reach its Valkey, which asks for no password."""
    ours = {"podSelector": {"matchLabels": {"app.kubernetes.io/part-of": plan.platform, **_MANAGED}}}
    spec = {
        "podSelector": {"matchLabels": _selector(workload, plan)},
        "policyTypes": ["Ingress"],
        "ingress": [{"from": [ours], "ports": [{"port": _port_name(workload)}]}],
    }
    return {**_head("networking.k8s.io/v1", "NetworkPolicy", workload, plan, facts), "spec": spec}


def _deployment(workload: Workload, config: Config, plan: Plan, facts: Facts) -> Manifest:
    spec: Manifest = {"selector": {"matchLabels": _selector(workload, plan)}}
    if workload.scale.rule is None:
        # A scaled Deployment says nothing about its size: that field is the autoscaler's.
        spec["replicas"] = workload.scale.replicas
    # Serving pods are replaced one by one, each only when its successor answers; workers hand their jobs over.
    serving = workload.role == "api"
    spec["strategy"] = {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}
        if serving
        else {"maxUnavailable": "25%", "maxSurge": 1},
    }
    container = _workload_container(workload, facts)
    pod = _pod(workload, [container], _workload_volumes(workload, config, plan))
    if serving:
        pod["topologySpreadConstraints"] = [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": _selector(workload, plan)},
            }
        ]
    spec["template"] = _template(workload, plan, pod, _content_hash(config))
    return {**_head("apps/v1", "Deployment", workload, plan, facts), "spec": spec}


def _workload_container(workload: Workload, facts: Facts) -> Manifest:
    port = workload.endpoint.port if workload.endpoint else 8080
    args = [workload.role, "--document", f"{_DOCUMENT}/runtime.json", "--instance", "$(POD_NAME)"]
    return {
        "name": workload.role,
        "image": facts.image,
        "command": ["python", "-m", "reelplane_workloads"],
        "args": [*args, "--host", "0.0.0.0", "--port", str(port)],  # noqa: S104 - a pod's own address
        "env": [{"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        "ports": [{"name": _port_name(workload), "containerPort": port}],
        "startupProbe": {**_http("/readyz"), "periodSeconds": 1, "failureThreshold": 120},
        "readinessProbe": {
            **_http("/readyz"),
            "periodSeconds": 5,
            "timeoutSeconds": 3,
            "failureThreshold": 3,
        },
        "livenessProbe": {
            **_http("/healthz"),
            "periodSeconds": 5,
            "timeoutSeconds": 5,
            "failureThreshold": 6,
        },
        "resources": _resources(workload),
        "securityContext": _CONTAINER_SECURITY,
        "volumeMounts": [
            {"name": "document", "mountPath": _DOCUMENT, "readOnly": True},
            {"name": "secrets", "mountPath": str(facts.layout.secrets), "readOnly": True},
            {"name": "work", "mountPath": str(facts.layout.work)},
            {"name": "run", "mountPath": str(facts.layout.sockets)},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - the pod's own, on an emptyDir
        ],
    }


def _workload_volumes(workload: Workload, config: Config, plan: Plan) -> list[Manifest]:
    given = [file for file in config.secrets if file.content]
    sources = [
        {
            "secret": {
                "name": object_name(workload),
                "items": [{"key": _key(file), "path": file.name} for file in given],
            }
        }
    ]
    sources += [
        {"secret": {"name": generated_secret(plan, file), "items": [{"key": file.name, "path": file.name}]}}
        for file in config.secrets
        if file.content is None
    ]
    return [
        {"name": "document", "configMap": {"name": object_name(workload)}},
        {
            "name": "secrets",
            "projected": {"defaultMode": 0o440, "sources": sources if given else sources[1:]},
        },
        {"name": "work", "emptyDir": {}},
        {"name": "run", "emptyDir": {}},
        {"name": "tmp", "emptyDir": {}},
    ]


def _stateful_set(workload: Workload, server: ValkeyServer, plan: Plan, facts: Facts) -> Manifest:
    """One Valkey. A queue keeps its append-only file on a volume; a cache may vanish with its pod."""
    options = ["--port", "6379", "--dir", str(facts.layout.valkey), *valkey_options(server)]
    ping = {"exec": {"command": ["valkey-cli", "ping"]}, "timeoutSeconds": 5}
    container = {
        "name": "valkey",
        "image": facts.valkey_image,
        "command": ["valkey-server"],
        # Without a password a server refuses all but its own host; who may come in is the NetworkPolicy's.
        "args": ["--protected-mode", "no", *options],
        "ports": [{"name": _port_name(workload), "containerPort": 6379}],
        "startupProbe": {**ping, "periodSeconds": 1, "failureThreshold": 120},
        "readinessProbe": {**ping, "periodSeconds": 5},
        "livenessProbe": {**ping, "periodSeconds": 5, "failureThreshold": 6},
        "resources": _resources(workload),
        "securityContext": _CONTAINER_SECURITY,
        "volumeMounts": [{"name": "data", "mountPath": str(facts.layout.valkey)}],
    }
    digest = hashlib.sha256("\0".join(options).encode()).hexdigest()[:16]
    spec: Manifest = {
        "serviceName": object_name(workload),
        "replicas": 1,
        "selector": {"matchLabels": _selector(workload, plan)},
        "template": _template(workload, plan, _pod(workload, [container], []), digest),
    }
    if server.durable:
        # The append-only file and its rewrite stand side by side for a moment, each up to the memory's size.
        size = {"resources": {"requests": {"storage": f"{-(-server.memory * 3 // 2**30)}Gi"}}}
        claim = {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"], **size}}
        spec["volumeClaimTemplates"] = [claim]
    else:
        spec["template"]["spec"]["volumes"] = [{"name": "data", "emptyDir": {}}]
    return {**_head("apps/v1", "StatefulSet", workload, plan, facts), "spec": spec}


def _template(workload: Workload, plan: Plan, pod: Manifest, content_hash: str) -> Manifest:
    return {
        "metadata": {"labels": _labels(workload, plan), "annotations": {_HASH: content_hash}},
        "spec": pod,
    }


def _pod(workload: Workload, containers: list[Manifest], volumes: list[Manifest]) -> Manifest:
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": workload.policy.grace,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "fsGroup": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": containers,
        "volumes": volumes,
    }


_CONTAINER_SECURITY: Manifest = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
_MANAGED = {"app.kubernetes.io/managed-by": "reelplane"}


def _head(version: str, kind: str, workload: Workload, plan: Plan, facts: Facts) -> Manifest:
    metadata: Manifest = {"name": object_name(workload)}
    if facts.namespace:
        metadata["namespace"] = facts.namespace
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {**metadata, "labels": _labels(workload, plan)},
    }


def _selector(workload: Workload, plan: Plan) -> dict[str, str]:
    """Labels that never change: a Deployment's selector is immutable."""
    return {
        "app.kubernetes.io/name": workload.name,
        "app.kubernetes.io/instance": object_name(workload),
        "app.kubernetes.io/part-of": plan.platform,
    }


def _labels(workload: Workload, plan: Plan) -> dict[str, str]:
    return {**_selector(workload, plan), "app.kubernetes.io/component": workload.role, **_MANAGED}


def _resources(workload: Workload) -> Manifest:
    wanted = workload.resources
    return {
        "requests": {"cpu": wanted.cpu, "memory": wanted.memory},
        "limits": {"memory": wanted.memory_limit},
    }


def _http(path: str) -> Manifest:
    return {"httpGet": {"path": path, "port": "http"}}


def _port_name(workload: Workload) -> str:
    return "valkey" if workload.server else "http"


def _key(file: SecretFile) -> str:
    """A Secret's keys know no folders."""
    return file.name.replace("/", ".")


def _content_hash(config: Config) -> str:
    digest = hashlib.sha256(config.document.dump().encode())
    for file in config.secrets:
        digest.update(f"\0{file.name}={file.content.value if file.content else ''}".encode())
    return digest.hexdigest()[:16]
