"""Encryption on the way: TLS 1.2 or later wherever a protocol has it, and refusals of what comes without."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from reelplane_policies.documents import any_of, statements
from reelplane_policies.rule import (
    Requirement,
    Resource,
    Rule,
    Settings,
    StackRule,
    Violation,
    at,
    linked,
    one_of,
    required,
    true,
)

BUCKET: Final = "aws:s3/bucket:Bucket"
BUCKET_POLICY: Final = "aws:s3/bucketPolicy:BucketPolicy"
QUEUE: Final = "aws:sqs/queue:Queue"
QUEUE_POLICY: Final = "aws:sqs/queuePolicy:QueuePolicy"
REPLICATION_GROUP: Final = "aws:elasticache/replicationGroup:ReplicationGroup"
STREAM: Final = "aws:msk/cluster:Cluster"
SEARCH: Final = "aws:opensearch/domain:Domain"
CDN: Final = "aws:cloudfront/distribution:Distribution"
LISTENER: Final = "aws:lb/listener:Listener"
ON: Final = "has to be true"
SEARCH_TLS: Final = one_of(
    "Policy-Min-TLS-1-2-2019-07", "Policy-Min-TLS-1-2-PFS-2023-10", "Policy-Min-TLS-1-2-RFC9151-FIPS-2024-08"
)
"""https://docs.aws.amazon.com/opensearch-service/latest/APIReference/API_DomainEndpointOptions.html (2026-11)."""
CURRENT_POLICY: Final = re.compile(r"ELBSecurityPolicy-(TLS13-1-[23]|TLS-1-2|FS-1-2)")
"""Those without TLS 1.0 and 1.1,
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html (2026-11)."""


def _says_tls_only(policy: Resource) -> bool:
    """Whether a policy denies everything to everyone without TLS; one that is not known yet is no fault."""
    found = list(statements(policy.props.get("policy")))
    if not found:
        return not isinstance(policy.props.get("policy"), str)
    return any(
        each.get("Effect") == "Deny"
        and any_of(each, "Principal") == ["*"]
        and any(action in ("*", "s3:*", "sqs:*") for action in any_of(each, "Action"))
        and str((each.get("Condition") or {}).get("Bool", {}).get("aws:SecureTransport")).lower() == "false"
        for each in found
    )


def _refuse_plain_text(kind: str, policy_kind: str, prop: str) -> Any:
    def check(resources: Sequence[Resource], settings: Settings) -> Iterator[Violation]:
        policies = [each for each in resources if each.type == policy_kind]
        for resource in resources:
            if resource.type != kind:
                continue
            own = linked(resource, prop, policies)
            if not own:
                yield Violation(
                    "",
                    f"needs a {policy_kind.rpartition(':')[2]} that denies what comes without TLS",
                    resource.urn,
                )
            elif not any(map(_says_tls_only, own)):
                yield Violation(
                    "policy", "has to deny everything where aws:SecureTransport is false", own[0].urn
                )

    return check


def _listeners(resource: Resource, settings: Settings) -> Iterator[Violation]:
    protocol = resource.props.get("protocol")
    if protocol in ("HTTPS", "TLS"):
        policy = resource.props.get("sslPolicy")
        if policy is None or (isinstance(policy, str) and not CURRENT_POLICY.match(policy)):
            yield Violation(
                "sslPolicy", "has to be one of TLS 1.2 or later: ELBSecurityPolicy-TLS13-1-2-2021-06"
            )
    elif protocol == "HTTP":
        kinds = [value for _, value in at(resource.props, "defaultActions[].type")]
        if kinds != ["redirect"]:
            yield Violation("protocol", "has to be HTTPS, or redirect there")
    elif protocol is None or protocol in ("TCP", "UDP"):
        yield Violation("protocol", "has to be HTTPS or TLS")


def _distributions(resource: Resource, settings: Settings) -> Iterator[Violation]:
    for path in ("defaultCacheBehavior", "orderedCacheBehaviors[]"):
        if resource.props.get(path.removesuffix("[]")) is None:
            continue
        for where, value in at(resource.props, f"{path}.viewerProtocolPolicy"):
            if value in (None, "allow-all"):
                yield Violation(where, "has to be https-only or redirect-to-https")
    version = (resource.props.get("viewerCertificate") or {}).get("minimumProtocolVersion")
    if version is None or (isinstance(version, str) and not version.startswith(("TLSv1.2_", "TLSv1.3_"))):
        yield Violation("viewerCertificate.minimumProtocolVersion", "has to be TLSv1.2_2021 or later")
    for index, origin in enumerate(resource.props.get("origins") or ()):
        yield from _origin(f"origins[{index}].customOriginConfig", origin)


def _origin(path: str, origin: Any) -> Iterator[Violation]:
    config = origin.get("customOriginConfig") if isinstance(origin, Mapping) else None
    if not isinstance(config, Mapping):
        return
    if config.get("originProtocolPolicy") != "https-only":
        yield Violation(f"{path}.originProtocolPolicy", "has to be https-only")
    versions = config.get("originSslProtocols") or ()
    if not versions or any(each != "TLSv1.2" for each in versions):
        yield Violation(f"{path}.originSslProtocols", "has to be TLSv1.2 alone")


RULES = (
    StackRule(
        "s3-tls-only",
        "Buckets refuse what comes without TLS",
        _refuse_plain_text(BUCKET, BUCKET_POLICY, "bucket"),
    ),
    StackRule(
        "sqs-tls-only",
        "Queues refuse what comes without TLS",
        _refuse_plain_text(QUEUE, QUEUE_POLICY, "queueUrl"),
    ),
    required(
        "health-check-tls",
        "Health checks speak TLS, as viewers do",
        Requirement(
            ("aws:route53/healthCheck:HealthCheck",),
            "type",
            one_of("HTTPS", "HTTPS_STR_MATCH", "CALCULATED", "CLOUDWATCH_METRIC", "RECOVERY_CONTROL"),
            "has to be HTTPS",
        ),
    ),
    required(
        "elasticache-tls",
        "Caches take TLS only",
        Requirement(
            (REPLICATION_GROUP,), "transitEncryptionEnabled", true, ON, unless="globalReplicationGroupId"
        ),
        Requirement(
            (REPLICATION_GROUP,), "transitEncryptionMode", one_of("required", None), "has to be required"
        ),
    ),
    required(
        "msk-tls",
        "Brokers take TLS only, from clients that say who they are",
        Requirement(
            (STREAM,), "encryptionInfo.encryptionInTransit.clientBroker", one_of("TLS"), "has to be TLS"
        ),
        Requirement((STREAM,), "encryptionInfo.encryptionInTransit.inCluster", true, ON),
        Requirement((STREAM,), "clientAuthentication.unauthenticated", one_of(False), "has to be false"),
    ),
    required(
        "opensearch-tls",
        "Search takes TLS 1.2 or later only",
        Requirement((SEARCH,), "domainEndpointOptions.enforceHttps", true, ON),
        Requirement(
            (SEARCH,),
            "domainEndpointOptions.tlsSecurityPolicy",
            SEARCH_TLS,
            "has to be Policy-Min-TLS-1-2-PFS-2023-10",
        ),
        Requirement((SEARCH,), "nodeToNodeEncryption.enabled", true, ON),
    ),
    Rule("lb-tls", "Load balancers take TLS 1.2 or later only", _listeners, frozenset({LISTENER})),
    Rule("cloudfront-tls", "Viewers and origins speak TLS 1.2 or later", _distributions, frozenset({CDN})),
)
