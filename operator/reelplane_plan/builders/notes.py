"""What a person should know about a plan that is not wrong: said once, by the field it is about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reelplane_crds.kinds import VideoPipeline, VideoPlatform
from reelplane_plan.builders import placement
from reelplane_plan.types import KEDA, Desired, Facts, Note

_CLUSTER_ONLY = ("domain", "gateway", "storage", "images", "pods", "metrics")


def build(
    platform: VideoPlatform, pipeline: VideoPipeline, facts: Facts, names: Sequence[str]
) -> Iterator[Note]:
    """``names`` are ``host:port`` that network policies cannot tell from other addresses."""
    at = f"VideoPlatform/{platform.metadata.name}: spec"
    if facts.target == "local":
        yield from _local(platform, at)
    else:
        yield from _cluster(platform, pipeline, facts, names, at)
    if platform.spec.egress.isolation == "Disabled":
        yield Note(f"{at}.egress.isolation", "the extraction process is not cut off from other ways out")


def unused(desired: Desired, pipeline: VideoPipeline) -> Iterator[Note]:
    """Objects that were declared and that nothing uses."""
    used = pipeline.spec.workers.download.proxies
    for pool in desired.pools:
        if pool.metadata.name != used:
            yield Note(f"ProxyPool/{pool.metadata.name}", "no pipeline uses this pool")


def regions(desired: Desired, facts: Facts) -> Iterator[Note]:
    if facts.target == "local":
        for region in desired.regions:
            yield Note(f"RegionDeployment/{region.metadata.name}", "one machine runs no regions of its own")


def _local(platform: VideoPlatform, at: str) -> Iterator[Note]:
    spec, replicas = platform.spec, platform.spec.api.replicas
    if "max" in replicas.model_fields_set and replicas.max > replicas.min:
        message = f"on one machine {replicas.min} run; more would not serve more"
        yield Note(f"{at}.api.replicas.max", message)
    for field in _CLUSTER_ONLY:
        if field in spec.model_fields_set:
            yield Note(f"{at}.{field}", "is about clusters, and changes nothing on one machine")
    if spec.extractor.version:
        message = "on one machine the installed extractor runs; `reelplane extractor install` renews it"
        yield Note(f"{at}.extractor.version", message)


def _cluster(
    platform: VideoPlatform, pipeline: VideoPipeline, facts: Facts, names: Sequence[str], at: str
) -> Iterator[Note]:
    spec, workers = platform.spec, pipeline.spec.workers.download
    for part, embedded in (("cache", spec.cache.embedded), ("queue", spec.queue.embedded)):
        if embedded:
            yield Note(f"{at}.{part}.embedded", "one pod: away for as long as it takes to be replaced")
    for part, alone in (("database", spec.database.embedded), ("objects", spec.objects.embedded)):
        if alone:
            message = "one pod with one volume that nobody backs up: for development"
            yield Note(f"{at}.{part}.embedded", message)
    if spec.objects.embedded and spec.api.media_delivery == "Redirect":
        message = "media passes through the API: browsers cannot reach an S3 server inside the cluster"
        yield Note(f"{at}.api.mediaDelivery", message)
    if spec.domain and not spec.api.trusted_proxies:
        message = "all clients look like the gateway until its addresses stand here"
        yield Note(f"{at}.api.trustedProxies", message)
    if spec.egress.isolation == "Required":
        message = "needs nodes that allow user namespaces to containers; elsewhere every job is refused"
        yield Note(f"{at}.egress.isolation", message)
    if names:
        message = (
            "network policies know no host names, so the ports of these are open to all but link-local"
            f" addresses: {', '.join(names)}"
        )
        yield Note(f"{at}.egress", message)
    its = f"VideoPipeline/{pipeline.metadata.name}: spec.workers.download"
    if workers.class_ == "Gpu" and not placement.wants_gpu(workers, facts):
        message = f"no node offers {workers.gpu.resource}: the workers run on processors"
        yield Note(f"{its}.class", message)
    if KEDA not in facts.apis:
        least = max(1, workers.min)
        message = f"without KEDA workers follow their processor load, and at least {least} run"
        yield Note(f"{its}.queueLengthPerWorker", message)
