"""Holds the objects of ``reelplane.io`` in a plan against the models that the CRDs are generated from.

Kubernetes objects are made by an API server, not by AWS: neither an emulator nor CloudFormation says anything of
them. Our own kinds are read by ``reelplane_crds`` as the operator reads them; objects of other groups are known by
their types alone.
"""

from __future__ import annotations

from typing import Any, Final

from pydantic import ValidationError

from reelplane_crds.kinds import API_VERSION, KINDS
from reelplane_infra.checks.finding import Finding
from reelplane_infra.record import RecordedPlan, Resource, plain

KUBERNETES: Final = "kubernetes:"
"""How the type tokens of pulumi-kubernetes begin."""
_METADATA: Final = frozenset({"name", "namespace", "labels", "annotations"})
"""What the models know of an object's metadata; Pulumi's own annotations are added by its provider."""


def knows(resource: Resource) -> bool:
    """Whether there is a model for the object."""
    return resource.type.startswith(KUBERNETES) and plain(resource.inputs.get("apiVersion")) == API_VERSION


def check_kubernetes(plan: RecordedPlan) -> list[Finding]:
    """What the models refuse, by field."""
    kinds = {kind.__name__: kind for kind in KINDS}
    findings = []
    for record, resource in plan.resources():
        if not knows(resource):
            continue
        manifest: dict[str, Any] = {key: plain(each) for key, each in resource.inputs.items()}
        manifest["metadata"] = {
            key: each for key, each in (manifest.get("metadata") or {}).items() if key in _METADATA
        }
        kind = kinds.get(str(manifest.get("kind")))
        if kind is None:
            message = f"{API_VERSION} has no kind {manifest.get('kind')!r}; one of {', '.join(kinds)} would be right"
            findings.append(Finding(str(record.stack), resource.urn, "kind", "kubernetes-kind", message))
            continue
        try:
            kind.model_validate(manifest)
        except ValidationError as error:
            for each in error.errors():
                path = ".".join(str(part) for part in each["loc"])
                findings.append(
                    Finding(
                        str(record.stack),
                        resource.urn,
                        path,
                        "kubernetes-schema",
                        f"{each['msg']}; {kind.__name__}",
                    )
                )
    return sorted(findings)
