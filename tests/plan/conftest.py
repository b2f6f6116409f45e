"""Resources as a person writes them, planned for a machine or a cluster whose every fact is given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reelplane_crds.load import load_text
from reelplane_plan import layout
from reelplane_plan.plan import plan
from reelplane_plan.render.manifests import Child, children
from reelplane_plan.types import (
    HTTP_ROUTE,
    KEDA,
    SERVICE_MONITOR,
    Desired,
    Facts,
    Plan,
    SecretText,
    Target,
)

PLATFORM = """
apiVersion: reelplane.io/v1alpha1
kind: VideoPlatform
metadata: {name: reels}
spec: {SPEC}
---
"""
PIPELINE = """
apiVersion: reelplane.io/v1alpha1
kind: VideoPipeline
metadata: {name: shorts}
spec: {platform: reels, SPEC}
---
"""
SECRET = """
apiVersion: v1
kind: Secret
metadata: {name: NAME}
stringData: {DATA}
---
"""
SHARED = """
  database: {postgres: {urlFrom: {secret: db, key: url}}}, objects: {s3: {bucket: reels, region: us-west-2}}
"""
SHARED_SECRET = SECRET.replace("NAME", "db").replace(
    "DATA", "url: 'postgresql://app:pa%40ss@db.example:5432/reels'"
)

Planner = Callable[..., Plan]


EVERYTHING = frozenset({KEDA, HTTP_ROUTE, SERVICE_MONITOR})
"""Kinds of other projects that a cluster may serve."""


def facts_for(text: str, target: Target, **changes: Any) -> Facts:
    here = layout.local(Path("/state/reels"), sockets=Path("/run/rp"), extractor=Path("/opt/extractor"))
    given: dict[str, Any] = {
        "secrets": {
            secret.metadata.name: {key: SecretText(value) for key, value in secret.values.items()}
            for secret in load_text(text).secrets
        },
        "python": "/usr/bin/python3",
        "valkey_server": "/usr/bin/valkey-server",
        "namespace": "media",
    }
    return Facts(target, here if target == "local" else layout.CLUSTER, **given | changes)


def desired_of(text: str) -> Desired:
    documents = load_text(text)
    return Desired(documents.platforms, documents.pipelines, documents.proxy_pools, documents.regions)


@pytest.fixture
def plan_text() -> Planner:
    """``plan_text(text, target="local", **facts)``: the plan of objects written in YAML."""
    return lambda text, target="local", **changes: plan(desired_of(text), facts_for(text, target, **changes))


@pytest.fixture
def facts() -> Callable[..., Facts]:
    return lambda text="", target="local", **changes: facts_for(text, target, **changes)


@pytest.fixture
def resources() -> Callable[..., str]:
    """``resources(platform="…", pipeline="…", extra="…")``: a platform and its pipeline with these spec fields."""

    def write(platform: str = "", pipeline: str = "", extra: str = "") -> str:
        return PLATFORM.replace("SPEC", platform) + PIPELINE.replace("SPEC", pipeline) + extra

    return write


@pytest.fixture
def shared(resources: Callable[..., str]) -> Callable[..., str]:
    """The same with stores that a cluster can share."""
    return lambda platform="", pipeline="", extra="": resources(
        f"{SHARED.strip()}, {platform}", pipeline, SHARED_SECRET + extra
    )


@pytest.fixture
def wanted() -> Callable[..., tuple[Child, ...]]:
    """``wanted(text, **facts)``: the children on a cluster that serves every kind, of a plan without problems."""

    def make(text: str, **changes: Any) -> tuple[Child, ...]:
        facts = facts_for(text, "cluster", **{"apis": EVERYTHING} | changes)
        made = plan(desired_of(text), facts)
        assert made.problems == ()
        return children(made, facts)

    return make


@pytest.fixture
def objects(
    wanted: Callable[..., tuple[Child, ...]], shared: Callable[..., str]
) -> Callable[..., dict[str, Any]]:
    """``objects(platform="…", pipeline="…", extra="…", **facts)``: manifests by ``Kind/name``, with shared stores."""

    def make(platform: str = "", pipeline: str = "", extra: str = "", **changes: Any) -> dict[str, Any]:
        return by_name(wanted(shared(platform, pipeline, extra), **changes))

    return make


@pytest.fixture
def development(
    wanted: Callable[..., tuple[Child, ...]], resources: Callable[..., str]
) -> Callable[..., dict[str, Any]]:
    """The same with all stores embedded."""

    def make(platform: str = "", pipeline: str = "", extra: str = "", **changes: Any) -> dict[str, Any]:
        return by_name(wanted(resources(platform, pipeline, extra), **changes))

    return make


def by_name(found: tuple[Child, ...]) -> dict[str, Any]:
    return {f"{each.manifest['kind']}/{each.manifest['metadata']['name']}": each.manifest for each in found}


@pytest.fixture
def secret() -> Callable[[str, str], str]:
    return lambda name, data: SECRET.replace("NAME", name).replace("DATA", data)
