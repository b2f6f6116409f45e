"""From the edge to a viewer: CloudFront, WAF, Route 53, ACM."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reelplane_infra.checks.accept.translation import Call, Made, Table, one
from reelplane_infra.checks.shaping import Rules

_EDGE: Final = "us-east-1"
"""The one region of CloudFront's and Route 53's APIs,
https://docs.aws.amazon.com/general/latest/gr/cf_region.html (2026-11)."""


def _in(structure: str, *keys: str) -> Mapping[str, str]:
    return {key: f"{structure}.{key[0].upper()}{key[1:]}" for key in keys}


def _quantities(value: Any) -> Any:
    return {"Quantity": len(value), **({"Items": value} if value else {})}


def _methods(behavior: str) -> Mapping[str, str]:
    return {
        f"{behavior}.cachedMethods": "AllowedMethods.CachedMethods",
        f"{behavior}.minTtl": "MinTTL",
        f"{behavior}.maxTtl": "MaxTTL",
        f"{behavior}.defaultTtl": "DefaultTTL",
        f"{behavior}.trustedKeyGroups": "TrustedKeyGroups",
        f"{behavior}.realtimeLogConfigArn": "RealtimeLogConfigArn",
    }


def _trusted(groups: list[str]) -> dict[str, Any]:
    return {"Enabled": bool(groups), **_quantities(groups)}


def _record(made: Made) -> Mapping[str, Any]:
    """One change of one record set."""
    given = made.inputs
    entry: dict[str, Any] = {"Name": given["name"], "Type": given["type"]}
    if given.get("aliases"):
        alias = given["aliases"][0]
        entry["AliasTarget"] = {
            "HostedZoneId": alias["zoneId"],
            "DNSName": alias["name"],
            "EvaluateTargetHealth": alias["evaluateTargetHealth"],
        }
    else:
        entry["TTL"] = given["ttl"]
        entry["ResourceRecords"] = [{"Value": each} for each in given.get("records") or ()]
    simple = {"setIdentifier": "SetIdentifier", "healthCheckId": "HealthCheckId"}
    entry |= {name: given[key] for key, name in simple.items() if given.get(key)}
    for policy in given.get("geolocationRoutingPolicies") or ():
        named = {"continent": "ContinentCode", "country": "CountryCode", "subdivision": "SubdivisionCode"}
        entry["GeoLocation"] = {named[key]: each for key, each in policy.items() if each}
    for policy in given.get("failoverRoutingPolicies") or ():
        entry["Failover"] = policy["type"]
    for policy in given.get("weightedRoutingPolicies") or ():
        entry["Weight"] = policy["weight"]
    for policy in given.get("latencyRoutingPolicies") or ():
        entry["Region"] = policy["region"]
    if given.get("multivalueAnswerRoutingPolicy"):
        entry["MultiValueAnswer"] = True
    action = "UPSERT" if given.get("allowOverwrite") else "CREATE"
    return {"ChangeBatch": {"Changes": [{"Action": action, "ResourceRecordSet": entry}]}}


_CHANGED: Final = (
    "name", "type", "ttl", "records", "aliases", "setIdentifier", "healthCheckId", "geolocationRoutingPolicies",
    "failoverRoutingPolicies", "weightedRoutingPolicies", "latencyRoutingPolicies", "allowOverwrite",
    "multivalueAnswerRoutingPolicy",
)  # fmt: skip
_RECORD: Final = dict.fromkeys(_CHANGED, "is in ChangeBatch")
_DISTRIBUTION: Final = (
    "aliases", "comment", "defaultRootObject", "enabled", "httpVersion", "priceClass", "restrictions",
    "viewerCertificate", "origins", "originGroups", "defaultCacheBehavior", "staging", "continuousDeploymentPolicyId",
)  # fmt: skip
_HEALTH: Final = (
    "type", "resourcePath", "port", "failureThreshold", "requestInterval", "ipAddress", "searchString",
    "measureLatency", "regions", "disabled", "insufficientDataHealthStatus", "alarmIdentifier", "childHealthThreshold",
)  # fmt: skip


def _zone_id(made: Made) -> str:
    """Of ``/hostedzone/Z...``, as Route 53 answers."""
    return str(made.response["HostedZone"]["Id"]).rpartition("/")[2]


def _tags_of(kind: str) -> Call:
    """Route 53 takes tags apart, by kind of resource."""
    return Call(
        "ChangeTagsForResource",
        Rules({"tags": "AddTags"}, constant={"ResourceType": kind, "ResourceId": "{id}"}),
        ("tags",),
    )


TABLE: Final[Table] = {
    "aws:cloudfront/distribution:Distribution": one(
        "cloudfront",
        "CreateDistributionWithTags",
        "Distribution.Id",
        region=_EDGE,
        result="Distribution",
        rename={
            **_in("DistributionConfigWithTags.DistributionConfig", *_DISTRIBUTION),
            **_methods("defaultCacheBehavior"),
            **_methods("orderedCacheBehaviors"),
            "orderedCacheBehaviors": "DistributionConfigWithTags.DistributionConfig.CacheBehaviors",
            "customErrorResponses": "DistributionConfigWithTags.DistributionConfig.CustomErrorResponses",
            "isIpv6Enabled": "DistributionConfigWithTags.DistributionConfig.IsIPV6Enabled",
            "webAclId": "DistributionConfigWithTags.DistributionConfig.WebACLId",
            "loggingConfig": "DistributionConfigWithTags.DistributionConfig.Logging",
            "tags": "DistributionConfigWithTags.Tags.Items",
            "origins.originId": "Id",
            "origins.customHeaders.name": "HeaderName",
            "origins.customHeaders.value": "HeaderValue",
            "origins.customOriginConfig.originSslProtocols": "OriginSslProtocols",
            "origins.customOriginConfig.httpPort": "HTTPPort",
            "origins.customOriginConfig.httpsPort": "HTTPSPort",
            "originGroups.originId": "Id",
            "originGroups.failoverCriteria.statusCodes": "StatusCodes",
            "customErrorResponses.errorCachingMinTtl": "ErrorCachingMinTTL",
            "restrictions.geoRestriction.locations": ".",
            "viewerCertificate.acmCertificateArn": "ACMCertificateArn",
            "viewerCertificate.sslSupportMethod": "SSLSupportMethod",
        },
        convert={
            "defaultCacheBehavior.trustedKeyGroups": _trusted,
            "orderedCacheBehaviors.trustedKeyGroups": _trusted,
            "restrictions.geoRestriction": lambda given: {
                "RestrictionType": given["restrictionType"],
                **_quantities(given.get("locations") or []),
            },
        },
        drop={"retainOnDelete": "read when the resource is destroyed"},
        constant={
            "DistributionConfigWithTags.DistributionConfig.CallerReference": "{name}",
            "DistributionConfigWithTags.DistributionConfig.Comment": "",
        },
    ),
    "aws:cloudfront/originAccessControl:OriginAccessControl": one(
        "cloudfront",
        "CreateOriginAccessControl",
        "OriginAccessControl.Id",
        region=_EDGE,
        rename={
            **_in("OriginAccessControlConfig", "name", "description", "signingProtocol", "signingBehavior"),
            "originAccessControlOriginType": "OriginAccessControlConfig.OriginAccessControlOriginType",
        },
        constant={"OriginAccessControlConfig.Name": "{name}"},
    ),
    "aws:cloudfront/publicKey:PublicKey": one(
        "cloudfront",
        "CreatePublicKey",
        "PublicKey.Id",
        region=_EDGE,
        rename=_in("PublicKeyConfig", "name", "encodedKey", "comment"),
        constant={"PublicKeyConfig.Name": "{name}", "PublicKeyConfig.CallerReference": "{name}"},
    ),
    "aws:cloudfront/keyGroup:KeyGroup": one(
        "cloudfront",
        "CreateKeyGroup",
        "KeyGroup.Id",
        region=_EDGE,
        rename=_in("KeyGroupConfig", "name", "items", "comment"),
        constant={"KeyGroupConfig.Name": "{name}"},
    ),
    "aws:cloudfront/cachePolicy:CachePolicy": one(
        "cloudfront",
        "CreateCachePolicy",
        "CachePolicy.Id",
        region=_EDGE,
        rename={
            **_in("CachePolicyConfig", "name", "comment", "parametersInCacheKeyAndForwardedToOrigin"),
            "minTtl": "CachePolicyConfig.MinTTL",
            "maxTtl": "CachePolicyConfig.MaxTTL",
            "defaultTtl": "CachePolicyConfig.DefaultTTL",
            **{
                f"parametersInCacheKeyAndForwardedToOrigin.{key}sConfig.{key}s": f"{key[0].upper()}{key[1:]}s"
                for key in ("cookie", "header")
            },
        },
    ),
    "aws:cloudfront/originRequestPolicy:OriginRequestPolicy": one(
        "cloudfront",
        "CreateOriginRequestPolicy",
        "OriginRequestPolicy.Id",
        region=_EDGE,
        rename=_in(
            "OriginRequestPolicyConfig",
            "name",
            "comment",
            "headersConfig",
            "cookiesConfig",
            "queryStringsConfig",
        ),
    ),
    "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy": one(
        "cloudfront",
        "CreateResponseHeadersPolicy",
        "ResponseHeadersPolicy.Id",
        region=_EDGE,
        rename=_in(
            "ResponseHeadersPolicyConfig",
            "name",
            "comment",
            "corsConfig",
            "securityHeadersConfig",
            "customHeadersConfig",
            "removeHeadersConfig",
            "serverTimingHeadersConfig",
        ),
    ),
    "aws:cloudfront/function:Function": one(
        "cloudfront",
        "CreateFunction",
        "FunctionSummary.Name",
        region=_EDGE,
        outputs={"arn": "FunctionSummary.FunctionMetadata.FunctionARN"},
        rename={
            "code": "FunctionCode",
            "comment": "FunctionConfig.Comment",
            "runtime": "FunctionConfig.Runtime",
            "keyValueStoreAssociations": "FunctionConfig.KeyValueStoreAssociations",
        },
        convert={"code": str.encode},
        drop={"publish": "is a further call, which neither emulator answers"},
        constant={"FunctionConfig.Comment": ""},
    ),
    "aws:cloudfront/vpcOrigin:VpcOrigin": one(
        "cloudfront",
        "CreateVpcOrigin",
        "VpcOrigin.Id",
        region=_EDGE,
        rename={
            "vpcOriginEndpointConfig.httpPort": "HTTPPort",
            "vpcOriginEndpointConfig.httpsPort": "HTTPSPort",
            "tags": "Tags.Items",
        },
    ),
    "aws:wafv2/webAcl:WebAcl": one(
        "wafv2",
        "CreateWebACL",
        "Summary.Id",
        outputs={"arn": "Summary.ARN"},
        constant={"Name": "{name}"},
    ),
    "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration": one(
        "wafv2",
        "PutLoggingConfiguration",
        "{resourceArn}",
        rename=_in(
            "LoggingConfiguration", "resourceArn", "logDestinationConfigs", "redactedFields", "loggingFilter"
        ),
    ),
    "aws:route53/zone:Zone": one(
        "route53",
        "CreateHostedZone",
        _zone_id,
        region=_EDGE,
        outputs={"zoneId": "{id}"},
        rename={"comment": "HostedZoneConfig.Comment"},
        constant={"CallerReference": "{name}"},
        then=(_tags_of("hostedzone"),),
    ),
    "aws:route53/record:Record": one(
        "route53",
        "ChangeResourceRecordSets",
        "{zoneId}_{name}",
        region=_EDGE,
        build=_record,
        rename={"zoneId": "HostedZoneId"},
        drop=_RECORD,
    ),
    "aws:route53/healthCheck:HealthCheck": one(
        "route53",
        "CreateHealthCheck",
        "HealthCheck.Id",
        region=_EDGE,
        rename={
            **_in("HealthCheckConfig", *_HEALTH),
            "fqdn": "HealthCheckConfig.FullyQualifiedDomainName",
            "enableSni": "HealthCheckConfig.EnableSNI",
            "invertHealthcheck": "HealthCheckConfig.Inverted",
            "childHealthchecks": "HealthCheckConfig.ChildHealthChecks",
            "childHealthThreshold": "HealthCheckConfig.HealthThreshold",
            "cloudwatchAlarmName": "HealthCheckConfig.AlarmIdentifier.Name",
            "cloudwatchAlarmRegion": "HealthCheckConfig.AlarmIdentifier.Region",
        },
        constant={"CallerReference": "{name}"},
        drop={"referenceName": "a part of the provider's caller reference"},
        then=(_tags_of("healthcheck"),),
    ),
    "aws:acm/certificate:Certificate": one(
        "acm",
        "RequestCertificate",
        "CertificateArn",
        outputs={
            "arn": "{id}",
            **{
                f"domainValidationOptions[0].resourceRecord{part}": (
                    f"Certificate.DomainValidationOptions[0].ResourceRecord.{part}"
                )
                for part in ("Name", "Type", "Value")
            },
        },
        read=Call("DescribeCertificate", Rules(constant={"CertificateArn": "{id}"})),
    ),
    # The provider waits until the certificate is issued; it makes nothing.
    "aws:acm/certificateValidation:CertificateValidation": one(
        "acm",
        "DescribeCertificate",
        "{certificateArn}",
        drop={"validationRecordFqdns": "what the provider waits for"},
    ),
}
