"""``<domain>``: the API, by way of CloudFront to the region that Route 53 answers with.

Nothing is cached but what the API says about a video, and that for at most five minutes and per caller. The origin is
one name, whose answer depends on where CloudFront asks from and on which regions are up.
"""

from __future__ import annotations

from typing import Any

import pulumi
from pulumi_aws import cloudfront

from reelplane_infra.component import Component
from reelplane_infra.components.mediacdn import restriction, security_headers, viewer_certificate
from reelplane_infra.config import cdn
from reelplane_infra.place import Place

CACHING_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
"""AWS's cache policy, https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/
using-managed-cache-policies.html (2026-11)."""
ALL_VIEWER_EXCEPT_HOST = "b689b0a8-53d0-40ab-baf2-68738e2966ac"
"""AWS's origin request policy, https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/
using-managed-origin-request-policies.html (2026-11)."""
TOKEN_HEADER = "x-reelplane-origin"  # noqa: S105 - the name of a header
"""Carries the origin's token, by which a load balancer knows our distribution from any other."""
METADATA_PATHS = ("/v1/info",)
"""What says something about a video."""
READ_SECONDS = 60
"""Until an origin that is silent counts as failed; 60 without a quota of one's own,
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/DownloadDistValuesOrigin.html (2026-11)."""


class ApiCdn(Component[cdn.Cdn]):
    """The distribution of the API."""

    distribution: cloudfront.Distribution

    def __init__(
        self,
        name: str,
        config: cdn.Cdn,
        place: Place,
        *,
        host: str,
        origin: str,
        token: pulumi.Output[str],
        certificate_arn: pulumi.Input[str],
        web_acl_arn: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, config, place, opts)
        # The API's own pages say what they may load.
        told: Any = {
            key: value for key, value in security_headers().items() if key != "content_security_policy"
        }
        headers = cloudfront.ResponseHeadersPolicy(
            self.named("headers"),
            name=self.named("headers"),
            comment="What browsers are told of the API",
            security_headers_config=told,
            opts=self.child(),
        )
        behaviour: Any = {
            "target_origin_id": "regions",
            "viewer_protocol_policy": "redirect-to-https",
            "cached_methods": ["GET", "HEAD"],
            "origin_request_policy_id": ALL_VIEWER_EXCEPT_HOST,
            "response_headers_policy_id": headers.id,
            "compress": True,
        }
        metadata = self._metadata()
        rest: Any = {
            **behaviour,
            "allowed_methods": ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"],
            "cache_policy_id": CACHING_DISABLED,
        }
        paths: list[Any] = [
            {
                **behaviour,
                "path_pattern": path,
                "allowed_methods": ["GET", "HEAD"],
                "cache_policy_id": metadata.id,
            }
            for path in METADATA_PATHS
        ]
        restrictions: Any = {"geo_restriction": restriction(config.geography)}
        self.distribution = cloudfront.Distribution(
            self.named("distribution"),
            comment=f"API of {place.environment}",
            enabled=True,
            aliases=[host],
            http_version="http2and3",
            is_ipv6_enabled=True,
            price_class=config.price_class,
            origins=[_origin(origin, token)],
            default_cache_behavior=rest,
            ordered_cache_behaviors=paths,
            restrictions=restrictions,
            viewer_certificate=viewer_certificate(certificate_arn),
            web_acl_id=web_acl_arn,
            tags=self.tags(),
            opts=self.child(),
        )
        self.register_outputs({"host": host})

    def _metadata(self) -> cloudfront.CachePolicy:
        """Per caller: an answer is given to nobody who did not show the credentials it was given for."""
        ttl = self.config.metadata_ttl_seconds
        return cloudfront.CachePolicy(
            self.named("metadata"),
            name=self.named("metadata"),
            comment="What the API says about a video",
            min_ttl=0,
            default_ttl=ttl,
            max_ttl=ttl,
            parameters_in_cache_key_and_forwarded_to_origin={
                "cookies_config": {"cookie_behavior": "all"},
                "headers_config": {
                    "header_behavior": "whitelist",
                    "headers": {"items": ["Authorization", "Accept"]},
                },
                "query_strings_config": {"query_string_behavior": "all"},
                "enable_accept_encoding_brotli": True,
                "enable_accept_encoding_gzip": True,
            },
            opts=self.child(),
        )


def _origin(host: str, token: pulumi.Output[str]) -> Any:
    return {
        "origin_id": "regions",
        "domain_name": host,
        "connection_attempts": 2,
        "connection_timeout": 3,
        "custom_headers": [{"name": TOKEN_HEADER, "value": token}],
        "custom_origin_config": {
            "http_port": 80,
            "https_port": 443,
            "origin_protocol_policy": "https-only",
            "origin_ssl_protocols": ["TLSv1.2"],
            "origin_read_timeout": READ_SECONDS,
            "origin_keepalive_timeout": 5,
        },
    }
