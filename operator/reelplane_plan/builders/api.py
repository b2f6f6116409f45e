"""The API workload of a platform: its settings, its secret files, and how it is run."""

from __future__ import annotations

from reelplane_crds.kinds import VideoPlatform
from reelplane_crds.runtime import ApiSettings, Rate, RuntimeDocument
from reelplane_plan.secrets import SecretReader
from reelplane_plan.types import (
    Config,
    Endpoint,
    Facts,
    Policy,
    Resources,
    Scale,
    SecretFile,
    SecretText,
    Workload,
)

SIGNING_KEY = SecretFile("signing-key", None)
"""Signs cookies and media links. Made once by the runtime: a new one would end every session and link."""

_GRACE = 25
"""Seconds: the API lets requests under way finish for 20, then closes its stores."""


def settings(
    platform: VideoPlatform, facts: Facts, secrets: SecretReader
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
        media_delivery="redirect" if api.media_delivery == "Redirect" else "stream",
        info_wait=api.info_wait.seconds,
    ), tuple(files)


def workload(
    platform: VideoPlatform,
    document: RuntimeDocument,
    files: tuple[SecretFile, ...],
) -> Workload:
    """It starts beside its servers and is ready when they answer: loading its code takes longer than they do."""
    name, api = platform.metadata.name, platform.spec.api
    return Workload(
        name="api",
        owner=name,
        role="api",
        config=Config(document, files),
        endpoint=Endpoint("http", f"{name}-api", api.port),
        scale=Scale(replicas=api.replicas.min),
        policy=Policy(drain_stage=1, grace=_GRACE),
        resources=Resources("500m", "256Mi", "1Gi"),
    )
