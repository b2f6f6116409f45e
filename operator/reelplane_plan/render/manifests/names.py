"""Names and labels of children. Both are what an update finds them again by, so neither depends on settings."""

from __future__ import annotations

from collections.abc import Mapping

from reelplane_plan.render.manifests.child import Manifest, OwnerRef
from reelplane_plan.types import Facts, Plan, SecretFile, Workload

MANAGED = {"app.kubernetes.io/managed-by": "reelplane"}
_OURS = ("app.kubernetes.io/", "reelplane.io/")


def object_name(workload: Workload) -> str:
    """``reels-api``, ``shorts-download``."""
    return f"{workload.owner}-{workload.name}"


def generated_secret(plan: Plan, file: str) -> str:
    """Name of the Secret that holds a generated file, under a key of the file's own name."""
    return f"{plan.platform}-{file}"


def key(file: SecretFile) -> str:
    """A Secret's keys know no folders."""
    return file.name.replace("/", ".")


def owner(workload: Workload, plan: Plan) -> OwnerRef:
    if workload.role == "worker":
        return OwnerRef("VideoPipeline", plan.pipeline)
    return OwnerRef("VideoPlatform", plan.platform)


def port_name(workload: Workload) -> str:
    return workload.name if workload.server else "http"


def selector(workload: Workload, plan: Plan) -> dict[str, str]:
    """Labels that never change: a Deployment's selector is immutable."""
    return {
        "app.kubernetes.io/name": workload.name,
        "app.kubernetes.io/instance": object_name(workload),
        "app.kubernetes.io/part-of": plan.platform,
    }


def labels(workload: Workload, plan: Plan) -> dict[str, str]:
    return {
        **selector(workload, plan),
        "app.kubernetes.io/component": workload.role,
        **MANAGED,
        **_owned_by(owner(workload, plan)),
    }


def theirs(added: Mapping[str, str]) -> dict[str, str]:
    """What a person adds to our labels: never under the prefixes by which children are found again."""
    return {key: value for key, value in added.items() if not key.startswith(_OURS)}


def head(version: str, kind: str, workload: Workload, plan: Plan, facts: Facts) -> Manifest:
    """Type and metadata of a child of ``workload``: one of each kind, all of the same name."""
    return _head(version, kind, object_name(workload), labels(workload, plan), facts)


def secret_head(plan: Plan, facts: Facts, file: str) -> Manifest:
    """Type and metadata of the Secret of a generated file, which belongs to the platform as a whole."""
    its = {
        "app.kubernetes.io/name": file,
        "app.kubernetes.io/instance": generated_secret(plan, file),
        "app.kubernetes.io/part-of": plan.platform,
        "app.kubernetes.io/component": "secret",
        **MANAGED,
        **_owned_by(OwnerRef("VideoPlatform", plan.platform)),
    }
    return _head("v1", "Secret", generated_secret(plan, file), its, facts)


def _owned_by(reference: OwnerRef) -> dict[str, str]:
    return {"reelplane.io/owner": f"{reference.kind}.{reference.name}"}


def _head(version: str, kind: str, name: str, its: dict[str, str], facts: Facts) -> Manifest:
    metadata: Manifest = {"name": name}
    if facts.namespace:
        metadata["namespace"] = facts.namespace
    return {"apiVersion": version, "kind": kind, "metadata": {**metadata, "labels": its}}
