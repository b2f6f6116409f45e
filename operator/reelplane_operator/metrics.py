"""Every metric of the operator, in one table. Labels are bounded sets: kinds, verbs and codes, never a name.

``seen`` is what connections call for each request (``on_request``), for the home cluster and the regions' alike.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.process_collector import ProcessCollector

from reelplane_operator.cluster.transport import Request

REGISTRY = CollectorRegistry()
"""One per process. ``process_resident_memory_bytes`` and ``process_cpu_seconds_total`` come with it (Linux)."""
ProcessCollector(registry=REGISTRY)

_RECONCILE_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_REQUEST_BUCKETS = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 30.0)

RECONCILE_DURATION = Histogram(
    "reelplane_operator_reconcile_duration_seconds",
    "Time of one reconcile, from taking the key off the queue to its status written",
    ["kind"],
    buckets=_RECONCILE_BUCKETS,
    registry=REGISTRY,
)
RECONCILE_ERRORS = Counter(
    "reelplane_operator_reconcile_errors",
    "Reconciles that failed and will be tried again, by kind and reason",
    ["kind", "reason"],
    registry=REGISTRY,
)
QUEUE_KEYS = Gauge(
    "reelplane_operator_queue_keys",
    "Keys by state: waiting for a free worker, running, delayed until a time or by back-off",
    ["kind", "state"],
    registry=REGISTRY,
)
API_REQUESTS = Counter(
    "reelplane_operator_api_requests",
    "Attempts sent to API servers, by HTTP status (0: no answer)",
    ["verb", "kind", "status"],
    registry=REGISTRY,
)
API_WRITES = Counter(
    "reelplane_operator_api_writes",
    "Writes that API servers accepted; dry runs are none",
    ["verb", "kind"],
    registry=REGISTRY,
)
API_RETRIES = Counter(
    "reelplane_operator_api_retries",
    "Attempts after the first: the server was busy, the connection broke, the token had run out",
    ["verb", "kind"],
    registry=REGISTRY,
)
API_DURATION = Histogram(
    "reelplane_operator_api_request_duration_seconds",
    "Time of one attempt; watches are not counted",
    ["verb"],
    buckets=_REQUEST_BUCKETS,
    registry=REGISTRY,
)
LEADER = Gauge("reelplane_operator_leader", "1 while this replica leads, 0 while it waits", registry=REGISTRY)


def seen(request: Request) -> None:
    """Count one attempt."""
    API_REQUESTS.labels(request.verb, request.kind, str(request.status)).inc()
    if request.attempt > 1:
        API_RETRIES.labels(request.verb, request.kind).inc()
    if request.write and 200 <= request.status < 300:
        API_WRITES.labels(request.verb, request.kind).inc()
    if request.verb != "watch":
        API_DURATION.labels(request.verb).observe(request.seconds)
