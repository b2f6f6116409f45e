"""Whatever may be declared makes manifests that Kubernetes' own schemas accept, and the same ones each time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reelplane_crds.kinds import ProxyPool, VideoPipeline, VideoPlatform
from reelplane_crds.load import load_files
from reelplane_plan.layout import CLUSTER
from reelplane_plan.plan import plan
from reelplane_plan.render.manifests import children
from reelplane_plan.types import (
    HTTP_ROUTE,
    KEDA,
    SERVICE_MONITOR,
    Desired,
    ExtractorStage,
    Facts,
    SecretText,
)
from tests.testbed import kubeschemas, toolchain
from tests.testbed.drawn import SECRETS, URLS, pointed, written
from tests.testbed.strategies import specs

SAMPLES = Path("samples")
EVERYTHING = frozenset({KEDA, HTTP_ROUTE, SERVICE_MONITOR})
KNOWN = {name: {key: SecretText(text) for key, text in each.items()} for name, each in SECRETS.items()}


@pytest.fixture(scope="module")
def schemas(tmp_path_factory):
    """A folder of schemas, for ``kubeschemas.complaints``."""
    folder = tmp_path_factory.mktemp("schemas")
    try:
        toolchain.program("kubeconform")
        kubeschemas.write(folder)
    except toolchain.Unavailable as why:
        pytest.skip(f"manifests are not checked: {why}")
    return folder


@st.composite
def declared(draw: st.DrawFn) -> Desired:
    platform, pipeline, pool = (
        pointed(draw(specs(kind))) for kind in (VideoPlatform, VideoPipeline, ProxyPool)
    )
    download = pipeline.get("workers", {}).get("download", {})
    if "proxies" in download:
        download["proxies"] = "pool"
    return Desired(
        platforms=(VideoPlatform.model_validate(written("VideoPlatform", "reels", platform)),),
        pipelines=(
            VideoPipeline.model_validate(
                written("VideoPipeline", "shorts", pipeline | {"platform": "reels"})
            ),
        ),
        pools=(ProxyPool.model_validate(written("ProxyPool", "pool", pool)),),
    )


@st.composite
def observed(draw: st.DrawFn) -> Facts:
    return Facts(
        target="cluster",
        layout=CLUSTER,
        secrets=KNOWN,
        namespace="media",
        apis=draw(
            st.sets(st.sampled_from(sorted(EVERYTHING))).map(lambda apis: frozenset({*apis, HTTP_ROUTE}))
        ),
        gpu=draw(st.sampled_from(["present", "absent", "unknown"])),
        priority_classes=draw(st.booleans()),
        extractor=ExtractorStage(*draw(st.tuples(*[st.none() | st.just("2026.10.26")] * 2))),
    )


def test_whatever_is_declared_makes_manifests_that_are_valid_and_the_same_each_time(schemas):
    """Collected first and checked in one go: each run of the checker reads all schemas."""
    found: list[dict[str, Any]] = []

    @settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(desired=declared(), facts=observed())
    def collect(desired: Desired, facts: Facts) -> None:
        made = plan(desired, facts)
        manifests = [child.manifest for child in children(made, facts)]
        assert manifests == [child.manifest for child in children(plan(desired, facts), facts)]
        identities = [(each["kind"], each["metadata"]["name"]) for each in manifests]
        assert len(identities) == len(set(identities))
        found.extend(manifests)

    collect()
    assert len(found) > 500
    assert kubeschemas.complaints(schemas, found) == []


def test_the_check_itself_finds_a_misspelt_field_and_a_wrong_type(schemas):
    wrong = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"prots": []}}
    typed = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"a": 1}}
    found = kubeschemas.complaints(schemas, [wrong, typed])
    assert [re.split("[: ]", each)[0] for each in found] == ["ConfigMap/a", "Service/a"]


def test_the_samples_make_valid_manifests(schemas):
    found = load_files(sorted(SAMPLES.rglob("*.yaml")))
    assert found.platforms
    for platform in found.platforms:
        ours = tuple(each for each in found.pipelines if each.spec.platform == platform.metadata.name)
        secrets: dict[str, dict[str, SecretText]] = {}
        for item in (platform, *ours, *found.proxy_pools):
            for path, name, key in references(item.spec.model_dump(by_alias=True)):
                secrets.setdefault(name, {})[key] = SecretText(value_at(path))
        facts = Facts("cluster", CLUSTER, secrets, namespace="media", apis=EVERYTHING)
        made = plan(Desired((platform,), ours, found.proxy_pools), facts)
        assert made.problems == ()
        assert kubeschemas.complaints(schemas, [each.manifest for each in children(made, facts)]) == []


def references(value: Any, path: str = "") -> Iterator[tuple[str, str, str]]:
    """Path, Secret and key of every reference; a whole Secret counts as one with a key of a site's name."""
    if isinstance(value, dict):
        if value.keys() <= {"secret", "key"} and "secret" in value:
            yield path, value["secret"], value.get("key", "site.example")
        else:
            for key, each in value.items():
                yield from references(each, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for each in value:
            yield from references(each, path)


def value_at(path: str) -> str:
    """Text of the form that the reader of a reference asks for."""
    return next((text for part, text in URLS.items() if part in path), "http://u:p@h.example:31")
