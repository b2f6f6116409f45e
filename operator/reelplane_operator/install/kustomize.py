"""The manifests as kustomize bases: ``kubectl apply --server-side -k operator/deploy/cluster``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from reelplane_operator.install import manifests
from reelplane_operator.install.manifests import Manifest, Settings

NOTE = "# By `make generate` from operator/reelplane_operator/install; edit that.\n"
_WATCHED = "media"
"""The namespace that the example for a namespaced install watches."""


def dump(*objects: Manifest) -> str:
    return NOTE + "---\n".join(
        yaml.dump(each, Dumper=_Dumper, sort_keys=False, width=110, allow_unicode=True) for each in objects
    )


def files() -> dict[Path, str]:
    """Every file of the bases, by its path below operator/deploy; the one in crds/ is beside it."""
    settings = Settings()
    cluster = Settings(priority_class=manifests.SERVING)
    base = manifests.common(settings)
    return {
        Path("../../crds/kustomization.yaml"): _kustomization("Kustomization", resources=_crds()),
        Path("base/kustomization.yaml"): _kustomization(
            "Kustomization", resources=["namespace.yaml", "operator.yaml", "user-roles.yaml"]
        ),
        Path("base/namespace.yaml"): dump(manifests.namespace(settings)),
        Path("base/operator.yaml"): dump(*base),
        Path("base/user-roles.yaml"): dump(*manifests.user_roles()),
        Path("cluster/kustomization.yaml"): _kustomization(
            "Kustomization",
            resources=["../../../crds", "../base", "rights.yaml"],
            patches=[_patch("deployment-patch.yaml")],
        ),
        Path("cluster/rights.yaml"): dump(*manifests.cluster_wide(cluster)),
        Path("cluster/deployment-patch.yaml"): dump(
            [
                {
                    "op": "add",
                    "path": "/spec/template/spec/priorityClassName",
                    "value": manifests.SERVING,
                }
            ]  # type: ignore[arg-type]
        ),
        Path("namespaced/kustomization.yaml"): NOTE
        + f"# Watches the namespace {_WATCHED} only. For yours: copy this folder and replace the name in both files.\n"
        "# The CRDs are the cluster's, applied once by somebody who may: kubectl apply --server-side -k crds\n"
        + _body(
            "Kustomization", resources=["../base", "rights.yaml"], patches=[_patch("deployment-patch.yaml")]
        ),
        Path("namespaced/rights.yaml"): dump(*manifests.namespaced(settings, _WATCHED)),
        Path("namespaced/deployment-patch.yaml"): dump(
            [
                {
                    "op": "add",
                    "path": "/spec/template/spec/containers/0/args/-",
                    "value": f"--namespace={_WATCHED}",
                }
            ]  # type: ignore[arg-type]
        ),
        Path("monitoring/kustomization.yaml"): _kustomization(
            "Component", resources=["service-monitor.yaml", "../../../runbooks/alerts"]
        ),
        Path("monitoring/service-monitor.yaml"): dump(manifests.service_monitor(settings)),
    }


def _crds() -> list[str]:
    folder = Path(__file__).parents[3] / "crds/generated"
    return [f"generated/{path.name}" for path in sorted(folder.glob("*.yaml"))]


def _patch(path: str) -> dict[str, Any]:
    return {"path": path, "target": {"kind": "Deployment", "name": manifests.NAME}}


def _kustomization(kind: str, *, resources: Sequence[str], patches: Sequence[Any] = ()) -> str:
    return NOTE + _body(kind, resources=resources, patches=patches)


def _body(kind: str, *, resources: Sequence[str], patches: Sequence[Any] = ()) -> str:
    version = (
        "kustomize.config.k8s.io/v1beta1" if kind == "Kustomization" else "kustomize.config.k8s.io/v1alpha1"
    )
    body = {"apiVersion": version, "kind": kind, "resources": list(resources)}
    if patches:
        body["patches"] = list(patches)
    return yaml.safe_dump(body, sort_keys=False, width=110)


class _Dumper(yaml.SafeDumper):
    """Without anchors: a person edits one place and expects that place to change."""

    def ignore_aliases(self, data: Any) -> bool:
        return True
