"""``media.<domain>``: the buckets, read by CloudFront alone and opened by a signature.

A path names the region that wrote what is below it (``processed/us-west-2/...``). That region's bucket is asked
first, and the bucket that holds its copies when it answers with an error of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_aws import cloudfront

from reelplane_infra.component import Component
from reelplane_infra.config import cdn
from reelplane_infra.place import Place

FAILED = (500, 502, 503, 504)
"""Answers that send a request to the copy. 403 and 404 do not: what the writer does not have, no copy has."""
HSTS_SECONDS = 63_072_000
"""Two years, what https://hstspreload.org asks of a preloaded domain (2026-11)."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where one primary's media are read."""

    path: str
    """Below which they are, e.g. ``processed/us-west-2/``."""
    region: str
    copy: str | None
    """The region whose bucket is asked when the own one fails."""


class MediaCdn(Component[cdn.Cdn]):
    """The distribution of the buckets."""

    distribution: cloudfront.Distribution

    def __init__(
        self,
        name: str,
        config: cdn.Cdn,
        place: Place,
        *,
        host: str,
        origins: tuple[str, ...],
        sources: tuple[Source, ...],
        buckets: Mapping[str, pulumi.Output[str]],
        certificate_arn: pulumi.Input[str],
        key_group_id: pulumi.Input[str],
        web_acl_arn: pulumi.Input[str] | None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """``buckets`` maps regions to the buckets' regional domain names; ``origins`` are the web origins whose
        players may read; the first source answers what no path matches."""
        super().__init__(name, config, place, opts)
        access = cloudfront.OriginAccessControl(
            self.named("access"),
            name=self.named("access"),
            description="CloudFront signs what it asks of the media buckets",
            origin_access_control_origin_type="s3",
            signing_behavior="always",
            signing_protocol="sigv4",
            opts=self.child(),
        )
        used = dict.fromkeys(each for source in sources for each in (source.region, source.copy) if each)
        behaviour: Any = {
            "viewer_protocol_policy": "https-only",
            "allowed_methods": ["GET", "HEAD", "OPTIONS"],
            "cached_methods": ["GET", "HEAD", "OPTIONS"],
            "cache_policy_id": self._cache().id,
            "response_headers_policy_id": self._headers(origins).id,
            "trusted_key_groups": [key_group_id],
            "compress": True,
        }
        rest: Any = {**behaviour, "target_origin_id": _target(sources[0])}
        paths: list[Any] = [
            {**behaviour, "path_pattern": f"/{source.path}*", "target_origin_id": _target(source)}
            for source in sources
        ]
        restrictions: Any = {"geo_restriction": restriction(config.geography)}
        self.distribution = cloudfront.Distribution(
            self.named("distribution"),
            comment=f"Media of {place.environment}",
            enabled=True,
            aliases=[host],
            http_version="http2and3",
            is_ipv6_enabled=True,
            price_class=config.price_class,
            origins=[self._origin(region, buckets[region], access.id) for region in used],
            origin_groups=[_group(source) for source in sources if source.copy is not None],
            default_cache_behavior=rest,
            ordered_cache_behaviors=paths,
            restrictions=restrictions,
            viewer_certificate=viewer_certificate(certificate_arn),
            web_acl_id=web_acl_arn,
            tags=self.tags(),
            opts=self.child(),
        )
        self.register_outputs({"host": host})

    def _origin(self, region: str, bucket: pulumi.Output[str], access_id: pulumi.Output[str]) -> Any:
        return {
            "origin_id": region,
            "domain_name": bucket,
            "origin_access_control_id": access_id,
            "origin_shield": {"enabled": self.config.origin_shield, "origin_shield_region": region},
            # Two attempts of 3 s, so that a region that is gone costs a viewer 6 s once and not 30.
            "connection_attempts": 2,
            "connection_timeout": 3,
        }

    def _cache(self) -> cloudfront.CachePolicy:
        """By path alone: a signature is checked, and is not a part of what is cached."""
        return cloudfront.CachePolicy(
            self.named("cache"),
            name=self.named("cache"),
            comment="Media: what is below a path never changes",
            min_ttl=0,
            default_ttl=self.config.media_ttl_seconds,
            max_ttl=self.config.media_ttl_seconds,
            parameters_in_cache_key_and_forwarded_to_origin={
                "cookies_config": {"cookie_behavior": "none"},
                "headers_config": {"header_behavior": "none"},
                "query_strings_config": {"query_string_behavior": "none"},
                "enable_accept_encoding_brotli": True,
                "enable_accept_encoding_gzip": True,
            },
            opts=self.child(),
        )

    def _headers(self, origins: tuple[str, ...]) -> cloudfront.ResponseHeadersPolicy:
        return cloudfront.ResponseHeadersPolicy(
            self.named("headers"),
            name=self.named("headers"),
            comment="Players of our own pages, and nothing else that runs",
            cors_config={
                "access_control_allow_credentials": False,
                "access_control_allow_headers": {"items": ["Range"]},
                "access_control_allow_methods": {"items": ["GET", "HEAD", "OPTIONS"]},
                "access_control_allow_origins": {"items": list(origins)},
                "access_control_expose_headers": {"items": ["Content-Length", "Content-Range", "ETag"]},
                "access_control_max_age_sec": 86_400,
                "origin_override": True,
            },
            security_headers_config=security_headers(),
            opts=self.child(),
        )


def _target(source: Source) -> str:
    return source.region if source.copy is None else f"{source.region}-then-{source.copy}"


def _group(source: Source) -> Any:
    return {
        "origin_id": _target(source),
        "failover_criteria": {"status_codes": list(FAILED)},
        "members": [{"origin_id": source.region}, {"origin_id": source.copy}],
    }


def restriction(geography: cdn.Geography) -> Any:
    kinds = {"none": "none", "allow": "whitelist", "deny": "blacklist"}
    return {"restriction_type": kinds[geography.mode], "locations": list(geography.countries)}


def viewer_certificate(arn: pulumi.Input[str]) -> Any:
    """TLS 1.2 or later. Names by SNI: an address of our own for viewers without it is $600 a month."""
    return {
        "acm_certificate_arn": arn,
        "ssl_support_method": "sni-only",
        "minimum_protocol_version": "TLSv1.2_2021",
    }


def security_headers() -> Any:
    return {
        "strict_transport_security": {
            "access_control_max_age_sec": HSTS_SECONDS,
            "include_subdomains": True,
            "preload": True,
            "override": True,
        },
        "content_type_options": {"override": True},
        "frame_options": {"frame_option": "DENY", "override": True},
        "referrer_policy": {"referrer_policy": "no-referrer", "override": True},
        "content_security_policy": {
            "content_security_policy": "default-src 'none'; frame-ancestors 'none'",
            "override": True,
        },
    }
