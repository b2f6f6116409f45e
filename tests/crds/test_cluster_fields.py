"""Fields for clusters: what is wrong is told with the field's path, in words that say what would be right."""

from __future__ import annotations

import pytest

from reelplane_crds.kinds import VideoPlatform
from reelplane_crds.load import InvalidFile, load_text

HEAD = "apiVersion: reelplane.io/v1alpha1\nkind: {kind}\nmetadata: {{name: x}}\nspec: {spec}\n"
REGION = "platform: reels, region: us-west-2, cluster: {inCluster: {}}"


@pytest.mark.parametrize(
    ("kind", "spec", "told"),
    [
        (
            "VideoPlatform",
            "{pods: {labels: {app.kubernetes.io/name: mine}}}",
            "spec.pods.labels: keys under app.kubernetes.io/ and reelplane.io/ are Reelplane's own",
        ),
        (
            "VideoPlatform",
            "{api: {pods: {labels: {reelplane.io/owner: me}}}}",
            "spec.api.pods.labels: keys under app.kubernetes.io/ and reelplane.io/ are Reelplane's own",
        ),
        (
            "VideoPlatform",
            "{metrics: {labels: {reelplane.io/owner: me}}}",
            "spec.metrics.labels: keys under app.kubernetes.io/ and reelplane.io/ are Reelplane's own",
        ),
        (
            "VideoPlatform",
            "{pods: {nodeSelector: {not a key: a}}}",
            "spec.pods.nodeSelector.not a key: 'not a key' is not a label key (letters, digits, '-', '_' and '.', "
            "with a domain before '/' or none); write e.g. example.com/team",
        ),
        (
            "VideoPlatform",
            "{pods: {labels: {team: -}}}",
            "spec.pods.labels.team: '-' is not a label value (at most 63 characters); write e.g. video",
        ),
        (
            "VideoPlatform",
            "{pods: {resources: {cpu: 2}}}",
            'spec.pods.resources.cpu: must be text, not a number; write "2"',
        ),
        (
            "VideoPlatform",
            "{pods: {resources: {cpu: two}}}",
            "spec.pods.resources.cpu: 'two' is not a number of processors; write e.g. 250m, 0.5 or 2",
        ),
        ("VideoPlatform", "{gateway: {}}", "spec.gateway: a gateway serves a domain: set domain, too"),
        (
            "VideoPlatform",
            "{domain: https://reels.example.com}",
            "is not a host name (lower case, without scheme or port)",
        ),
        (
            "VideoPlatform",
            "{images: {extractor: 'reelplane/extractor:1'}}",
            "is not an image without a tag (the tag is the version that is asked for)",
        ),
        ("VideoPipeline", "{platform: x, deletionPolicy: orphan}", "did you mean Orphan?"),
        ("VideoPipeline", "{platform: x, workers: {download: {class: gpu}}}", "did you mean Gpu?"),
        ("RegionDeployment", f"{{{REGION}, weight: 101}}", "spec.weight: 101 is too large; 100 is the most"),
        ("RegionDeployment", f"{{{REGION}, weight: -1}}", "spec.weight: -1 is too small; 0 is the least"),
        (
            "RegionDeployment",
            "{platform: reels, region: us-west-2, cluster: {}}",
            "spec.cluster: exactly one of kubeconfigFrom and inCluster must be set; e.g. {inCluster: {}}",
        ),
        (
            "RegionDeployment",
            f"{{{REGION}, overrides: {{objects: {{}}}}}}",
            "spec.overrides.objects: exactly one of embedded and s3 must be set",
        ),
        (
            "RegionDeployment",
            f"{{{REGION}, overrides: {{pipelines: [{{name: a}}, {{name: a}}]}}}}",
            "spec.overrides.pipelines: a stands twice in the list",
        ),
    ],
)
def test_a_mistake_is_told_where_it_stands_and_with_what_would_be_right(
    kind: str, spec: str, told: str
) -> None:
    with pytest.raises(InvalidFile) as refused:
        load_text(HEAD.format(kind=kind, spec=spec))
    (error,) = refused.value.errors
    assert told in str(error)


def test_a_region_is_loaded_beside_the_platform_it_belongs_to() -> None:
    loaded = load_text(HEAD.format(kind="RegionDeployment", spec=f"{{{REGION}}}"))
    (region,) = loaded.regions
    assert (region.spec.role, region.spec.weight, region.spec.namespace) == ("Primary", 0, None)
    assert region.spec.overrides.model_dump(exclude_none=True, exclude_defaults=True) == {}


def test_what_is_not_overridden_stays_unset_so_that_our_own_choice_shows() -> None:
    spec = {"pods": {"labels": {"example.com/team": "video"}}, "domain": "reels.example.com"}
    platform = VideoPlatform.model_validate({"metadata": {"name": "x"}, "spec": spec})
    assert platform.spec.pods is not None
    assert platform.spec.pods.resources.cpu is None
    assert (platform.spec.gateway, platform.spec.api.pods, platform.spec.images.workloads) == (
        None,
        None,
        None,
    )
