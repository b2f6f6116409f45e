"""Deployments of the API and of the workers.

Neither says how many pods it has where an autoscaler decides it: that field is the autoscaler's.
"""

from __future__ import annotations

from functools import partial

from reelplane_plan.render.manifests import pod
from reelplane_plan.render.manifests.child import Manifest
from reelplane_plan.render.manifests.config import DOCUMENT, content_hash
from reelplane_plan.render.manifests.names import generated_secret, head, key, object_name, selector
from reelplane_plan.types import Config, Facts, HttpProbe, Plan, Workload

_DOCUMENTS = "/etc/reelplane/document"
_EXTRACTOR = "/extractor"
"""Folder of the extractor's image that holds yt-dlp and its helpers."""
_REVISIONS = 2
"""Old ReplicaSets kept: enough to look at what was before; a way back is the resource's own history."""
_PROGRESS = 600
"""Seconds without progress after which a rollout counts as stuck: a node may have to be made first."""


def deployment(workload: Workload, config: Config, plan: Plan, facts: Facts) -> Manifest:
    spec: Manifest = {
        "selector": {"matchLabels": selector(workload, plan)},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": _surge(workload)},
        "revisionHistoryLimit": _REVISIONS,
        "progressDeadlineSeconds": _PROGRESS,
        "template": pod.template(
            workload,
            plan,
            containers=[_container(workload, plan, facts)],
            init=[_copy_extractor(workload.extractor, plan)] if workload.extractor else (),
            volumes=_volumes(workload, config, plan),
            content_hash=content_hash(config),
        ),
    }
    if workload.scale.rule is None and workload.scale.cpu_target is None:
        spec["replicas"] = workload.scale.replicas
    return {**head("apps/v1", "Deployment", workload, plan, facts), "spec": spec}


def _surge(workload: Workload) -> Manifest:
    """How pods are replaced. One that serves goes only when its successor answers. Workers hand over their jobs,
    so a quarter may go at once; where each holds a device, it goes first, since there may be no second one."""
    if workload.role == "api":
        return {"maxUnavailable": 0, "maxSurge": 1}
    if workload.resources.devices:
        return {"maxUnavailable": 1, "maxSurge": 0}
    return {"maxUnavailable": 0, "maxSurge": "25%"}


def _container(workload: Workload, plan: Plan, facts: Facts) -> Manifest:
    port = workload.endpoint.port if workload.endpoint else 8080
    probe = workload.probe if isinstance(workload.probe, HttpProbe) else HttpProbe()
    args = [workload.role, "--document", f"{_DOCUMENTS}/{DOCUMENT}", "--instance", "$(POD_NAME)"]
    mounts = [
        {"name": "document", "mountPath": _DOCUMENTS, "readOnly": True},
        {"name": "secrets", "mountPath": str(facts.layout.secrets), "readOnly": True},
        {"name": "work", "mountPath": str(facts.layout.work)},
        {"name": "run", "mountPath": str(facts.layout.sockets)},
        {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - the pod's own, on an emptyDir
    ]
    if workload.extractor:
        mounts.append(
            {
                "name": "extractor",
                "mountPath": str(facts.layout.extractor),
                "subPath": _EXTRACTOR.strip("/"),
                "readOnly": True,
            }
        )
    fields: Manifest = {
        "command": ["python", "-m", "reelplane_workloads"],
        "args": [*args, "--host", "0.0.0.0", "--port", str(port)],  # noqa: S104 - a pod's own address
        "env": [{"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        "ports": [{"name": "http", "containerPort": port}],
        **pod.probes(partial(_get, probe.ready), partial(_get, probe.alive)),
        "resources": pod.resources(workload.resources),
        "volumeMounts": mounts,
    }
    if workload.policy.settle:
        fields["lifecycle"] = {"preStop": {"sleep": {"seconds": workload.policy.settle}}}
    return pod.container(workload.role, plan.cluster.images.workloads, plan, **fields)


def _copy_extractor(version: str, plan: Plan) -> Manifest:
    """Puts the extractor of ``version`` where the workload looks for it. The folder is copied as a whole: a copy
    into the mount point itself would have to set that folder's times, which belongs to root."""
    return pod.container(
        "extractor",
        f"{plan.cluster.images.extractor}:{version}",
        plan,
        command=["cp", "-a", _EXTRACTOR, "/copy/"],
        resources={"requests": {"cpu": "50m", "memory": "32Mi"}, "limits": {"memory": "256Mi"}},
        volumeMounts=[{"name": "extractor", "mountPath": "/copy"}],
    )


def _volumes(workload: Workload, config: Config, plan: Plan) -> list[Manifest]:
    given = [{"key": key(file), "path": file.name} for file in config.secrets if file.content]
    sources: list[Manifest] = [
        {
            "secret": {
                "name": generated_secret(plan, file.name),
                "items": [{"key": key(file), "path": file.name}],
            }
        }
        for file in config.secrets
        if file.content is None
    ]
    if given:
        sources.insert(0, {"secret": {"name": object_name(workload), "items": given}})
    volumes = [
        {"name": "document", "configMap": {"name": object_name(workload)}},
        {"name": "secrets", "projected": {"defaultMode": 0o440, "sources": sources}},
        *map(pod.empty, ("work", "run", "tmp")),
    ]
    return [*volumes, pod.empty("extractor")] if workload.extractor else volumes


def _get(path: str) -> Manifest:
    return {"httpGet": {"path": path, "port": "http"}}
