"""The CRDs are structural, bounded and teach: what the API server demands, and what `kubectl explain` is for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from reelplane_crds.kinds import KINDS, Resource, VideoPipeline, VideoPlatform
from reelplane_crds.schema import crd

ALLOWED = {
    "type",
    "format",
    "description",
    "default",
    "enum",
    "required",
    "properties",
    "items",
    "minimum",
    "maximum",
    "minItems",
    "maxItems",
    "maxProperties",
    "additionalProperties",
    "maxLength",
    "pattern",
    "x-kubernetes-validations",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-map-type",
}
"""Keywords of a structural schema that are used here: no $ref, no anyOf, no title."""

every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
Node = dict[str, Any]


def schema_of(kind: type[Resource]) -> Node:
    node: Node = crd(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return node


def nodes(node: Node, path: str) -> Iterator[tuple[str, Node]]:
    yield path, node
    for name, child in node.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    if "items" in node:
        yield from nodes(node["items"], f"{path}[]")
    if "additionalProperties" in node:
        yield from nodes(node["additionalProperties"], f"{path}{{}}")


@every_kind
def test_the_schema_is_structural(kind: type[Resource]) -> None:
    for path, node in nodes(schema_of(kind), kind.__name__):
        assert set(node) <= ALLOWED, path
        assert node["type"] in {"object", "array", "string", "integer", "boolean"}, (
            f"{path}: floats and any are out"
        )
        assert ("items" in node) == (node["type"] == "array"), path
        assert ("maxProperties" in node) == ("additionalProperties" in node), f"{path}: a map without a bound"
        assert not {"properties", "additionalProperties"} <= set(node), f"{path}: neither object nor map"
        assert set(node.get("required", ())) <= set(node.get("properties", {})), path


@every_kind
def test_every_list_text_and_number_is_bounded(kind: type[Resource]) -> None:
    for path, node in nodes(schema_of(kind), ""):
        if path in (".apiVersion", ".kind"):
            continue  # The API server knows them: nothing but the CRD's own names can stand there.
        if node["type"] == "array":
            assert "maxItems" in node, path
            assert "x-kubernetes-list-type" in node, f"{path}: server-side apply must know how to merge it"
        elif node["type"] == "string":
            assert "maxLength" in node or "enum" in node, path
        elif node["type"] == "integer":
            assert "minimum" in node, path
            assert "maximum" in node or node["format"] == "int64", path


@every_kind
def test_every_field_teaches(kind: type[Resource]) -> None:
    for path, node in nodes(schema_of(kind), ""):
        if not path.endswith(("[]", "{}")) and path != ".metadata":
            assert node.get("description", "").endswith("."), f"{path} needs a sentence"


@every_kind
def test_every_default_is_complete_and_valid_as_it_stands(kind: type[Resource]) -> None:
    for path, node in nodes(schema_of(kind), ""):
        if "default" not in node:
            continue
        jsonschema.Draft202012Validator(node).validate(node["default"])
        for name, child in node.get("properties", {}).items():
            if "default" in child:
                assert node["default"][name] == child["default"], (
                    f"{path}.{name} differs from its own default"
                )


@every_kind
def test_of_metadata_only_the_name_is_restricted_as_the_api_server_demands(kind: type[Resource]) -> None:
    metadata = schema_of(kind)["properties"]["metadata"]
    assert set(metadata) == {"type", "properties"}
    assert set(metadata["properties"]) == {"name"}


@every_kind
def test_the_schema_accepts_what_the_model_makes_of_an_object(kind: type[Resource]) -> None:
    specs = {
        "VideoPlatform": {},
        "VideoPipeline": {"platform": "reels"},
        "ProxyPool": {"endpoints": [{"name": "a", "url": "http://proxy.example.com:3128"}]},
        "RegionDeployment": {"platform": "reels", "region": "us-west-2", "cluster": {"inCluster": {}}},
    }
    item = kind.model_validate({"metadata": {"name": "x"}, "spec": specs[kind.__name__]})
    dumped = item.model_dump(mode="json", by_alias=True, exclude_none=True)
    jsonschema.Draft202012Validator(schema_of(kind)).validate(dumped)
    assert kind.model_validate(dumped) == item


@every_kind
def test_kubectl_finds_it_and_shows_whether_it_is_ready(kind: type[Resource]) -> None:
    spec = crd(kind)["spec"]
    names, version = spec["names"], spec["versions"][0]
    assert crd(kind)["metadata"]["name"] == f"{names['plural']}.{spec['group']}"
    assert names["categories"] == ["reelplane"]
    short = {"VideoPlatform": "vplat", "VideoPipeline": "vp", "ProxyPool": "pp", "RegionDeployment": "rd"}
    assert names["shortNames"] == [short[names["kind"]]]
    assert version["subresources"] == {"status": {}}
    columns = [each for each in version["additionalPrinterColumns"] if not each.get("priority")]
    assert (columns[0]["name"], columns[-1]["name"]) == ("Ready", "Age")
    assert [each["name"] for each in version["additionalPrinterColumns"] if each not in columns] == ["Reason"]
    known = {path for path, _ in nodes(schema_of(kind), "")}
    for column in columns[1:-1]:
        assert column["jsonPath"] in known


def test_a_newcomer_writes_little() -> None:
    assert (
        VideoPlatform.model_validate({"metadata": {"name": "x"}, "spec": {}}).spec.database.embedded
        is not None
    )
    assert VideoPipeline.model_validate(
        {"metadata": {"name": "x"}, "spec": {"platform": "x"}}
    ).spec.sources.url
