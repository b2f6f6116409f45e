"""A real API server and our models judge alike: what they accept, refuse, fill in, keep and explain."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, seed, settings
from kubernetes.client import ApiException, CustomObjectsApi
from kubernetes.config import new_client_from_config
from pydantic import ValidationError

from reelplane_crds.kinds import KINDS, RegionDeployment, Resource, VideoPipeline, VideoPlatform
from reelplane_crds.kinds.common import GROUP, VERSION
from reelplane_crds.schema import crd, openapi
from tests.testbed.given import Cluster
from tests.testbed.mistakes import mistakes
from tests.testbed.schemas import SMALLEST, example, placed, tree, walk
from tests.testbed.strategies import specs

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]
NAMESPACE = f"crds-{uuid.uuid4().hex[:12]}"
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


class Server:
    """The API server as these tests ask it: to create an object without keeping it, or to keep it."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self._api = CustomObjectsApi(new_client_from_config(str(cluster.kubeconfig)))

    def create(self, kind: type[Resource], spec: Any, *, keep: bool = False) -> dict[str, Any]:
        """The object as the server would store it. Raises Refused."""
        body = {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": kind.__name__,
            "metadata": {"name": "x"},
            "spec": spec,
        }
        return self._ask(
            self._api.create_namespaced_custom_object,
            *self._place(kind),
            body,
            **({} if keep else {"dry_run": "All"}),
            field_validation="Strict",
        )

    def refusal(self, kind: type[Resource], spec: Any) -> Refused | None:
        """Why the server does not take a spec; None: it does."""
        try:
            self.create(kind, spec)
        except Refused as refused:
            return refused
        return None

    def change(self, kind: type[Resource], spec: dict[str, Any]) -> dict[str, Any]:
        """A merge patch of the kept object. Raises Refused."""
        return self._ask(self._api.patch_namespaced_custom_object, *self._place(kind), "x", {"spec": spec})

    def delete(self, kind: type[Resource]) -> None:
        self._ask(self._api.delete_namespaced_custom_object, *self._place(kind), "x")

    def _place(self, kind: type[Resource]) -> tuple[str, str, str, str]:
        return GROUP, VERSION, NAMESPACE, kind.definition.plural

    def _ask(self, call: Callable[..., Any], *arguments: Any, **options: Any) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = call(*arguments, **options)
        except ApiException as error:
            # 400 is a field that nobody knows, or a value of a type that cannot be read; 422 all else.
            if error.status not in (400, 422):
                raise
            raise Refused(json.loads(error.body)) from error
        return answer


class Refused(Exception):
    """The server does not take an object."""

    def __init__(self, status: dict[str, Any]) -> None:
        super().__init__(status["message"])
        self.causes = status.get("details", {}).get("causes", [])


@pytest.fixture(scope="module")
def server(crds: Cluster) -> Iterator[Server]:
    """With a namespace that ends with the module."""
    crds.kubectl("create", "namespace", NAMESPACE)
    yield Server(crds)
    crds.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


@every_kind
def test_the_server_takes_the_crd_and_sees_nothing_wrong_with_it(
    server: Server, kind: type[Resource]
) -> None:
    found = server.cluster.get(f"crd/{kind.definition.plural}.{GROUP}")
    conditions = {each["type"]: each["status"] for each in found["status"]["conditions"]}
    assert conditions["Established"] == conditions["NamesAccepted"] == "True"
    assert "NonStructuralSchema" not in conditions
    assert found["spec"]["versions"][0]["schema"] == crd(kind)["spec"]["versions"][0]["schema"], (
        "the server stores another schema than we generate"
    )


@every_kind
def test_every_rule_is_kept_by_its_right_example_and_says_so_when_broken(
    server: Server, kind: type[Resource]
) -> None:
    judged = 0
    for node in walk(tree(kind)):
        for rule in node.rules:
            right, wrong = (
                fragment if node is tree(kind) else placed(kind, node.path, fragment)
                for fragment in (yaml.safe_load(rule.right), yaml.safe_load(rule.wrong))
            )
            server.create(kind, right)
            refused = server.refusal(kind, wrong)
            assert refused, f"{node.path}: the server takes {rule.wrong}"
            told = [each["message"] for each in refused.causes]
            assert any(f"{rule.message}, e.g. {rule.right}" in each for each in told), (node.path, told)
            judged += 1
    assert judged == sum(len(node.rules) for node in walk(tree(kind))) > 0


def test_every_mistake_that_the_model_refuses_the_server_refuses_at_the_same_field(server: Server) -> None:
    """Once for each schema: that of pods, say, stands in several places."""
    every = {
        (repr(mistake.node.schema), mistake.what): (kind, mistake)
        for kind in KINDS
        for mistake in mistakes(kind)
    }
    assert len(every) > 500
    for kind, mistake in every.values():
        refused = server.refusal(kind, mistake.spec)
        assert refused, f"the server takes {mistake}: {mistake.spec}"
        if mistake.what == "an unknown field":
            assert "nope" in str(refused)
            continue
        told = {re.sub(r"\[[^]]*\]", "[]", each.get("field", "")) for each in refused.causes}
        place = f"spec.{mistake.path}".replace("{}", "").rstrip(".").removesuffix("[]")
        assert any(each.startswith(place) for each in told), (str(mistake), told)


UNIONS = ("cache", "queue", "database", "objects")
"""Fields of a platform of which one member is set: where they are missing, the server leaves them so."""


def filled(kind: type[Resource], spec: dict[str, Any]) -> dict[str, Any]:
    """The spec with what our model fills in, but for whole unions. Raises ValidationError."""
    item = kind.model_validate({"metadata": {"name": "x"}, "spec": spec})
    made: dict[str, Any] = item.model_dump(mode="json", by_alias=True, exclude_none=True)["spec"]
    return {name: value for name, value in made.items() if name not in UNIONS or spec.get(name) is not None}


def test_a_store_that_was_left_to_its_default_can_be_chosen_later(server: Server) -> None:
    """A default written by the server would stand beside the choice: two members of a union."""
    head = {"apiVersion": f"{GROUP}/{VERSION}", "kind": "VideoPlatform", "metadata": {"name": "later"}}
    external = {"external": {"urlFrom": {"secret": "cache", "key": "url"}}}
    for spec in ({}, {"cache": external}):
        text = json.dumps({**head, "spec": spec})
        server.cluster.kubectl("-n", NAMESPACE, "apply", "-f", "-", input=text)
    found = server.cluster.get("vplat", "later", "-n", NAMESPACE)
    server.cluster.kubectl("-n", NAMESPACE, "delete", "vplat", "later")
    assert found["spec"]["cache"] == external


@every_kind
def test_what_the_model_accepts_the_server_accepts_and_both_fill_in_the_same(
    server: Server, kind: type[Resource]
) -> None:
    alone = [placed(kind, node.path, example(node)) for node in walk(tree(kind)) if node.is_leaf]
    for spec in (SMALLEST[kind], *alone):
        assert server.create(kind, spec)["spec"] == filled(kind, spec)

    def judge(spec: dict[str, Any]) -> None:
        assert server.create(kind, spec)["spec"] == filled(kind, spec)

    few = settings(
        max_examples=10,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    for number in range(5):
        seed(number)(few(given(specs(kind))(judge)))()


def test_a_null_counts_as_absent_on_both_sides(server: Server) -> None:
    """Once for each schema."""
    every = {repr(node.schema): (kind, node) for kind in KINDS for node in walk(tree(kind)) if node.path}
    for kind, node in every.values():
        spec = placed(kind, node.path, None)
        try:
            wanted = filled(kind, spec)
        except ValidationError:
            assert server.refusal(kind, spec), f"the server takes null at {node.path}"
        else:
            assert server.create(kind, spec)["spec"] == wanted


@pytest.mark.parametrize(
    "spec",
    [
        {"api": {"replicas": {"min": 3, "max": 3}}},
        {"pods": {"resources": {"memory": "1Gi", "memoryLimit": "1024Mi"}}},
        {"api": {"mediaUrlTTL": "168h"}, "objects": {"embedded": {"size": "1Pi"}}},
    ],
)
def test_bounds_are_inclusive_on_both_sides(server: Server, spec: dict[str, Any]) -> None:
    assert server.create(VideoPlatform, spec)["spec"] == filled(VideoPlatform, spec)


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        (VideoPipeline, {"platform": "other"}),
        (RegionDeployment, {"platform": "other"}),
        (RegionDeployment, {"region": "eu-west-1"}),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else next(iter(value)),
)
def test_what_cannot_be_changed_is_refused_with_what_to_do_instead(
    server: Server, kind: type[Resource], change: dict[str, str]
) -> None:
    server.create(kind, SMALLEST[kind], keep=True)
    try:
        with pytest.raises(Refused, match="cannot be changed: delete the object and make a new one"):
            server.change(kind, change)
        assert server.change(kind, {"deletionPolicy": "Orphan"})["spec"]["deletionPolicy"] == "Orphan"
    finally:
        server.delete(kind)


@every_kind
def test_a_whole_status_is_taken_and_shown_in_the_columns(server: Server, kind: type[Resource]) -> None:
    server.create(kind, SMALLEST[kind], keep=True)
    try:
        status = _status(openapi(kind)["properties"]["status"])
        body = {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": kind.__name__,
            "metadata": {"name": "x", "namespace": NAMESPACE},
            "status": status,
        }
        arguments = ("apply", "--server-side", "--subresource=status", "--field-manager=reelplane", "-f", "-")
        server.cluster.kubectl(*arguments, input=json.dumps(body))
        stored = server.cluster.get(kind.definition.short, "x", "-n", NAMESPACE)
        assert stored["status"] == status
        kind.model_validate(stored)
        table = server.cluster.kubectl("get", kind.definition.short, "-n", NAMESPACE).stdout
        wide = server.cluster.kubectl("get", kind.definition.short, "-n", NAMESPACE, "-o", "wide").stdout
        shown = [each.name.upper() for each in kind.definition.columns]
        assert table.splitlines()[0].split() == ["NAME", *shown[:-1]]
        assert wide.splitlines()[0].split() == ["NAME", *shown]
        assert wide.splitlines()[1].split()[1] == "True"
    finally:
        server.delete(kind)


def _status(schema: dict[str, Any], name: str = "") -> Any:
    """A status with every field set."""
    if schema["type"] == "object":
        return {key: _status(each, key) for key, each in schema["properties"].items()}
    if schema["type"] == "array":
        return [_status(schema["items"])]
    if "enum" in schema:
        return schema["enum"][0]
    if schema["type"] == "integer":
        return 7
    return (
        "2026-11-21T12:00:00Z"
        if schema.get("format") == "date-time"
        else schema.get("x-reelplane-example", name)
    )


@every_kind
def test_kubectl_explains_the_kind_and_its_fields(server: Server, kind: type[Resource]) -> None:
    top = server.cluster.kubectl("explain", f"{kind.definition.short}.spec").stdout
    for name, node in tree(kind).fields.items():
        assert re.search(rf"^  {name}\t", top, re.MULTILINE)
        assert " ".join(node.schema["description"].split()[:5]) in " ".join(top.split())


@every_kind
def test_what_kubectl_explain_reads_has_text_at_every_path(server: Server, kind: type[Resource]) -> None:
    """Its source is the server's OpenAPI document; asking kubectl for each of 400 paths takes a minute."""
    deadline = time.monotonic() + 60
    while True:
        raw = server.cluster.kubectl(
            "get", "--raw", f"/openapi/v3/apis/{GROUP}/{VERSION}", check=False
        ).stdout
        schemas = json.loads(raw or "{}").get("components", {}).get("schemas", {})
        found = [each for name, each in schemas.items() if name.endswith(f".{kind.__name__}")]
        if found or time.monotonic() > deadline:
            break
        time.sleep(0.2)
    (published,) = found

    def walk_both(ours: dict[str, Any], theirs: dict[str, Any], path: str) -> None:
        for name, node in ours.get("properties", {}).items():
            below = theirs["properties"][name]
            assert below["description"] == node["description"], f"{path}.{name}"
            walk_both(node, below, f"{path}.{name}")
        for inner in ("items", "additionalProperties"):
            if inner in ours:
                walk_both(ours[inner], theirs[inner], f"{path}[]")

    for part in ("spec", "status"):
        walk_both(openapi(kind)["properties"][part], published["properties"][part], part)
