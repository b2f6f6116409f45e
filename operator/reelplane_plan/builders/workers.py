"""The download workers of a pipeline: how they extract, where they may go, and how many run."""

from __future__ import annotations

from dataclasses import replace

from reelplane_crds.kinds import VideoPipeline, VideoPlatform
from reelplane_crds.runtime import ExtractorSettings, RuntimeDocument, WorkerSettings
from reelplane_plan.builders import placement
from reelplane_plan.placement import Resources
from reelplane_plan.scale import ScalingRule
from reelplane_plan.secrets import SecretReader
from reelplane_plan.types import (
    KEDA,
    Config,
    Endpoint,
    Facts,
    Policy,
    Scale,
    SecretFile,
    Workload,
)

CANARY = "download-canary"
_COOKIES = "cookies"
_LOCAL_DRAIN = 20
"""Seconds that a person who stopped the platform is made to wait for running jobs."""
_MARGIN = 10
"""Seconds beyond the drain timeout for handing jobs back and closing connections."""
_CPU_TARGET = 80
"""Percent of the requested CPU, where the backlog cannot be followed: downloads wait for the network, so a
processor that is busy means that all of them are."""
_PORT = 8080
"""Where a worker's probes and metrics answer."""


def drain_seconds(pipeline: VideoPipeline, facts: Facts) -> int:
    """Seconds a stopping worker lets jobs finish: on a machine a person waits for it, on a cluster nobody does."""
    workers = pipeline.spec.workers.download
    if workers.drain_timeout is not None:
        return workers.drain_timeout.seconds
    return _LOCAL_DRAIN if facts.target == "local" else workers.job_timeout.seconds


def settings(pipeline: VideoPipeline, facts: Facts) -> WorkerSettings:
    workers = pipeline.spec.workers.download
    return WorkerSettings(
        worker_class="download",
        concurrency=workers.concurrency,
        job_timeout=workers.job_timeout.seconds,
        max_attempts=workers.max_attempts,
        drain_timeout=drain_seconds(pipeline, facts),
        work_dir=facts.layout.work,
        socket_dir=facts.layout.sockets,
    )


def extractor(
    platform: VideoPlatform, pipeline: VideoPipeline, facts: Facts, secrets: SecretReader
) -> tuple[ExtractorSettings, tuple[SecretFile, ...]]:
    """How yt-dlp is set, and the cookie files it is given: ``cookies/<site>.txt``."""
    wanted, cookies = pipeline.spec.extraction, platform.spec.extractor.cookies_from
    files: tuple[SecretFile, ...] = ()
    if cookies:
        path = f"VideoPlatform/{platform.metadata.name}: spec.extractor.cookiesFrom"
        files = tuple(
            SecretFile(f"{_COOKIES}/{site.removesuffix('.txt')}.txt", text)
            for site, text in sorted(secrets.keys(path, cookies.secret).items())
        )
    return ExtractorSettings(
        path=facts.layout.extractor,
        version=(facts.extractor.current or "") if facts.target == "cluster" else "",
        concurrent_fragments=wanted.concurrent_fragments,
        http_chunk_size=wanted.chunk_size.bytes,
        buffer_size=wanted.buffer_size.bytes,
        retries=wanted.retries,
        fragment_retries=wanted.fragment_retries,
        socket_timeout=wanted.socket_timeout.seconds,
        impersonate=wanted.impersonate,
        cookies_dir=facts.layout.secrets / _COOKIES if files else None,
    ), files


def workload(
    platform: VideoPlatform,
    pipeline: VideoPipeline,
    facts: Facts,
    document: RuntimeDocument,
    files: tuple[SecretFile, ...],
    *,
    after: tuple[str, ...],
) -> Workload:
    """``after`` names what must be ready first: the API too, so that it does not wait for a processor."""
    name, workers = pipeline.metadata.name, pipeline.spec.workers.download
    own = placement.own(facts, placement.BATCH)
    resources = Resources("500m", "512Mi", f"{1 + workers.concurrency}Gi")
    if workers.spot:
        own = placement.on_spot(own)
    if placement.wants_gpu(workers, facts):
        own, resources = placement.on_gpu(workers, own, resources)
    placed, resources = placement.build((platform.spec.pods, workers.pods), own, resources)
    return Workload(
        name="download",
        owner=name,
        role="worker",
        config=Config(document, files),
        endpoint=Endpoint("metrics", f"{name}-download", _PORT),
        scale=_scale(pipeline, facts),
        policy=Policy(after=after, drain_stage=0, grace=drain_seconds(pipeline, facts) + _MARGIN, nice=5),
        resources=resources,
        placement=placed,
        extractor=facts.extractor.current if facts.target == "cluster" else None,
    )


def canary(main: Workload, version: str) -> Workload:
    """One more worker, beside the ones of ``main``, which tries ``version`` of the extractor on real jobs."""
    config = main.config
    if config is None or config.document.extractor is None:
        raise ValueError(f"workload {main.name!r} runs no extractor, so none of its versions can be tried")
    settings = config.document.extractor.model_copy(update={"version": version})
    return replace(
        main,
        name=CANARY,
        config=replace(config, document=config.document.model_copy(update={"extractor": settings})),
        endpoint=Endpoint("metrics", f"{main.owner}-{CANARY}", _PORT),
        scale=Scale(),
        extractor=version,
    )


def _scale(pipeline: VideoPipeline, facts: Facts) -> Scale:
    workers = pipeline.spec.workers.download
    if pipeline.spec.drain:
        # No autoscaler either: it would wake a worker for the first job that waits.
        return Scale(replicas=0)
    rule = ScalingRule(workers.min, workers.max, workers.queue_length_per_worker)
    scale = Scale(replicas=workers.min, maximum=workers.max, rule=rule)
    if facts.target == "cluster" and KEDA not in facts.apis:
        return replace(scale, cpu_target=_CPU_TARGET)
    return scale
