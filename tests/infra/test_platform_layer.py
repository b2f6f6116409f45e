"""What runs in the clusters: the objects are the CRDs' own, one writer each, and no secret is in the program."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from reelplane_crds.kinds import VideoPipeline, VideoPlatform
from reelplane_infra.components.declarations import video_pipelines
from reelplane_infra.config.platform import Pipeline, Platform
from reelplane_infra.record import Record, RecordedPlan, plain

GROUP = "kubernetes:reelplane.io/v1alpha1:"
RELEASE = "kubernetes:helm.sh/v3:Release"


@pytest.fixture(scope="module")
def platform(dev: RecordedPlan) -> Record:
    return dev.record("dev.platform.us-west-2")


def test_declarations_are_valid_for_the_crds(platform: Record) -> None:
    for kind, model in (("VideoPlatform", VideoPlatform), ("VideoPipeline", VideoPipeline)):
        (each,) = platform.of_type(GROUP + kind)
        model.model_validate({"metadata": plain(each.inputs["metadata"]), "spec": plain(each.inputs["spec"])})


def test_the_platform_uses_the_regions_own_bucket_and_images(dev: RecordedPlan, platform: Record) -> None:
    (each,) = platform.of_type(GROUP + "VideoPlatform")
    spec = plain(each.inputs["spec"])
    bucket = plain(dev.record("dev.region.us-west-2").outputs["media_bucket"])
    assert spec["objects"]["s3"] == {"bucket": bucket, "region": "us-west-2", "prefix": "processed/"}
    assert (
        spec["images"]["workloads"]
        == "111122223333.dkr.ecr.us-west-2.amazonaws.com/reelplane-dev/workloads:0.1.0"
    )


def test_an_invalid_declaration_fails_while_the_plan_is_made() -> None:
    each = Pipeline(name="shorts").model_copy(update={"concurrency": 99})
    with pytest.raises(ValidationError, match="concurrency"):
        video_pipelines(Platform().model_copy(update={"pipelines": (each,)}), "reels")


def test_every_chart_is_pinned_and_karpenter_is_first(platform: Record) -> None:
    releases = {plain(each.inputs["name"]): each for each in platform.of_type(RELEASE)}
    assert {name for name, each in releases.items() if "version" not in each.inputs} == {"reelplane"}
    (pool,) = (
        each
        for each in platform.of_type("kubernetes:karpenter.sh/v1:NodePool")
        if plain(each.inputs["metadata"])["name"] == "system"
    )
    for name, each in releases.items():
        if name != "karpenter":
            assert pool.urn in each.dependencies, name


def test_the_kubeconfig_of_the_provider_holds_no_secret(platform: Record) -> None:
    (provider,) = platform.of_type("pulumi:providers:kubernetes")
    (user,) = json.loads(str(plain(provider.inputs["kubeconfig"])))["users"]
    assert set(user["user"]) == {"exec"}
    assert user["user"]["exec"]["command"] == "aws"


def test_passwords_meet_hosts_only_in_the_cluster(platform: Record) -> None:
    (each,) = platform.of_type("kubernetes:external-secrets.io/v1:ExternalSecret")
    urls = plain(each.inputs["spec"])["target"]["template"]["data"]
    assert set(urls) == {"cache", "queue", "database"}
    for use, url in urls.items():
        assert f"{{{{ .{use}_password | urlquery }}}}" in url
        assert url.startswith(("rediss://", "postgresql://"))
    assert platform.of_type("kubernetes:core/v1:Secret") == ()


def test_with_a_hub_the_regions_write_no_declarations(everywhere: RecordedPlan) -> None:
    for record in everywhere.records:
        if record.stack.layer == "platform":
            assert record.of_type(GROUP + "VideoPlatform", GROUP + "VideoPipeline") == ()
