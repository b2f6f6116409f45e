"""CloudFront, WAF, Route 53, ACM."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reelplane_infra.checks.cfn.counterpart import WAITED, Table, of


def _in(structure: str, *keys: str) -> Mapping[str, str]:
    return {key: f"{structure}.{key[0].upper()}{key[1:]}" for key in keys}


def _geolocation(policies: list[Mapping[str, Any]]) -> dict[str, Any]:
    named = {"continent": "ContinentCode", "country": "CountryCode", "subdivision": "SubdivisionCode"}
    return {named[key]: each for policy in policies for key, each in policy.items() if each}


_DISTRIBUTION: Final = (
    "aliases", "comment", "defaultRootObject", "enabled", "httpVersion", "priceClass", "restrictions", "staging",
    "viewerCertificate", "origins", "originGroups", "defaultCacheBehavior", "customErrorResponses",
)  # fmt: skip
_HEALTH: Final = (
    "type", "resourcePath", "port", "failureThreshold", "requestInterval", "searchString", "measureLatency",
    "regions", "insufficientDataHealthStatus",
)  # fmt: skip
_CONFIG: Final = (
    "name",
    "description",
    "signingProtocol",
    "signingBehavior",
    "originAccessControlOriginType",
)
_HEADERS: Final = (
    "name", "comment", "corsConfig", "securityHeadersConfig", "customHeadersConfig", "removeHeadersConfig",
    "serverTimingHeadersConfig",
)  # fmt: skip


def _members(given: Mapping[str, Any]) -> Any:
    """A list that Pulumi keeps under ``items``; CloudFormation has the list itself."""
    return given.get("items") or []


_CACHE: Final = "parametersInCacheKeyAndForwardedToOrigin"

TABLE: Final[Table] = {
    "aws:cloudfront/distribution:Distribution": of(
        "AWS::CloudFront::Distribution",
        rename={
            **_in("DistributionConfig", *_DISTRIBUTION),
            "orderedCacheBehaviors": "DistributionConfig.CacheBehaviors",
            "isIpv6Enabled": "DistributionConfig.IPV6Enabled",
            "webAclId": "DistributionConfig.WebACLId",
            "loggingConfig": "DistributionConfig.Logging",
            "origins.originId": "Id",
            "origins.customHeaders": "OriginCustomHeaders",
            "origins.customHeaders.name": "HeaderName",
            "origins.customHeaders.value": "HeaderValue",
            "origins.customOriginConfig.httpPort": "HTTPPort",
            "origins.customOriginConfig.httpsPort": "HTTPSPort",
            "origins.customOriginConfig.originSslProtocols": "OriginSSLProtocols",
            "originGroups.originId": "Id",
            "restrictions.geoRestriction": "GeoRestriction",
        },
        drop={"retainOnDelete": "read when the resource is destroyed"},
    ),
    "aws:cloudfront/originAccessControl:OriginAccessControl": of(
        "AWS::CloudFront::OriginAccessControl", rename=_in("OriginAccessControlConfig", *_CONFIG)
    ),
    "aws:cloudfront/publicKey:PublicKey": of(
        "AWS::CloudFront::PublicKey",
        rename=_in("PublicKeyConfig", "name", "encodedKey", "comment"),
        constant={"PublicKeyConfig.CallerReference": "reelplane", "PublicKeyConfig.Name": "key"},
    ),
    "aws:cloudfront/keyGroup:KeyGroup": of(
        "AWS::CloudFront::KeyGroup", rename=_in("KeyGroupConfig", "name", "items", "comment")
    ),
    "aws:cloudfront/cachePolicy:CachePolicy": of(
        "AWS::CloudFront::CachePolicy",
        rename={
            **_in("CachePolicyConfig", "name", "comment", _CACHE),
            "minTtl": "CachePolicyConfig.MinTTL",
            "maxTtl": "CachePolicyConfig.MaxTTL",
            "defaultTtl": "CachePolicyConfig.DefaultTTL",
        },
        convert={
            f"{_CACHE}.cookiesConfig.cookies": _members,
            f"{_CACHE}.headersConfig.headers": _members,
            f"{_CACHE}.queryStringsConfig.queryStrings": _members,
        },
    ),
    "aws:cloudfront/originRequestPolicy:OriginRequestPolicy": of(
        "AWS::CloudFront::OriginRequestPolicy",
        rename=_in(
            "OriginRequestPolicyConfig",
            "name",
            "comment",
            "headersConfig",
            "cookiesConfig",
            "queryStringsConfig",
        ),
        convert={
            "cookiesConfig.cookies": _members,
            "headersConfig.headers": _members,
            "queryStringsConfig.queryStrings": _members,
        },
    ),
    "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy": of(
        "AWS::CloudFront::ResponseHeadersPolicy",
        rename=_in("ResponseHeadersPolicyConfig", *_HEADERS),
    ),
    "aws:cloudfront/function:Function": of(
        "AWS::CloudFront::Function",
        rename={
            "code": "FunctionCode",
            "publish": "AutoPublish",
            "comment": "FunctionConfig.Comment",
            "runtime": "FunctionConfig.Runtime",
        },
        constant={"FunctionConfig.Comment": ""},
    ),
    "aws:cloudfront/vpcOrigin:VpcOrigin": of(
        "AWS::CloudFront::VpcOrigin",
        rename={
            "vpcOriginEndpointConfig.httpPort": "HTTPPort",
            "vpcOriginEndpointConfig.httpsPort": "HTTPSPort",
            "vpcOriginEndpointConfig.originSslProtocols": "OriginSSLProtocols",
        },
        convert={"vpcOriginEndpointConfig.originSslProtocols": _members},
        drop={"timeouts": WAITED},
    ),
    "aws:wafv2/webAcl:WebAcl": of("AWS::WAFv2::WebACL"),
    "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration": of("AWS::WAFv2::LoggingConfiguration"),
    "aws:route53/zone:Zone": of(
        "AWS::Route53::HostedZone", rename={"comment": "HostedZoneConfig.Comment", "tags": "HostedZoneTags"}
    ),
    "aws:route53/record:Record": of(
        "AWS::Route53::RecordSet",
        rename={
            "zoneId": "HostedZoneId",
            "ttl": "TTL",
            "records": "ResourceRecords",
            "aliases": "AliasTarget",
            "aliases.zoneId": "HostedZoneId",
            "aliases.name": "DNSName",
            "geolocationRoutingPolicies": "GeoLocation",
            "failoverRoutingPolicies": "Failover",
            "weightedRoutingPolicies": "Weight",
            "latencyRoutingPolicies": "Region",
            "multivalueAnswerRoutingPolicy": "MultiValueAnswer",
        },
        convert={
            "ttl": str,
            "geolocationRoutingPolicies": _geolocation,
            "failoverRoutingPolicies": lambda policies: policies[0]["type"],
            "weightedRoutingPolicies": lambda policies: policies[0]["weight"],
            "latencyRoutingPolicies": lambda policies: policies[0]["region"],
        },
        drop={"allowOverwrite": "takes over a record of the same name"},
    ),
    "aws:route53/healthCheck:HealthCheck": of(
        "AWS::Route53::HealthCheck",
        rename={
            **_in("HealthCheckConfig", *_HEALTH),
            "fqdn": "HealthCheckConfig.FullyQualifiedDomainName",
            "ipAddress": "HealthCheckConfig.IPAddress",
            "enableSni": "HealthCheckConfig.EnableSNI",
            "invertHealthcheck": "HealthCheckConfig.Inverted",
            "childHealthchecks": "HealthCheckConfig.ChildHealthChecks",
            "childHealthThreshold": "HealthCheckConfig.HealthThreshold",
            "cloudwatchAlarmName": "HealthCheckConfig.AlarmIdentifier.Name",
            "cloudwatchAlarmRegion": "HealthCheckConfig.AlarmIdentifier.Region",
            "routingControlArn": "HealthCheckConfig.RoutingControlArn",
            "tags": "HealthCheckTags",
        },
        drop={
            "disabled": "has no property there",
            "referenceName": "a part of the provider's caller reference",
        },
    ),
    "aws:acm/certificate:Certificate": of("AWS::CertificateManager::Certificate"),
}
