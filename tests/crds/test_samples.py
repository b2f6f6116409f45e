"""The samples for clusters: they load, plan without a problem, and a server takes them as they stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from reelplane_crds.kinds import VideoPlatform
from reelplane_crds.load import Documents, load_files
from reelplane_plan.layout import CLUSTER
from reelplane_plan.plan import plan
from reelplane_plan.regions import resolve
from reelplane_plan.types import KEDA, SERVICE_MONITOR, Desired, Facts, Plan, SecretText
from tests.testbed.given import Cluster

SAMPLES = Path(__file__).parents[2] / "samples" / "cluster"
DEVELOPMENT, PRODUCTION, REGIONS = (
    SAMPLES / f"{name}.yaml" for name in ("development", "production", "regions")
)


def planned(documents: Documents, secrets: Documents) -> Plan:
    facts = Facts(
        "cluster",
        CLUSTER,
        secrets={
            each.metadata.name: {key: SecretText(value) for key, value in each.values.items()}
            for each in secrets.secrets
        },
        namespace="reels",
        apis=frozenset({KEDA, SERVICE_MONITOR}),
    )
    return plan(Desired(documents.platforms, documents.pipelines, documents.proxy_pools), facts)


def test_there_are_no_other_samples() -> None:
    assert sorted(SAMPLES.iterdir()) == [DEVELOPMENT, PRODUCTION, REGIONS]


def test_development_needs_nothing_but_the_file() -> None:
    loaded = load_files([DEVELOPMENT])
    made = planned(loaded, loaded)
    assert made.problems == ()
    (platform,) = loaded.platforms
    spec = platform.spec
    assert None not in (
        spec.cache.embedded,
        spec.queue.embedded,
        spec.database.embedded,
        spec.objects.embedded,
    )
    assert (spec.domain, loaded.secrets, spec.storage.class_) == (None, (), None)


def test_production_keeps_its_state_elsewhere_and_plans_with_its_own_example_secrets() -> None:
    loaded = load_files([PRODUCTION])
    assert planned(loaded, loaded).problems == ()
    (platform,), (pipeline,), (pool,) = loaded.platforms, loaded.pipelines, loaded.proxy_pools
    spec = platform.spec
    assert None not in (spec.cache.external, spec.queue.external, spec.database.postgres, spec.objects.s3)
    assert spec.domain
    assert spec.gateway is not None
    assert spec.gateway.tls is not None
    assert spec.deletion_policy == pipeline.spec.deletion_policy == "Orphan"
    download = pipeline.spec.workers.download
    assert (download.spot, download.proxies) == (True, pool.metadata.name)
    for secret in loaded.secrets:
        assert all("change-me" in value for value in secret.values.values()), "an example must not look real"


def test_the_regions_are_three_primaries_that_share_the_clients_and_two_that_stand_by() -> None:
    loaded = load_files([REGIONS])
    (platform,) = loaded.platforms
    assert {each.spec.platform for each in loaded.regions} == {platform.metadata.name}
    weights = {each.spec.region: each.spec.weight for each in loaded.regions if each.spec.role == "Primary"}
    assert weights == {"us-west-2": 40, "eu-west-1": 30, "ap-southeast-1": 30}
    assert sum(weights.values()) == 100
    recovery = {each.spec.region: each.spec.weight for each in loaded.regions if each.spec.role == "Recovery"}
    assert recovery == {"us-east-1": 0, "eu-central-1": 0}


def test_what_a_region_gets_plans_with_the_secrets_that_production_shows() -> None:
    loaded, secrets = load_files([REGIONS]), load_files([PRODUCTION])
    (platform,) = loaded.platforms
    assert planned(loaded, secrets).problems == ()
    for region in loaded.regions:
        made = resolve(platform, loaded.pipelines, loaded.proxy_pools, region)
        (inside,) = (each for each in made if each["kind"] == "VideoPlatform")
        there = VideoPlatform.model_validate(inside)
        assert planned(Documents((there,), loaded.pipelines), secrets).problems == ()
        assert there.spec.objects.s3 is not None
        assert there.spec.objects.s3.region == region.spec.region


def test_the_samples_may_be_applied_together() -> None:
    assert len(load_files([SAMPLES]).platforms) == 3


@pytest.mark.cluster
@pytest.mark.parametrize("sample", [DEVELOPMENT, PRODUCTION, REGIONS], ids=lambda path: path.stem)
def test_a_server_takes_a_sample_as_it_stands(crds: Cluster, sample: Path) -> None:
    done = crds.kubectl("apply", "--server-side", "--dry-run=server", "-f", str(sample))
    assert len(done.stdout.splitlines()) == sample.read_text().count("\n---\n") + 1
    assert done.stderr == "", "warnings"
