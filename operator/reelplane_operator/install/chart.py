"""The manifests as a Helm chart: the very same objects, with Helm's expressions where a value may be chosen.

Values that are text are placed as they are. Numbers, blocks and loops are placed as marks that YAML takes for
text, and exchanged for their template afterwards, so that no template is written by hand beside the manifests.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

from reelplane_operator.install import manifests
from reelplane_operator.install.kustomize import NOTE, dump
from reelplane_operator.install.manifests import Settings

VERSION = "0.1.0"

_NUMBER = re.compile(r"['\"]?@number ([^@]+)@['\"]?")
_BLOCK = re.compile(r"^( *)([\w-]+): ['\"]?@block ([^@]+)@['\"]?$", re.MULTILINE)
_EACH = re.compile(r"^( *)- ['\"]?([^@\n'\"]*)@each ([^@]+)@['\"]?$", re.MULTILINE)

_SETTINGS = Settings(
    namespace="{{ .Release.Namespace }}",
    image="{{ .Values.image }}",
    workloads_image="{{ .Values.workloadsImage }}",
    extractor_image="{{ .Values.extractorImage }}",
    pull_policy="{{ .Values.pullPolicy }}",
    replicas="@number .Values.replicas@",
    watch=("@each .Values.namespaces@",),
    resources="@block .Values.resources@",
    priority_class="{{ .Values.priorityClassName }}",
)

_VALUES: dict[str, tuple[Any, str, dict[str, Any]]] = {
    "image": ("reelplane/operator:0.1.0", "Image of the operator.", {"type": "string", "minLength": 1}),
    "workloadsImage": (
        "reelplane/workloads:0.1.0",
        "Image of API and workers, unless a VideoPlatform names its own.",
        {"type": "string", "minLength": 1},
    ),
    "extractorImage": (
        "reelplane/extractor",
        "Image without tag that a VideoPlatform's spec.extractor.version is a tag of.",
        {"type": "string", "minLength": 1},
    ),
    "pullPolicy": (
        "IfNotPresent",
        "Pull policy of the operator's image.",
        {"enum": ["Always", "IfNotPresent", "Never"]},
    ),
    "replicas": (2, "One leads; the others take over.", {"type": "integer", "minimum": 1, "maximum": 5}),
    "namespaces": (
        [],
        "Namespaces that are watched. Empty: all, with a ClusterRole. Otherwise a Role in each of them.",
        {"type": "array", "items": {"type": "string", "minLength": 1}, "uniqueItems": True},
    ),
    "resources": (manifests.DEFAULT_RESOURCES, "Of the operator's container.", {"type": "object"}),
    "priorityClassName": (
        "",
        "Priority class of the operator. Empty: the cluster's default.",
        {"type": "string"},
    ),
    "crds": (
        True,
        "Install and upgrade the CRDs; they stay when the release is uninstalled.",
        {"type": "boolean"},
    ),
    "monitoring": (False, "Make a ServiceMonitor (Prometheus Operator).", {"type": "boolean"}),
}


def files(crds: dict[str, str]) -> dict[Path, str]:
    """Every file of the chart by its path below operator/deploy/chart. ``crds``: file name -> text."""
    return {
        Path("Chart.yaml"): NOTE
        + yaml.safe_dump(
            {
                "apiVersion": "v2",
                "name": "reelplane",
                "description": "The operator of Reelplane: a video platform from its declarations",
                "type": "application",
                "version": VERSION,
                "appVersion": VERSION,
                "kubeVersion": ">=1.30.0-0",
            },
            sort_keys=False,
            width=200,
        ),
        Path("values.yaml"): _values(),
        Path("values.schema.json"): _schema(),
        Path("templates/operator.yaml"): template(dump(*manifests.common(_SETTINGS))),
        Path("templates/user-roles.yaml"): template(dump(*manifests.user_roles())),
        Path("templates/rights.yaml"): _rights(),
        Path("templates/service-monitor.yaml"): _when(
            ".Values.monitoring", template(dump(manifests.service_monitor(_SETTINGS)))
        ),
        Path("templates/NOTES.txt"): _NOTES,
        **{Path(f"templates/crd-{name}"): _when(".Values.crds", _crd(text)) for name, text in crds.items()},
    }


def template(text: str) -> str:
    """YAML with marks -> a Helm template."""
    text = _NUMBER.sub(r"{{ \1 }}", text)
    text = _BLOCK.sub(
        lambda m: f"{m[1]}{m[2]}:\n{m[1]}  {{{{- toYaml {m[3]} | nindent {len(m[1]) + 2} }}}}", text
    )
    return _EACH.sub(
        lambda m: f"{m[1]}{{{{- range {m[3]} }}}}\n{m[1]}- {m[2]}{{{{ . }}}}\n{m[1]}{{{{- end }}}}", text
    )


def _rights() -> str:
    everywhere = template(dump(*manifests.cluster_wide(_SETTINGS)))
    # Inside a range, `.` is the namespace, and the release is `$`.
    inside = Settings(namespace="{{ $.Release.Namespace }}")
    each = template(dump(*manifests.namespaced(inside, "{{ . }}"))).removeprefix(NOTE)
    return (
        "{{- if not .Values.namespaces }}\n"
        + everywhere
        + "{{- else }}\n{{- range .Values.namespaces }}\n---\n"
        + each
        + "{{- end }}\n{{- end }}\n"
    )


def _crd(text: str) -> str:
    """Kept on uninstall: with its CRD, every object of a kind would be deleted."""
    kept = text.replace("\nmetadata:\n", "\nmetadata:\n  annotations: {helm.sh/resource-policy: keep}\n", 1)
    return kept.replace("{{", '{{ "{{" }}')


def _when(condition: str, text: str) -> str:
    return f"{{{{- if {condition} }}}}\n{text}{{{{- end }}}}\n"


def _values() -> str:
    parts = [
        f"# {comment}\n{yaml.safe_dump({name: default}, sort_keys=False)}"
        for name, (default, comment, _) in _VALUES.items()
    ]
    return NOTE + "\n".join(parts)


def _schema() -> str:
    body = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            **{name: {**rule, "description": comment} for name, (_, comment, rule) in _VALUES.items()},
            "global": {"type": "object"},
        },
    }
    return json.dumps(body, indent=2) + "\n"


_NOTES = """The operator runs in {{ .Release.Namespace }}.

  kubectl -n {{ .Release.Namespace }} rollout status deployment/reelplane-operator
  kubectl apply -f samples/cluster/development.yaml
  kubectl reelplane status
"""
