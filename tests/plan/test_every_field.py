"""Every settable field of the kinds reaches a child: two values of it make two different sets of manifests.

The few that do not have an effect that a page tells of.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from reelplane_crds.kinds import ProxyPool, Resource, VideoPipeline, VideoPlatform
from reelplane_crds.kinds.values import EXAMPLE
from reelplane_plan.layout import CLUSTER
from reelplane_plan.plan import plan
from reelplane_plan.render.manifests import Manifest, children
from reelplane_plan.types import (
    HTTP_ROUTE,
    KEDA,
    SERVICE_MONITOR,
    Desired,
    ExtractorStage,
    Facts,
    SecretText,
)
from tests.testbed.schemas import Node, leaves, placed, tree, walk

Spec = dict[str, Any]

NO_CHILD = {
    (VideoPlatform, "extractor.version"): (
        "docs/kinds/VideoPlatform.md",
        "A new one goes to one worker first",
    ),
    (VideoPlatform, "extractor.canary.jobs"): (
        "docs/kinds/VideoPlatform.md",
        "After `canary.jobs` jobs, or at the end of `canary.window`, its failures are compared",
    ),
    (VideoPlatform, "extractor.canary.window"): (
        "docs/kinds/VideoPlatform.md",
        "After `canary.jobs` jobs, or at the end of `canary.window`, its failures are compared",
    ),
    (VideoPipeline, "deletionPolicy"): (
        "docs/reconcile.md",
        "children lose their ownerReferences and stay when it goes",
    ),
}
"""Fields that no manifest tells of, since the operator itself acts on them: the page and the words that say how."""

NO_CHOICE = {
    (VideoPlatform, "queue.embedded"): "an empty choice: it is there or it is not",
    (VideoPipeline, "platform"): "says which platform it is planned with, and cannot be changed",
    (ProxyPool, "rotation.stickiness"): "has one value",
}
"""Fields of which there are no two values to compare."""

AROUND: Mapping[tuple[type[Resource], str], Spec] = {
    (VideoPlatform, "api.mediaDelivery"): {"objects": {"s3": {"bucket": "reels", "region": "us-west-2"}}},
    (VideoPlatform, "api.anonymous"): {"api": {"apiKeysFrom": {"secret": "keys", "key": "keys"}}},
    (VideoPipeline, "workers.download.gpu"): {"workers": {"download": {"class": "Gpu"}}},
    (VideoPipeline, "workers.download.fallback"): {"workers": {"download": {"class": "Gpu"}}},
}
"""What must stand beside a field for it to mean anything, by the start of its path."""


class AnySecret(Mapping[str, Mapping[str, SecretText]]):
    """Every Secret exists and has every key; a value tells which Secret and which key it is of."""

    def __init__(self, form: str, secret: str | None = None) -> None:
        self._form = form
        self._secret = secret

    def __getitem__(self, name: str) -> Any:
        if self._secret is None:
            return AnySecret(self._form, name)
        tag = re.sub("[^a-z0-9]", "", f"{self._secret}x{name}".lower())
        return SecretText(self._form.format(tag))

    def __contains__(self, name: object) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(("site.example",))

    def __len__(self) -> int:
        return 1


def secrets_for(path: str) -> AnySecret:
    """Values of the form that the field's reader asks for."""
    if path.startswith(("cache", "queue")):
        return AnySecret("redis://:{0}@h.example:6379/0")
    if path.startswith("database"):
        return AnySecret("postgresql://u:{0}@h.example/x")
    if path.startswith("endpointsFrom"):
        return AnySecret("http://u:{0}@h.example:3128")
    return AnySecret("{0}")


def manifests(kind: type[Resource], spec: Spec, secrets: AnySecret) -> list[Manifest]:
    given = {
        VideoPlatform: {},
        VideoPipeline: {"platform": "reels"},
        ProxyPool: {"endpoints": [], "whenExhausted": "Direct"},
    } | {kind: spec}
    given[VideoPipeline] = merged({"workers": {"download": {"proxies": "pool"}}}, given[VideoPipeline])
    used = given[VideoPipeline]["workers"]["download"]["proxies"]
    desired = Desired(
        platforms=(VideoPlatform.model_validate(written(VideoPlatform, "reels", given[VideoPlatform])),),
        pipelines=(VideoPipeline.model_validate(written(VideoPipeline, "shorts", given[VideoPipeline])),),
        pools=(ProxyPool.model_validate(written(ProxyPool, used, given[ProxyPool])),),
    )
    facts = Facts(
        target="cluster",
        layout=CLUSTER,
        secrets=secrets,
        namespace="media",
        apis=frozenset({KEDA, HTTP_ROUTE, SERVICE_MONITOR}),
        gpu="absent" if "fallback" in str(spec) else "unknown",
        extractor=ExtractorStage("2026.10.26"),
    )
    made = plan(desired, facts)
    assert made.problems == (), [str(problem) for problem in made.problems]
    return [child.manifest for child in children(made, facts)]


def written(kind: type[Resource], name: str, spec: Spec) -> Spec:
    version = "reelplane.io/v1alpha1"
    return {"apiVersion": version, "kind": kind.__name__, "metadata": {"name": name}, "spec": spec}


def merged(base: Any, top: Any) -> Any:
    if not (isinstance(base, dict) and isinstance(top, dict)):
        return top
    return {**base, **{key: merged(base.get(key), value) for key, value in top.items()}}


def values(node: Node) -> Iterator[Any]:
    """Values of one field; not all of them need fit what stands beside it."""
    if "default" in node.schema:
        yield node.schema["default"]
    if "enum" in node.schema:
        yield from node.schema["enum"]
    elif node.type == "boolean":
        yield from (False, True)
    elif node.bounds:
        yield from map(str, node.bounds)
    elif node.type == "integer":
        yield from (node.schema["minimum"], node.schema["minimum"] + 1, node.schema["maximum"])
    else:
        text = node.schema.get(EXAMPLE) or node.schema.get("default", "text")
        yield text
        for at, letter in reversed(list(enumerate(text))):
            yield from (text[:at] + other + text[at + 1 :] for other in "127AEab" if other != letter)


def two_specs(kind: type[Resource], path: str) -> list[Spec]:
    """Two valid specs that differ in one field."""
    node = next(each for each in walk(tree(kind)) if each.path == path)
    around: Spec = next(
        (spec for (of, start), spec in AROUND.items() if of is kind and path.startswith(start)), {}
    )
    found: list[Spec] = []
    for value in values(node):
        spec = merged(around, placed(kind, path, value))
        with contextlib.suppress(ValidationError):
            kind.model_validate(written(kind, "name", spec))
            if spec not in found:
                found.append(spec)
        if len(found) == 2:
            return found
    raise AssertionError(f"{path}: no two valid values are known")


FIELDS = [
    pytest.param(kind, path, id=f"{kind.__name__}:{path}")
    for kind in (VideoPlatform, VideoPipeline, ProxyPool)
    for path in sorted(leaves(kind))
    if (kind, path) not in NO_CHILD | NO_CHOICE
]


@pytest.mark.parametrize(("kind", "path"), FIELDS)
def test_every_settable_field_reaches_a_child(kind, path):
    first, second = (manifests(kind, spec, secrets_for(path)) for spec in two_specs(kind, path))
    assert first != second


def test_every_exception_names_a_field_that_exists():
    for kind, path in NO_CHILD | NO_CHOICE:
        assert path in leaves(kind), f"{kind.__name__}: {path}"


@pytest.mark.parametrize(
    ("kind", "path"), [pytest.param(*each, id=f"{each[0].__name__}:{each[1]}") for each in NO_CHILD]
)
def test_a_field_that_reaches_no_child_has_its_effect_on_a_page(kind, path):
    first, second = (manifests(kind, spec, secrets_for(path)) for spec in two_specs(kind, path))
    assert first == second, "it reaches a child by now: take it off the list"
    page, words = NO_CHILD[kind, path]
    assert words in " ".join(Path(page).read_text().split())
