"""What happened can be told: services log, and logs are kept as long as needed and no longer."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from reelplane_policies.rule import Level, Requirement, one_of, present, required, true

GROUP: Final = "aws:cloudwatch/logGroup:LogGroup"
DAYS: Final = 3653
"""Ten years, the longest that is not forever,
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html (2026-11)."""
CONTROL: Final = frozenset({"api", "audit", "authenticator"})
SEARCH_AUDIT: Final = "AUDIT_LOGS"


def _kept(days: Any) -> bool:
    return isinstance(days, int) and 1 <= days <= DAYS


def _control_plane(kinds: Collection[str] | None) -> bool:
    return set(kinds or ()) >= CONTROL


def _search(options: Any) -> bool:
    return any(
        each.get("logType") == SEARCH_AUDIT and each.get("enabled") is not False for each in options or ()
    )


RULES = (
    required(
        "log-retention",
        "Logs are kept a known time",
        Requirement((GROUP,), "retentionInDays", _kept, f"has to be 1 to {DAYS} days; 0 is forever"),
    ),
    required(
        "eks-logs",
        "Who asked what of a Kubernetes API server is logged",
        Requirement(
            ("aws:eks/cluster:Cluster",),
            "enabledClusterLogTypes",
            _control_plane,
            f"has to have {', '.join(sorted(CONTROL))}",
        ),
    ),
    required(
        "rds-logs",
        "Databases log to CloudWatch",
        Requirement(
            ("aws:rds/cluster:Cluster",), "enabledCloudwatchLogsExports", present, "has to name a log"
        ),
    ),
    required(
        "msk-logs",
        "Brokers log to CloudWatch",
        Requirement(
            ("aws:msk/cluster:Cluster",),
            "loggingInfo.brokerLogs.cloudwatchLogs.enabled",
            true,
            "has to be true",
        ),
    ),
    required(
        "opensearch-logs",
        "Search logs who asked for what",
        Requirement(
            ("aws:opensearch/domain:Domain",), "logPublishingOptions", _search, f"has to have {SEARCH_AUDIT}"
        ),
    ),
    required(
        "ecr-scan",
        "Images are scanned when they are pushed",
        Requirement(
            ("aws:ecr/repository:Repository",), "imageScanningConfiguration.scanOnPush", true, "is true"
        ),
    ),
    required(
        "waf-metrics",
        "What the firewall does can be seen",
        Requirement(
            ("aws:wafv2/webAcl:WebAcl",), "visibilityConfig.cloudwatchMetricsEnabled", true, "has to be true"
        ),
        Requirement(("aws:wafv2/webAcl:WebAcl",), "rules", present, "has to have rules"),
    ),
    required(
        "lb-logs",
        "Load balancers log their requests",
        Requirement(("aws:lb/loadBalancer:LoadBalancer",), "accessLogs.enabled", true, "has to be true"),
        level=Level.ADVISORY,
    ),
    required(
        "rds-monitoring",
        "What a database waits for can be seen",
        Requirement(
            ("aws:rds/clusterInstance:ClusterInstance",), "performanceInsightsEnabled", true, "is true"
        ),
        Requirement(
            ("aws:rds/clusterInstance:ClusterInstance",),
            "monitoringInterval",
            one_of(1, 5, 10, 15, 30, 60),
            "1 to 60 s",
        ),
        level=Level.ADVISORY,
    ),
)
