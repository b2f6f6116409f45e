"""The API workload of a platform: its settings, its secret files, and how it is run."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from reelplane_crds.kinds import VideoPlatform
from reelplane_crds.runtime import ApiSettings, Rate, RuntimeDocument
from reelplane_plan.builders import placement
from reelplane_plan.placement import Resources
from reelplane_plan.secrets import SecretReader
from reelplane_plan.types import (
    Config,
    Endpoint,
    Facts,
    Policy,
    Scale,
    SecretFile,
    SecretText,
    Workload,
)

SIGNING_KEY = SecretFile("signing-key", None)
"""Signs cookies and media links. Made once by the runtime: a new one would end every session and link."""

_GRACE = 25
"""Seconds: the API lets requests under way finish for 20, then closes its stores."""
_SETTLE = 10
"""Seconds a pod still serves after it was taken out of its Service: proxies on all nodes and the load balancers
before them learn of it one after another, most within a few seconds."""
_CPU_TARGET = 70
"""Percent of the requested CPU: a further pod answers some 10 s after it is asked for, and load goes on rising."""


def settings(
    platform: VideoPlatform, facts: Facts, secrets: SecretReader, public_url: str | None
) -> tuple[ApiSettings, tuple[SecretFile, ...]]:
    api, files = platform.spec.api, [SIGNING_KEY]
    keys_file = None
    if api.api_keys_from:
        text = secrets.value(
            f"VideoPlatform/{platform.metadata.name}: spec.api.apiKeysFrom", api.api_keys_from
        )
        if text:
            files.append(SecretFile("api-keys", SecretText(text + "\n")))
            keys_file = facts.layout.secrets / "api-keys"
    limits = api.rate_limits
    return ApiSettings(
        info_rate=Rate(count=limits.info.count, per=limits.info.per),
        download_rate=Rate(count=limits.download.count, per=limits.download.per),
        trusted_proxies=tuple(api.trusted_proxies),
        anonymous=api.anonymous,
        api_keys_file=keys_file,
        signing_key_file=facts.layout.secrets / SIGNING_KEY.name,
        media_url_ttl=api.media_url_ttl.seconds,
        media_delivery=media_delivery(platform, facts),
        info_wait=api.info_wait.seconds,
        public_url=public_url,
    ), tuple(files)


def media_delivery(platform: VideoPlatform, facts: Facts) -> Literal["redirect", "stream"]:
    """An S3 server inside the cluster has no address that a browser could be sent to."""
    inside = facts.target == "cluster" and platform.spec.objects.embedded is not None
    return "stream" if inside or platform.spec.api.media_delivery == "Stream" else "redirect"


def workload(
    platform: VideoPlatform, facts: Facts, document: RuntimeDocument, files: tuple[SecretFile, ...]
) -> Workload:
    """It starts beside its servers and is ready when they answer: loading its code takes longer than they do."""
    name, api = platform.metadata.name, platform.spec.api
    scale, settle = Scale(replicas=api.replicas.min), 0
    if facts.target == "cluster":
        scale, settle = replace(scale, maximum=api.replicas.max, cpu_target=_CPU_TARGET), _SETTLE
    own = placement.own(facts, placement.SERVING)
    placed, resources = placement.build(
        (platform.spec.pods, api.pods), own, Resources("500m", "256Mi", "1Gi")
    )
    return Workload(
        name="api",
        owner=name,
        role="api",
        config=Config(document, files),
        endpoint=Endpoint("http", f"{name}-api", api.port),
        scale=scale,
        policy=Policy(drain_stage=1, grace=_GRACE, settle=settle),
        resources=resources,
        placement=placed,
    )
