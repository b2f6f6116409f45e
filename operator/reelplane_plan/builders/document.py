"""The runtime documents: the one file per workload from which it learns everything."""

from __future__ import annotations

from dataclasses import dataclass

from reelplane_crds.kinds import VideoPipeline, VideoPlatform
from reelplane_crds.runtime import (
    EgressSettings,
    OriginAllow,
    Retention,
    RuntimeDocument,
    SourceLimits,
    Stores,
)
from reelplane_plan.builders import api, workers
from reelplane_plan.builders.proxies import BuiltPool
from reelplane_plan.builders.stores import BuiltStores
from reelplane_plan.secrets import SecretReader
from reelplane_plan.types import Facts, SecretFile


@dataclass(frozen=True, slots=True)
class Documents:
    """Both documents and the secret files each of them names."""

    api: RuntimeDocument
    api_files: tuple[SecretFile, ...]
    worker: RuntimeDocument
    worker_files: tuple[SecretFile, ...]


def build(
    platform: VideoPlatform,
    pipeline: VideoPipeline,
    *,
    pool: BuiltPool | None,
    stores: BuiltStores,
    facts: Facts,
    secrets: SecretReader,
    public_url: str | None = None,
) -> Documents:
    """``public_url`` is where clients reach the API, where it has a name of its own."""
    api_settings, api_files = api.settings(platform, facts, secrets, public_url)
    extractor, cookie_files = workers.extractor(platform, pipeline, facts, secrets)
    common = _common(platform, pipeline, stores.stores)
    egress = _egress(platform)
    return Documents(
        api=common.model_copy(
            update={
                "api": api_settings,
                "egress": egress.model_copy(update={"proxies": pool.public if pool else None}),
            }
        ),
        api_files=(*stores.files, *api_files),
        worker=common.model_copy(
            update={
                "workload": "download",
                "role": "worker",
                "worker": workers.settings(pipeline, facts),
                "extractor": extractor,
                "egress": egress.model_copy(update={"proxies": pool.settings if pool else None}),
            }
        ),
        worker_files=(*stores.files, *cookie_files, *(pool.files if pool else ())),
    )


def _common(platform: VideoPlatform, pipeline: VideoPipeline, stores: Stores) -> RuntimeDocument:
    """What both documents say. The API knows the source limits to refuse early and to explain."""
    url, keep = pipeline.spec.sources.url, pipeline.spec.retention
    return RuntimeDocument(
        platform=platform.metadata.name,
        pipeline=pipeline.metadata.name,
        workload="api",
        role="api",
        stores=stores,
        sources=SourceLimits(
            max_size=url.max_size.bytes,
            max_duration=url.max_duration.seconds,
            max_height=url.max_height,
            playlist_items=url.playlist_items,
        ),
        retention=Retention(
            media=keep.media.seconds,
            jobs=keep.jobs.seconds,
            info=keep.info.seconds,
            failures=keep.failures.seconds,
        ),
    )


def _egress(platform: VideoPlatform) -> EgressSettings:
    egress = platform.spec.egress
    return EgressSettings(
        allow=tuple(OriginAllow(cidr=each.cidr, host=each.host, port=each.port) for each in egress.allow),
        ports=tuple(egress.ports),
        isolation={"Auto": "auto", "Required": "required", "Disabled": "off"}[egress.isolation],
    )
