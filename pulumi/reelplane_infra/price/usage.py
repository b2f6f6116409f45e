"""What an audience uses in a month: users, minutes and uploads turned into gigabytes, requests and machine hours.

Pure formulae. Each figure that is not the environment's own is an ``Assumption`` with its source, printed with every
total. Traffic counts 30 days, as the documents do; what is paid by the hour counts 730 hours, as AWS's calculator does.
A gigabyte is 10^9 bytes (documents); AWS bills storage by 2^30, so storage reads up to 7 % high.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Final

from reelplane_infra.config.audience import Audience

DAYS: Final = 30
HOURS: Final = 730


@dataclass(frozen=True, slots=True)
class Assumption:
    """A figure of ours behind a total."""

    name: str
    value: float
    unit: str
    source: str


PEAK: Final = Assumption(
    "peak over mean", 3, "times", "document 004, lines 144-196: peak is 3 times the average"
)
SEGMENT: Final = Assumption(
    "segment length", 4, "s", "document 004, line 2709: 4-second chunks; one CDN request each"
)
RAW: Final = Assumption(
    "raw file per upload", 50, "MB", "document 004, line 131: 50 MB raw 1080p, kept beside the renditions"
)
GPU_SECONDS: Final = Assumption(
    "GPU time per video", 30, "s", "document 004, line 1890: 30 s per video on one GPU"
)
GPU_TO_CPU: Final = Assumption(
    "vCPUs in place of one GPU",
    64,
    "vCPU",
    "document 004, line 1891: 120 s on a c5.4xlarge (16 vCPU) against 30 s on a GPU",
)
JOBS: Final = Assumption("jobs per upload", 10, "jobs", "document 004, line 157: about 10 jobs per video")
JOBS_PER_WORKER: Final = Assumption(
    "jobs per CPU worker", 5, "jobs/s", "document 004, line 302: 5 jobs/s per worker"
)
REQUESTS_PER_SERVER: Final = Assumption(
    "API server", 5000, "requests/s", "document 004, line 295: 5K QPS per server"
)
REDUNDANCY: Final = Assumption(
    "API servers kept", 400 / 220, "times needed", "document 004, lines 295-296: 400 for 220 needed"
)
CACHE_KB: Final = Assumption(
    "cache per daily user", 22, "KB", "document 004, lines 274-287: 11 TB for 500M users"
)
WRITES_PER_USER: Final = Assumption(
    "writes per daily user",
    11.5,
    "writes/day",
    "document 004, lines 139-141: 10 likes, 1 comment, 0.5 shares",
)
METADATA_KB: Final = Assumption("metadata per upload", 5, "KB", "document 004, line 221: 5 KB per video")
ACTION_BYTES: Final = Assumption(
    "bytes per write",
    64,
    "B",
    "two UUIDs, a time and the row's overhead; DISPUTED: 16 B -> 32 B for the UUIDs",
)
EVENT_BYTES: Final = Assumption("bytes per event", 1000, "B", "own estimate: one event of the stream, JSON")
FETCHED: Final = Assumption(
    "uploads fetched by us",
    0.1,
    "share",
    "own estimate: downloads leave through NAT, uploads go to S3 directly",
)
UNPOPULAR: Final = Assumption(
    "videos under 1,000 views", 0.9, "share", "own estimate: row S4.1 has 250 views per upload on average"
)
STANDARD_DAYS: Final = Assumption(
    "days before IA", 90, "days", "row S4.12: under 1,000 views -> IA after 90 days"
)
RAW_STANDARD_DAYS: Final = Assumption(
    "days before Glacier", 30, "days", "row S4.12: raw -> Glacier after 30 days"
)
LOG_BYTES: Final = Assumption(
    "log per API request", 1000, "B", "own estimate: one request in the firewall's log, JSON"
)

ASSUMPTIONS: Final = tuple(value for value in tuple(globals().values()) if isinstance(value, Assumption))
USER_KB: Final = 10
"""Of a user in the relational store (document 004, line 225: 1B users x 10 KB)."""
USERS_PER_DAILY: Final = 2
"""Users there are per daily one (document 004, lines 122-123: 1B and 500M)."""


@dataclass(frozen=True, slots=True)
class Usage:
    """A month. Sizes in GB (10^9 bytes), counts in single requests, rates per second, averages unless named peak."""

    delivered_gb: float
    """To viewers, through the CDN."""
    origin_gb: float
    """Of it, read from the origin."""
    segments: float
    """Requests for pieces of video that reach the edge."""
    api_requests: float
    api_servers: float
    """Needed at the peak, with redundancy."""
    uploads: float
    uploaded_gb: float
    """Raw files coming in."""
    fetched_gb: float
    """Of it, downloaded by the platform itself."""
    made_gb: float
    """Renditions stored, new in the month."""
    standard_gb: float
    """Renditions in S3 Standard when the archive has its age."""
    infrequent_gb: float
    """Renditions in Standard-IA."""
    raw_gb: float
    """Raw files in S3 Standard."""
    glacier_gb: float
    """Raw files in Glacier."""
    gpu_hours: float
    worker_hours: float
    """Hours of CPU workers, 5 jobs a second each."""
    cache_gb: float
    writes: float
    reads: float
    """Of the wide-column store: one per API request that the cache does not answer."""
    metadata_gb: float
    events_gb: float
    logs_gb: float

    def share(self, part: float) -> Usage:
        """The usage of a region that serves ``part`` (0 to 1) of the users."""
        return replace(self, **{each.name: getattr(self, each.name) * part for each in fields(self)})


def usage(audience: Audience) -> Usage:
    """The month of an audience; see the module for days, hours and gigabytes."""
    users, days = audience.daily_users, audience.archive_days
    delivered = gigabytes_delivered(audience)
    requests = users * audience.requests_per_user_day * DAYS
    segments = users * audience.minutes_per_user_day * 60 / SEGMENT.value * DAYS
    made_day = audience.uploads_per_day * audience.megabytes_per_upload / 1000
    raw_day = audience.uploads_per_day * RAW.value / 1000
    writes = users * WRITES_PER_USER.value * DAYS + audience.uploads_per_day * DAYS
    recent, old = _split(days, STANDARD_DAYS.value)
    raw_recent, raw_old = _split(days, RAW_STANDARD_DAYS.value)
    return Usage(
        delivered_gb=delivered,
        origin_gb=delivered * (1 - audience.hit_rate),
        segments=segments,
        api_requests=requests,
        api_servers=requests / DAYS / 86_400 * PEAK.value / REQUESTS_PER_SERVER.value * REDUNDANCY.value,
        uploads=audience.uploads_per_day * DAYS,
        uploaded_gb=raw_day * DAYS,
        fetched_gb=raw_day * DAYS * FETCHED.value,
        made_gb=made_day * DAYS,
        standard_gb=made_day * (recent + old * (1 - UNPOPULAR.value)),
        raw_gb=raw_day * raw_recent,
        infrequent_gb=made_day * old * UNPOPULAR.value,
        glacier_gb=raw_day * raw_old,
        gpu_hours=audience.uploads_per_day * DAYS * GPU_SECONDS.value / 3600,
        worker_hours=audience.uploads_per_day * DAYS * JOBS.value / JOBS_PER_WORKER.value / 3600,
        cache_gb=users * CACHE_KB.value / 1e6,
        writes=writes,
        reads=requests * (1 - audience.hit_rate),
        metadata_gb=days
        * (audience.uploads_per_day * METADATA_KB.value * 1e3 + writes / DAYS * ACTION_BYTES.value)
        / 1e9,
        events_gb=(writes + requests) * EVENT_BYTES.value / 1e9,
        logs_gb=requests * LOG_BYTES.value / 1e9,
    )


def gigabytes_delivered(audience: Audience) -> float:
    """Users x minutes x 60 s x Mbit/s / 8 bits x 30 days."""
    per_user = audience.minutes_per_user_day * 60 * audience.bitrate_mbps / 8 / 1000
    return audience.daily_users * per_user * DAYS


def _split(days: float, border: float) -> tuple[float, float]:
    """Days of an archive that are younger and older than ``border``."""
    return min(days, border), max(days - border, 0)
