"""Who uses the platform: each user is one person with an address and a cookie jar of their own.

    Viewer      asks for videos that the platform has, and watches: Range requests from start to end
    Downloader  brings new URLs, and follows each job to its end
    ViralReel   asks for the one URL that everybody asks for, in one of its spellings

What they ask for stands in ``environment.videos`` (see ``Videos``), which the runner fills.
"""

from __future__ import annotations

import ipaddress
import itertools
import random
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from locust import between, constant, constant_pacing, task
from locust.contrib.fasthttp import FastHttpUser
from locust.exception import RescheduleTask

from loadtests.record import JOB

POLL = 0.5
"""Seconds between looks at a running job; the page uses the event stream instead."""
PATIENCE = 120.0
"""Seconds after which a person gives a job up."""
PIECE = 256 * 2**10
"""Bytes per Range request of a player."""

CLIENTS = ipaddress.ip_network("198.18.0.0/15")
"""Addresses that belong to nobody: reserved for benchmarks (RFC 2544)."""


class Videos:
    """What there is to ask for. ``known`` the platform has already; ``fresh`` it has never heard of."""

    def __init__(self, *, known: Sequence[str], fresh: Iterator[str], viral: str) -> None:
        self.known = known
        self.viral = spellings(viral)
        self._fresh = fresh
        self._lock = threading.Lock()

    def next_fresh(self) -> str | None:
        """A URL that was not asked for yet; None when they are used up."""
        with self._lock:
            return next(self._fresh, None)


def spellings(url: str) -> tuple[str, ...]:
    """Ways in which people paste one URL; all mean the same to the platform and to the site."""
    parts = urlsplit(url)
    tracked = "&".join(filter(None, [parts.query, "utm_source=share&fbclid=abc"]))
    return (
        url,
        f"  {url}\n",
        urlunsplit(parts._replace(query=tracked)),
        urlunsplit(parts._replace(fragment="t=10")),
        urlunsplit(parts._replace(scheme=parts.scheme.upper(), netloc=parts.netloc.upper())),
    )


_addresses = itertools.count(1)


class Person(FastHttpUser):
    """A user with an address of their own, which the platform believes when it trusts the load generator as a proxy."""

    abstract = True
    connection_timeout = 10.0
    network_timeout = 30.0

    def on_start(self) -> None:
        self.come_from(next(_addresses))

    def come_from(self, number: int) -> None:
        address = CLIENTS[number % CLIENTS.num_addresses]
        self.headers = {"X-Forwarded-For": str(address)}

    @property
    def videos(self) -> Videos:
        videos: Videos = self.environment.videos
        return videos

    def ask(self, url: str) -> dict[str, Any]:
        """POST /v1/downloads: the answer's body, with its ``state``. An error ends the task; locust has recorded it."""
        body = {"url": url, "format": "video"}
        with self.client.post(
            "/v1/downloads", json=body, headers=self.headers, name="ask", catch_response=True
        ) as answer:
            if answer.status_code not in (200, 202):
                answer.failure(f"{answer.status_code} {_code(answer)}")
                raise RescheduleTask
            return _json(answer)

    def look(self, job_id: str) -> dict[str, Any]:
        """GET the job."""
        with self.client.get(
            f"/v1/downloads/{job_id}", headers=self.headers, name="look at job", catch_response=True
        ) as answer:
            if answer.status_code != 200:
                answer.failure(f"{answer.status_code} {_code(answer)}")
                raise RescheduleTask
            return _json(answer)

    def follow(self, answer: dict[str, Any], began: float) -> dict[str, Any]:
        """Look at the job until it is done; records how long it took since ``began``. Returns the medium."""
        problem: Exception | None = None
        while answer["state"] not in ("done", "failed", "cancelled"):
            if time.perf_counter() - began > PATIENCE:
                problem = TimeoutError(f"still {answer['state']} after {PATIENCE:.0f} s")
                break
            time.sleep(POLL)  # gevent's: the other users go on
            answer = self.look(answer["id"])
        if problem is None and answer["state"] != "done":
            problem = RuntimeError(f"{answer['state']}: {(answer.get('error') or {}).get('code', 'no code')}")
        self.environment.events.request.fire(
            request_type=JOB,
            name="from asking to done",
            response_time=(time.perf_counter() - began) * 1000,
            response_length=0,
            exception=problem,
            context={},
        )
        if problem is not None:
            raise RescheduleTask
        medium: dict[str, Any] = answer["media"]
        return medium

    def play(self, medium: dict[str, Any], pieces: int) -> None:
        """Fetch the first ``pieces`` of the video, one Range after the other, by the signed link."""
        size = medium["size"]
        for start in range(0, min(size, pieces * PIECE), PIECE):
            end = min(start + PIECE, size) - 1
            wanted = self.headers | {"Range": f"bytes={start}-{end}"}
            with self.client.get(medium["url"], headers=wanted, name="play", catch_response=True) as answer:
                got = len(answer.content or b"")
                if answer.status_code != 206 or got != end - start + 1:
                    answer.failure(
                        f"{answer.status_code} with {got} bytes instead of 206 with {end - start + 1}"
                    )
                    raise RescheduleTask


class Viewer(Person):
    """Watches what others brought."""

    wait_time = between(0.5, 2.0)

    @task
    def watch(self) -> None:
        answer = self.ask(random.choice(self.videos.known))
        if answer["state"] != "done":
            answer = {"media": self.follow(answer, time.perf_counter())}
        self.play(answer["media"], pieces=random.choice((1, 4, 16)))


class Downloader(Person):
    """Brings something new every 20 seconds: what the limit of 3 downloads a minute lets one client do."""

    wait_time = constant_pacing(20)

    @task
    def bring(self) -> None:
        url = self.videos.next_fresh()
        if url is None:
            return
        began = time.perf_counter()
        self.play(self.follow(self.ask(url), began), pieces=1)


class ViralReel(Person):
    """Wants the reel now: asks, waits for it if it must, watches once, and asks again for the next friend."""

    wait_time = constant(0.05)
    seen = False

    @task
    def want(self) -> None:
        began = time.perf_counter()
        answer = self.ask(random.choice(self.videos.viral))
        if answer["state"] != "done":
            answer = {"media": self.follow(answer, began)}
        if not self.seen:
            self.play(answer["media"], pieces=1)
            self.seen = True


def _json(answer: Any) -> dict[str, Any]:
    body: dict[str, Any] = answer.json()
    return body


def _code(answer: Any) -> str:
    """The problem's stable code, for the list of failures: its words would make every failure one of a kind."""
    try:
        return str(answer.json()["code"])
    except (ValueError, KeyError, TypeError):
        return "without a problem document"
