"""Inputs of load balancers that AWS keeps under names of their own, in its API and in CloudFormation alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

BALANCER_ATTRIBUTES: Final = {
    "clientKeepAlive": "client_keep_alive.seconds",
    "desyncMitigationMode": "routing.http.desync_mitigation_mode",
    "dropInvalidHeaderFields": "routing.http.drop_invalid_header_fields.enabled",
    "enableCrossZoneLoadBalancing": "load_balancing.cross_zone.enabled",
    "enableDeletionProtection": "deletion_protection.enabled",
    "enableHttp2": "routing.http2.enabled",
    "enableWafFailOpen": "waf.fail_open.enabled",
    "enableZonalShift": "zonal_shift.config.enabled",
    "idleTimeout": "idle_timeout.timeout_seconds",
    "preserveHostHeader": "routing.http.preserve_host_header.enabled",
}
GROUP_ATTRIBUTES: Final = {
    "deregistrationDelay": "deregistration_delay.timeout_seconds",
    "loadBalancingAlgorithmType": "load_balancing.algorithm.type",
    "slowStart": "slow_start.duration_seconds",
}
"""Inputs that load balancing keeps as texts in a list,
https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancerAttribute.html and
API_TargetGroupAttribute.html (2026-11)."""
CONDITIONS: Final = {
    "hostHeader": "host-header",
    "httpHeader": "http-header",
    "httpRequestMethod": "http-request-method",
    "pathPattern": "path-pattern",
    "sourceIp": "source-ip",
}
"""https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RuleCondition.html (2026-11)."""


def conditions(given: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The conditions of a listener's rule, each with the name of its field."""
    return [
        {
            "Field": CONDITIONS[kind],
            f"{kind[0].upper()}{kind[1:]}Config": {
                name[0].upper() + name[1:]: value for name, value in held.items()
            },
        }
        for condition in given
        for kind, held in condition.items()
        if held
    ]
