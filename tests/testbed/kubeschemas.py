"""JSON schemas of Kubernetes kinds, as kubeconform reads them, made from what the Go modules carry.

Built-in kinds come from the OpenAPI documents of the Kubernetes module, kinds of other projects from their CRDs.
Unlike their sources the schemas refuse unknown fields: a misspelt field is an error, not a field that is dropped.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.testbed.toolchain import Part, program, source

Schema = dict[str, Any]

_TEMPLATE = "{{.ResourceKind}}_{{.ResourceAPIVersion}}.json"
_DOCUMENTS = (
    "api__v1",
    "apis__apps__v1",
    "apis__autoscaling__v2",
    "apis__networking.k8s.io__v1",
    "apis__policy__v1",
)
_GATEWAY = Part("sigs.k8s.io/gateway-api", "v1.6.3", {})
_PROMETHEUS = Part("github.com/prometheus-operator/prometheus-operator", "v0.85.0", {})
_CRDS: tuple[tuple[Part | str, str], ...] = (
    ("keda-operator", "config/crd/bases/keda.sh_scaledobjects.yaml"),
    (_GATEWAY, "config/crd/standard/gateway.networking.k8s.io_httproutes.yaml"),
    (_PROMETHEUS, "example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml"),
)


def write(folder: Path) -> None:
    """Write one schema per kind and version into ``folder``. Raises Unavailable where the modules cannot be had."""
    for kind, version, schema in (*_built_in(), *_custom()):
        (folder / f"{kind.lower()}_{version}.json").write_text(json.dumps(schema))


def complaints(folder: Path, manifests: list[dict[str, Any]]) -> list[str]:
    """What kubeconform finds wrong with ``manifests``, by the schemas in ``folder``. Raises Unavailable."""
    location = f"{folder}/{_TEMPLATE}"
    done = subprocess.run(
        [program("kubeconform"), "-strict", "-output", "json", "-schema-location", location, "-"],
        # Quoted, since a name may be "y", which Go's YAML takes for a boolean and Python's for a string.
        input=yaml.safe_dump_all(manifests, default_style='"'),
        capture_output=True,
        text=True,
        check=False,
    )
    if not done.stdout:
        raise RuntimeError(f"kubeconform said nothing: {done.stderr.strip()[-300:]}")
    found = json.loads(done.stdout)["resources"]
    return sorted(f"{each['kind']}/{each['name']}: {each['msg']}" for each in found)


def _built_in() -> Iterator[tuple[str, str, Schema]]:
    specs = source("kube-apiserver") / "api/openapi-spec/v3"
    for document in _DOCUMENTS:
        schemas = json.loads((specs / f"{document}_openapi.json").read_text())["components"]["schemas"]
        text = json.dumps({name: _closed(schema) for name, schema in schemas.items()})
        definitions = json.loads(text.replace("#/components/schemas/", "#/definitions/"))
        for name, schema in schemas.items():
            kinds = schema.get("x-kubernetes-group-version-kind", ())
            if len(kinds) == 1:
                yield (
                    kinds[0]["kind"],
                    kinds[0]["version"],
                    {**definitions[name], "definitions": definitions},
                )


def _custom() -> Iterator[tuple[str, str, Schema]]:
    for part, path in _CRDS:
        spec = yaml.safe_load((source(part) / path).read_text())["spec"]
        for version in spec["versions"]:
            schema = _closed(version["schema"]["openAPIV3Schema"])
            schema["properties"]["metadata"] = {"type": "object"}
            yield spec["names"]["kind"], version["name"], schema


def _closed(schema: Any) -> Any:
    """The schema with every object that names its fields closed to others."""
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: _closed(value) for key, value in schema.items()}
    if isinstance(made.get("properties"), dict) and not made.get("x-kubernetes-preserve-unknown-fields"):
        made.setdefault("additionalProperties", False)
    return made
