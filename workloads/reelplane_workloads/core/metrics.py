"""Every metric of the workloads, in one table: what is exported, and what docs/metrics.md says (``make generate``).

Names follow Prometheus' conventions: base units, ``_total`` for counters. Labels are bounded sets: never a URL,
an id or a title.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.process_collector import ProcessCollector

REGISTRY = CollectorRegistry()
"""One per process. ``process_resident_memory_bytes`` and ``process_cpu_seconds_total`` come with it (Linux)."""
ProcessCollector(registry=REGISTRY)

REQUEST_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
JOB_BUCKETS = (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600)

HTTP_REQUESTS = Counter(
    "reelplane_http_requests", "HTTP requests answered", ["route", "method", "status"], registry=REGISTRY
)
HTTP_DURATION = Histogram(
    "reelplane_http_request_duration_seconds",
    "Time from a request's first byte to its answer's first byte",
    ["route"],
    buckets=REQUEST_BUCKETS,
    registry=REGISTRY,
)
HTTP_IN_FLIGHT = Gauge("reelplane_http_in_flight", "HTTP requests being answered", registry=REGISTRY)
LOOKUPS = Counter(
    "reelplane_cache_lookups",
    "'Have we processed this?' by the layer that answered: memory, valkey, database, or none (a miss)",
    ["layer"],
    registry=REGISTRY,
)
ACCEPTED = Counter(
    "reelplane_downloads_requested",
    "Download requests by outcome: hit, follower, new, failed (a remembered failure), limited",
    ["outcome"],
    registry=REGISTRY,
)
BYTES_SERVED = Counter(
    "reelplane_media_served_bytes", "Bytes of media streamed to clients", registry=REGISTRY
)
EVENT_STREAMS = Gauge("reelplane_event_streams", "Open progress streams (SSE)", registry=REGISTRY)
QUEUE_JOBS = Gauge(
    "reelplane_queue_jobs",
    "Flights by state: waiting and running make the scaling signal, delayed are backing off",
    ["state"],
    registry=REGISTRY,
)
JOBS_IN_FLIGHT = Gauge("reelplane_jobs_in_flight", "Flights that this worker runs", registry=REGISTRY)
JOB_DURATION = Histogram(
    "reelplane_job_duration_seconds",
    "Time from claim to end of an attempt",
    ["kind", "outcome"],
    buckets=JOB_BUCKETS,
    registry=REGISTRY,
)
JOB_FAILURES = Counter(
    "reelplane_job_failures",
    "Attempts that failed, by error code (docs/errors.md)",
    ["code"],
    registry=REGISTRY,
)
EXTRACTIONS = Counter(
    "reelplane_extractions",
    "Extractions by end: completed (published or answered), followed, known, fenced, failed",
    ["outcome"],
    registry=REGISTRY,
)
BYTES_DOWNLOADED = Counter("reelplane_media_downloaded_bytes", "Bytes of media published", registry=REGISTRY)
ISOLATION = Counter(
    "reelplane_isolation",
    "Extraction children by how they are cut off from the network: namespace, landlock, proxy-only",
    ["level"],
    registry=REGISTRY,
)
PROXY_RESULTS = Counter(
    "reelplane_proxy_results", "Jobs by egress proxy and result", ["endpoint", "result"], registry=REGISTRY
)
SWEEPS = Counter(
    "reelplane_sweeps", "Flights that a sweep dispatched again or ended", ["what"], registry=REGISTRY
)
