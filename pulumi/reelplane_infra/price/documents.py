"""The figures of the project's documents, computed again from the inputs that the same documents give.

Every ``Figure`` has what is stated and what the arithmetic gives; where they part, ``why`` says which input does it
(shared/design/DISPUTED.md collects them). Rows: S1.12 (tiers by users), S4.1 (capacity), S4.36 (cost of 12 components).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from reelplane_infra.config.audience import Audience
from reelplane_infra.price.book import Book
from reelplane_infra.price.usage import DAYS, gigabytes_delivered

TOLERANCE: Final = 0.05
"""Documents round (58K for 57,870): figures closer than this agree."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a row. ``stated`` is None where the documents have none."""

    row: str
    name: str
    unit: str
    stated: float | None
    recomputed: float
    why: str = ""

    @property
    def holds(self) -> bool:
        """Whether both agree within the documents' rounding."""
        if self.stated is None:
            return True
        return abs(self.recomputed - self.stated) <= TOLERANCE * abs(self.stated)


DAY: Final = 86_400
PEAK: Final = 3
DAU: Final = 500e6
UPLOADS: Final = 100e6
VIEWS: Final = 50 * DAU
SERVED_MB: Final = 8
"""Of a view: 720p, document 004, line 240."""
STORED_MB: Final = 32.5
COLD_TB: Final = 3.7e6
"""Older than a year: document 004, line 1112."""
RAW_MB: Final = 50


def capacity() -> tuple[Figure, ...]:
    """Row S4.1: rates, bytes and machines from users and uploads."""
    likes, comments, shares, feed = (DAU * each / DAY for each in (10, 1, 0.5, 3))
    views, uploads = VIEWS / DAY, UPLOADS / DAY
    jobs = 10 * uploads * PEAK
    egress = views * PEAK * SERVED_MB / 1e6
    petabytes_day = UPLOADS * STORED_MB / 1e9
    requests = PEAK * (views + feed + likes + comments + shares)
    gpus = uploads * 30
    return (
        Figure("S4.1", "uploads", "/s", 1_157, uploads),
        Figure("S4.1", "uploads at the peak", "/s", 3_500, uploads * PEAK),
        Figure(
            "S4.1",
            "views a day",
            "billion",
            50,
            VIEWS / 1e9,
            "50 views by 500M users; 50B is the requirement",
        ),
        Figure("S4.1", "views", "/s", 289_351, views),
        Figure("S4.1", "views at the peak", "/s", 867_000, views * PEAK),
        Figure("S4.1", "likes", "/s", 58_000, likes),
        Figure("S4.1", "comments", "/s", 6_000, comments),
        Figure("S4.1", "shares", "/s", 3_000, shares),
        Figure("S4.1", "feeds", "/s", 17_000, feed),
        Figure("S4.1", "jobs at the peak", "/s", 35_000, jobs),
        Figure("S4.1", "stored a day", "PB", 3.25, petabytes_day),
        Figure(
            "S4.1",
            "stored a day, with the raw file",
            "PB",
            3.25,
            petabytes_day + UPLOADS * RAW_MB / 1e9,
            "the raw file is kept too",
        ),
        Figure("S4.1", "stored in 5 years, 20 % saved", "EB", 4.8, petabytes_day * 365 * 5 * 0.8 / 1e3),
        Figure("S4.1", "egress at the peak", "TB/s", 6.9, egress),
        Figure("S4.1", "of it by the CDN", "TB/s", 6.5, egress * 0.95),
        Figure("S4.1", "cache", "TB", 11, 20e6 * 5e3 / 1e12 + 0.2 * DAU * 10e3 / 1e12 + 10),
        Figure("S4.1", "API servers needed", "servers", 220, requests / 5_000),
        Figure("S4.1", "workers needed", "workers", 7_000, jobs / 5),
        Figure("S4.1", "transcoding GPUs, average", "GPUs", 6_000, gpus, "30 s per video on one GPU each"),
        Figure(
            "S4.1", "transcoding GPUs, peak", "GPUs", 6_000, gpus * PEAK, "the same at 3 times the average"
        ),
        Figure("S4.1", "inference servers needed", "servers", 102, feed * PEAK / 500),
    )


COMPONENTS: Final[tuple[tuple[str, float], ...]] = (
    ("S3 (videos)", 30.64e6),
    ("CDN (CloudFront)", 520e3),
    ("Cassandra (1,500 nodes)", 210e3),
    ("Redis (400 nodes)", 56e3),
    ("PostgreSQL (10 shards)", 5.5e3),
    ("Elasticsearch (50 nodes)", 10e3),
    ("Kafka (100 brokers)", 14e3),
    ("GPU workers (6,000)", 900e3),
    ("ML inference (200 GPUs)", 280e3),
    ("ML training (100 GPUs)", 60e3),
    ("App servers (400)", 60e3),
    ("Monitoring", 20e3),
)
"""Document 004, lines 2566-2579: US dollars a month."""
REDIS_NODE: Final = 280
"""US dollars a month of a 64 GB node (line 607)."""
GPU_SERVER: Final = 280e3 / 200
"""US dollars a month of one (line 1646): the price that the workers' figure does not use."""


def components(book: Book) -> tuple[Figure, ...]:
    """Row S4.36: the twelve components, in US dollars a month."""
    again = {
        "S3 (videos)": (archive(book), ""),
        "CDN (CloudFront)": (
            VIEWS * SERVED_MB / 1e3 * 0.95 * DAYS * book.rate("cdn.document.gb", "*"),
            "190 PB a day at $0.08/GB",
        ),
        "Redis (400 nodes)": (400 * REDIS_NODE, "400 nodes, half of which were not counted"),
        "GPU workers (6,000)": (
            6_000 * GPU_SERVER * 0.3,
            "6,000 at the inference servers' price, 70 % saved by spot",
        ),
    }
    return tuple(
        Figure("S4.36", name, "$/month", stated, *again.get(name, (stated, "")))
        for name, stated in COMPONENTS
    )


def archive(book: Book) -> float:
    """S3 of five years: 30 days in Standard, to a year in IA, the rest in Glacier, at the documents' prices."""
    day_tb = UPLOADS * STORED_MB / 1e6
    per_tb = [
        1e3 * book.rate(*each)
        for each in (
            ("s3.standard.gb", "us-west-2"),
            ("s3.ia.gb", "us-west-2"),
            ("s3.glacier.document.gb", "*"),
        )
    ]
    return sum(size * usd for size, usd in zip((day_tb * 30, day_tb * 335, COLD_TB), per_tb, strict=True))


def totals(book: Book) -> tuple[Figure, ...]:
    """Row S4.36: the total, the year, a user; with the CDN's figure put right, and with all of them."""
    rows = components(book)
    stated = sum(each.stated or 0 for each in rows)
    everything = sum(each.recomputed for each in rows)
    cdn = stated + sum(each.recomputed - (each.stated or 0) for each in rows if each.name.startswith("CDN"))
    lowest = VIEWED_GB * book.tiers("cdn.gb", "us-west-2")[-1].usd
    return (
        Figure("S4.36", "total", "$/month", 32.77e6, stated),
        Figure("S4.36", "total, CDN recomputed", "$/month", 32.77e6, cdn, "190 PB a day at $0.08/GB"),
        Figure(
            "S4.36",
            "total, all recomputed",
            "$/month",
            32.77e6,
            everything,
            "and Redis' replicas and the GPUs",
        ),
        Figure("S4.36", "a year", "$", 393e6, 12 * stated),
        Figure("S4.36", "per daily user", "$/month", 0.066, stated / DAU),
        Figure("S4.36", "per daily user, CDN recomputed", "$/month", 0.066, cdn / DAU, "the same"),
        Figure(
            "S4.36",
            "CDN at the lowest listed rate",
            "$/month",
            520e3,
            lowest,
            "1,688 PB a month: 10 min x 1.5 Mbps x 500M x 30 d, at $0.020/GB",
        ),
    )


VIEWED_GB: Final = gigabytes_delivered(
    Audience(daily_users=int(DAU), minutes_per_user_day=10, bitrate_mbps=1.5)
)

TIERS: Final = ((10_000, 5.0), (50_000, 30.0), (100_000, 100.0))
"""Document 001, lines 446-449: users up to, US dollars a month; $300 and more above."""
ABOVE: Final = 300.0


def tier(users: int) -> float:
    """What row S1.12 states for that many users, US dollars a month."""
    return next((usd for limit, usd in TIERS if users <= limit), ABOVE)


def tiers(book: Book) -> tuple[Figure, ...]:
    """Row S1.12 at the top of each tier, beside what delivering one visit a month of each user costs.

    A visit is the audience's ten minutes at 1.5 Mbps, the price CloudFront's list. The documents give no traffic, so
    this is a lower bound of what such a service pays at AWS once the traffic is video, not a correction.
    """
    visit_gb = VIEWED_GB / DAU / DAYS
    limits = (*(limit for limit, _ in TIERS), 500_000)
    return tuple(
        Figure(
            "S1.12",
            f"{users:,} users",
            "$/month",
            tier(users),
            book.charge("cdn.gb", "us-west-2", users * visit_gb).usd,
            "CDN alone, one visit of 10 min a month each",
        )
        for users in limits
    )


def everything(book: Book) -> tuple[Figure, ...]:
    """All rows, in the order of REQUIREMENTS."""
    return (*tiers(book), *capacity(), *components(book), *totals(book))
