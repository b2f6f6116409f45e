"""The scenarios, as data: who comes, how many and when, and what must hold.

The bounds are for the platform and the load generator on one machine of two cores; they tell a broken platform
from a working one. How fast it is, ``make bench`` measures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from loadtests.shapes.curve import Curve
from loadtests.shapes.ramp import Ramp
from loadtests.shapes.spike import Spike
from loadtests.shapes.steady import Steady
from loadtests.users import Downloader, Person, Viewer, ViralReel


@dataclass(frozen=True, slots=True)
class Scenario:
    says: str
    users: Mapping[type[Person], int]
    """Who, by weight."""
    shape: Callable[[int, float], Curve]
    """Made of the users at the most and the seconds."""
    peak: int
    """Users at the most, unless ``--users`` says otherwise."""
    minutes: float
    objectives: Mapping[str, float]


SCENARIOS: dict[str, Scenario] = {
    "viral": Scenario(
        says="Everybody wants one reel that nobody has brought yet, under five spellings of its URL.",
        users={ViralReel: 1},
        shape=Spike,
        peak=200,
        minutes=1,
        objectives={"error_rate": 0, "p99_ms": 1000, "jobs": 1, "extractions": 1},
    ),
    "viewers": Scenario(
        says="People watch videos that the platform has: a lookup, a signed link, Range requests.",
        users={Viewer: 1},
        shape=Steady,
        peak=50,
        minutes=1,
        objectives={"error_rate": 0, "p99_ms": 1000, "extractions": 1},
    ),
    "downloads": Scenario(
        says="More and more people bring new URLs and follow each job to its end.",
        users={Downloader: 1},
        shape=Ramp,
        peak=8,
        minutes=2,
        objectives={"error_rate": 0, "job_p95_s": 60, "jobs": 8, "extractions": 1},
    ),
    "mixed": Scenario(
        says="An ordinary day: nineteen watch while one brings something new.",
        users={Viewer: 19, Downloader: 1},
        shape=Steady,
        peak=60,
        minutes=2,
        objectives={"error_rate": 0, "p99_ms": 1500, "job_p95_s": 60, "extractions": 1},
    ),
}
