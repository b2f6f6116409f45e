"""``python -m loadtests.run --scenario viral``: put a platform under load and say whether it held.

    scenario ──► users x shape ──locust, in this process──► platform (started here, or --host)
                                                      └──► record ──► objectives ──► verdicts, page, exit code

Without ``--host`` a platform is started on this machine from ``platform.yaml`` with empty state, and a counting site
beside it. With ``--host`` the videos must be named (``--video``), since only the platform's operator knows what it
may reach; what the site would have counted is then not measured.
"""

from __future__ import annotations

from locust.env import Environment  # isort: skip  - first: it makes sockets and sleeps cooperative (gevent)

import argparse
import contextlib
import itertools
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import gevent  # type: ignore[import-untyped]

from loadtests import objectives, page, record
from loadtests.local import LocalPlatform, PlatformError
from loadtests.scenarios import SCENARIOS, Scenario
from loadtests.site import Site
from loadtests.users import Person, Videos, Viewer

PLATFORM = Path(__file__).with_name("platform.yaml")


@dataclass(frozen=True)
class Target:
    """What is put under load. ``extractions`` is None where the sites are not ours to count at."""

    host: str
    known: Sequence[str]
    fresh: Iterator[str]
    viral: str
    extractions: Callable[[], int] | None = None


@contextlib.contextmanager
def local() -> Iterator[Target]:
    """A platform and a site on this machine, for the time of the test. Raises PlatformError."""
    with (
        tempfile.TemporaryDirectory(prefix="rp-load") as state,
        Site() as site,
        LocalPlatform([PLATFORM], Path(state)) as platform,
    ):
        yield Target(platform.url, site.known, iter(site.fresh), site.viral, site.extractions)


def remote(host: str, videos: Sequence[str]) -> Target:
    """A platform that runs elsewhere. Of ``videos`` the first is the viral one; each is new once at most."""
    return Target(host.rstrip("/"), videos, iter(videos), videos[0])


def prepare(environment: Environment, known: Sequence[str]) -> None:
    """Have the platform bring in what viewers take for granted, before anything is counted. Raises PlatformError."""

    def bring(number: int, url: str) -> None:
        person = environment.user_classes[0](environment)
        assert isinstance(person, Person)
        person.come_from(-1 - number)  # addresses that no user of the test has
        person.follow(person.ask(url), time.perf_counter())

    gevent.joinall([gevent.spawn(bring, number, url) for number, url in enumerate(known)])
    if environment.stats.errors:
        found = "; ".join(what for what, _ in record.failures(environment.stats))
        raise PlatformError(f"the videos that viewers watch could not be brought in: {found}")
    environment.stats.clear_all()


def run(name: str, scenario: Scenario, target: Target, *, users: int, seconds: float) -> record.Record:
    """Run a scenario to its end. Returns what was recorded."""
    environment = Environment(
        user_classes=list(scenario.users),
        shape_class=scenario.shape(users, seconds),
        host=target.host,
        stop_timeout=10,
    )
    for kind, weight in scenario.users.items():
        kind.weight = weight
        kind.host = target.host
    environment.videos = Videos(known=target.known, fresh=target.fresh, viral=target.viral)  # type: ignore[attr-defined]
    runner = environment.create_local_runner()
    if Viewer in scenario.users:
        prepare(environment, target.known)
    samples: list[record.Second] = []
    started, began = datetime.now(UTC), time.monotonic()
    sampler = gevent.spawn(record.sample, environment, samples, gevent.sleep)
    runner.start_shape()
    if runner.shape_greenlet is not None:
        runner.shape_greenlet.join()
    runner.stop()
    lasted = time.monotonic() - began
    sampler.kill()
    extractions = target.extractions() if target.extractions is not None else None
    runner.quit()
    return record.Record(
        scenario=name,
        says=scenario.says,
        host=target.host,
        started=started.isoformat(timespec="seconds"),
        seconds=tuple(samples),
        rows=record.rows(environment.stats),
        failures=record.failures(environment.stats),
        measured=record.measures(environment.stats, seconds=lasted, extractions=extractions),
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code: 0 every objective held, 1 one did not, 2 the test could not be run."""
    arguments = _arguments(argv)
    scenario = SCENARIOS[arguments.scenario]
    users = arguments.users or scenario.peak
    seconds = 60 * (arguments.minutes or scenario.minutes)
    print(f"{arguments.scenario}: {scenario.says}\nup to {users} users for {seconds:.0f} s", flush=True)
    where = contextlib.nullcontext(remote(arguments.host, arguments.video)) if arguments.host else local()
    try:
        with where as target:
            print(f"against {target.host}", flush=True)
            recorded = run(arguments.scenario, scenario, target, users=users, seconds=seconds)
    except PlatformError as error:
        print(error, file=sys.stderr)
        return 2
    verdicts = objectives.judge({**scenario.objectives, **dict(arguments.objective)}, recorded.measured)
    output = arguments.output or Path("build") / f"loadtest-{arguments.scenario}.html"
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(page.page(recorded, verdicts), encoding="utf-8")
    for what, count in itertools.islice(recorded.failures, 10):
        print(f"      {count:,} x {what}")
    for verdict in verdicts:
        print(verdict.line())
    print(f"{'passed' if page.passed(verdicts) else 'FAILED'}; {output}")
    return 0 if page.passed(verdicts) else 1


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="loadtests.run", description="Put a platform under load.")
    parser.add_argument("--scenario", choices=sorted(SCENARIOS), default="viral")
    parser.add_argument(
        "--host", metavar="URL", help="a running platform; default: one is started on this machine"
    )
    parser.add_argument(
        "--video", metavar="URL", action="append", default=[], help="with --host: what to ask for"
    )
    parser.add_argument("--minutes", type=float, help="default: the scenario's")
    parser.add_argument("--users", type=int, help="at the most; default: the scenario's")
    parser.add_argument(
        "--objective",
        metavar="MEASURE=BOUND",
        type=_objective,
        action="append",
        default=[],
        help=f"beside or instead of the scenario's own; measures: {', '.join(objectives.MEASURES)}",
    )
    parser.add_argument("--output", type=Path, help="the page; default: build/loadtest-<scenario>.html")
    arguments = parser.parse_args(argv)
    if arguments.host and not arguments.video:
        parser.error("--host needs at least one --video URL that the platform can reach")
    return arguments


def _objective(text: str) -> tuple[str, float]:
    name, _, bound = text.partition("=")
    if name not in objectives.MEASURES:
        raise argparse.ArgumentTypeError(
            f"{name!r} is no measure; there are: {', '.join(objectives.MEASURES)}"
        )
    try:
        return name, float(bound)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{bound!r} is no number; write e.g. {name}=500") from None


if __name__ == "__main__":
    sys.exit(main())
