"""The download workers of a pipeline: how they extract, where they may go, and how many run."""

from __future__ import annotations

from reelplane_crds.kinds import VideoPipeline, VideoPlatform
from reelplane_crds.runtime import ExtractorSettings, RuntimeDocument, WorkerSettings
from reelplane_plan.scale import ScalingRule
from reelplane_plan.secrets import SecretReader
from reelplane_plan.types import (
    Config,
    Endpoint,
    Facts,
    Policy,
    Resources,
    Scale,
    SecretFile,
    Workload,
)

_COOKIES = "cookies"
_MARGIN = 10
"""Seconds beyond the drain timeout for handing jobs back and closing connections."""


def settings(pipeline: VideoPipeline, facts: Facts) -> WorkerSettings:
    workers = pipeline.spec.workers.download
    return WorkerSettings(
        worker_class="download",
        concurrency=workers.concurrency,
        job_timeout=workers.job_timeout.seconds,
        max_attempts=workers.max_attempts,
        drain_timeout=workers.drain_timeout.seconds,
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
    pipeline: VideoPipeline,
    document: RuntimeDocument,
    files: tuple[SecretFile, ...],
    *,
    after: tuple[str, ...],
) -> Workload:
    """``after`` names what must be ready first: the API too, so that it does not wait for a processor."""
    name, workers = pipeline.metadata.name, pipeline.spec.workers.download
    rule = ScalingRule(workers.min, workers.max, workers.queue_length_per_worker)
    return Workload(
        name="download",
        owner=name,
        role="worker",
        config=Config(document, files),
        endpoint=Endpoint("metrics", f"{name}-download", 8080),
        scale=Scale(replicas=workers.min, rule=rule),
        policy=Policy(after=after, drain_stage=0, grace=workers.drain_timeout.seconds + _MARGIN, nice=5),
        resources=Resources("500m", "512Mi", f"{1 + workers.concurrency}Gi"),
    )
