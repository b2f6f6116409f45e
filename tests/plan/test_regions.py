"""What the hub writes into a region: what was declared, with the region's overrides in their place."""

from __future__ import annotations

from typing import Any

import pytest

from reelplane_crds.kinds import ProxyPool, VideoPipeline, VideoPlatform
from reelplane_crds.load import load_text
from reelplane_plan.regions import resolve

DECLARED = """
apiVersion: reelplane.io/v1alpha1
kind: VideoPlatform
metadata:
  {name: reels, namespace: hub, uid: 1-2, generation: 7, labels: {team: video}, annotations: {a/b: c}}
spec:
  api: {port: 9000, replicas: {min: 2, max: 4}}
  objects: {embedded: {size: 1Gi}}
  cache: {embedded: {}}
---
apiVersion: reelplane.io/v1alpha1
kind: VideoPipeline
metadata: {name: shorts, namespace: hub}
spec: {platform: reels, workers: {download: {min: 3, max: 4, proxies: homes}}}
---
apiVersion: reelplane.io/v1alpha1
kind: VideoPipeline
metadata: {name: longs, namespace: hub}
spec: {platform: reels}
---
apiVersion: reelplane.io/v1alpha1
kind: VideoPipeline
metadata: {name: other, namespace: hub}
spec: {platform: clips}
---
apiVersion: reelplane.io/v1alpha1
kind: ProxyPool
metadata: {name: homes, namespace: hub}
spec: {endpoints: [], whenExhausted: Direct}
---
apiVersion: reelplane.io/v1alpha1
kind: ProxyPool
metadata: {name: unused, namespace: hub}
spec: {endpoints: [], whenExhausted: Direct}
---
apiVersion: reelplane.io/v1alpha1
kind: RegionDeployment
metadata: {name: west, namespace: hub}
spec: {platform: reels, region: us-west-2, cluster: {inCluster: {}}, SPEC}
"""


@pytest.fixture
def resolved():
    def make(spec: str = "") -> dict[str, Any]:
        found = load_text(DECLARED.replace("SPEC", spec))
        (region,) = found.regions
        objects = resolve(found.platforms[0], found.pipelines, found.proxy_pools, region)
        return {f"{each['kind']}/{each['metadata']['name']}": each for each in objects}

    return make


def test_the_platform_its_pipelines_and_their_pools_are_written_in_the_order_of_use(resolved):
    assert list(resolved()) == [
        "ProxyPool/homes",
        "VideoPlatform/reels",
        "VideoPipeline/longs",
        "VideoPipeline/shorts",
    ]


def test_what_is_written_carries_the_region_and_nothing_of_the_hubs_bookkeeping(resolved):
    made = resolved()["VideoPlatform/reels"]
    assert made["metadata"] == {
        "name": "reels",
        "namespace": "hub",
        "labels": {"team": "video", "reelplane.io/region": "us-west-2"},
    }
    assert made.keys() == {"apiVersion", "kind", "metadata", "spec"}
    assert resolved("namespace: media")["VideoPipeline/shorts"]["metadata"]["namespace"] == "media"


def test_without_overrides_a_spec_is_what_was_written_and_defaults_stay_open(resolved):
    made = resolved()
    assert made["VideoPlatform/reels"]["spec"] == {
        "api": {"port": 9000, "replicas": {"min": 2, "max": 4}},
        "objects": {"embedded": {"size": "1Gi"}},
        "cache": {"embedded": {}},
    }
    assert made["VideoPipeline/longs"]["spec"] == {"platform": "reels"}


def test_an_override_replaces_its_field_whole_and_leaves_the_others(resolved):
    spec = resolved(
        "overrides: {objects: {s3: {bucket: reels, region: us-west-2}}, domain: west.example.com,"
        " api: {replicas: {max: 40}}}"
    )["VideoPlatform/reels"]["spec"]
    assert spec["objects"] == {"s3": {"bucket": "reels", "region": "us-west-2"}}
    assert spec["domain"] == "west.example.com"
    assert spec["api"] == {"port": 9000, "replicas": {"max": 40}}
    assert spec["cache"] == {"embedded": {}}


@pytest.mark.parametrize(
    ("workers", "expected"),
    [
        ("{min: 0, max: 50}", (0, 50)),
        ("{max: 2}", (2, 2)),
        ("{min: 9}", (9, 9)),
        ("{}", (3, 4)),
    ],
)
def test_a_pipelines_bounds_are_the_regions_and_always_fit(resolved, workers, expected):
    made = resolved(f"overrides: {{pipelines: [{{name: shorts, workers: {workers}}}]}}")
    download = made["VideoPipeline/shorts"]["spec"]["workers"]["download"]
    assert (download["min"], download["max"], download["proxies"]) == (*expected, "homes")
    assert made["VideoPipeline/longs"]["spec"] == {"platform": "reels"}


def test_what_is_written_is_valid_where_it_arrives(resolved):
    kinds = {"VideoPlatform": VideoPlatform, "VideoPipeline": VideoPipeline, "ProxyPool": ProxyPool}
    overrides = (
        "overrides: {cache: {external: {urlFrom: {secret: c, key: u}}}, egress: {isolation: Required}}"
    )
    for each in resolved(overrides).values():
        kinds[each["kind"]].model_validate(each)
