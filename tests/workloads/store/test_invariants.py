"""Whatever clients, workers, deaths and clocks do in whatever order, the store's promises hold after each step."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any, cast

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import Connection, text

from reelplane_crds.runtime import Retention, ServerRef
from reelplane_workloads.core.errors import Code, Problem
from reelplane_workloads.store.database import Database
from reelplane_workloads.store.model import Entry, FlightKind, Medium, Options, Priority
from reelplane_workloads.store.repository import Repository

PEOPLE = st.sampled_from(["ann", "bob", "cat"])
URLS = st.sampled_from([f"u{n}" for n in range(4)])
IDENTITIES = st.sampled_from(["site:1", "site:2"])
WORKERS = st.sampled_from(["w1", "w2"])
PICK = st.integers(min_value=0, max_value=1000)

NEVER = {
    "two active flights for one URL": """
        SELECT url_key FROM flights WHERE state IN ('queued', 'running', 'following')
        GROUP BY url_key HAVING count(*) > 1""",
    "a lease of a flight that does not bring the video in": """
        SELECT i.identity FROM identities i LEFT JOIN flights f ON f.id = i.flight_id
        WHERE f.id IS NULL OR f.state NOT IN ('queued', 'running') OR f.identity <> i.identity""",
    "a follower of a flight that is not on its way, or follows itself": """
        SELECT f.id FROM flights f LEFT JOIN flights l ON l.id = f.leader
        WHERE f.state = 'following' AND (l.id IS NULL OR l.state NOT IN ('queued', 'running'))""",
    "a follower whose leader does not hold the lease of its video": """
        SELECT f.id FROM flights f LEFT JOIN identities i ON i.identity = f.identity AND i.flight_id = f.leader
        WHERE f.state = 'following' AND i.identity IS NULL""",
    "a download that is done without a medium": """
        SELECT f.id FROM flights f LEFT JOIN media m ON m.identity = f.identity
        WHERE f.state = 'done' AND f.result IS NULL AND m.identity IS NULL""",
    "a flight that ended without a time or goes on with one": """
        SELECT id FROM flights WHERE (state IN ('done', 'failed', 'cancelled')) <> (finished_at IS NOT NULL)""",
    "work that nobody wants": """
        SELECT f.id FROM flights f WHERE f.state IN ('queued', 'running', 'following') AND NOT EXISTS (
          SELECT 1 FROM flights g JOIN jobs j ON j.flight_id = g.id AND j.cancelled_at IS NULL
          WHERE g.id = f.id OR g.leader = f.id)""",
    "a failed flight that does not say why": """
        SELECT id FROM flights WHERE state = 'failed' AND error_code IS NULL""",
    "a medium whose blob is being deleted": """
        SELECT m.identity FROM media m JOIN objects o ON o.key = m.object_key WHERE o.condemned_at IS NOT NULL""",
}


class StoreMachine(RuleBasedStateMachine):
    """Clients and workers on one small SQLite store. ``held`` also keeps what was taken from a worker since."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="rp")
        self.runner = asyncio.Runner()
        self.db = Database.open(ServerRef(url=f"sqlite:///{Path(self.folder.name) / 's.db'}"))
        self.repo = Repository(self.db, Retention(), max_attempts=3, backoff=2, lease=10)
        self.jobs: list[tuple[str, str]] = []
        self.held: list[tuple[str, int]] = []
        self.fences: dict[str, int] = {}

    def teardown(self) -> None:
        self.runner.run(self.db.close())
        self.runner.close()
        self.folder.cleanup()

    def run(self, call: Any) -> Any:
        return self.runner.run(call)

    def query(self, statement: str) -> list[Any]:
        return cast(list[Any], self.run(self.db.read(lambda c: c.execute(text(statement)).all())))

    def shift(self, statement: str) -> None:
        self.run(self.db.write(lambda c: c.execute(text(statement))))

    @rule(person=PEOPLE, url=URLS, playlist=st.booleans())
    def accept(self, person: str, url: str, playlist: bool) -> None:
        answer = self.run(
            self.repo.accept(
                principal=person,
                kind=FlightKind.DOWNLOAD,
                url=f"http://example.com/{url}",
                url_key=f"list-{url}" if playlist else url,
                options=Options(playlist=playlist),
                priority=Priority.NORMAL,
            )
        )
        assert (answer.medium is None) != (answer.job_id is None)
        if answer.job_id is not None:
            self.jobs.append((answer.job_id, person))

    @rule(pick=PICK, worker=WORKERS)
    def claim(self, pick: int, worker: str) -> None:
        flights = self.query(
            "SELECT id FROM flights WHERE state IN ('queued', 'running') ORDER BY created_at, id"
        )
        if flights:
            claim = self.run(self.repo.claim(flights[pick % len(flights)].id, worker))
            if claim is not None:
                assert claim.flight.attempt > self.fences.get(claim.flight.id, 0)
                self.held.append((claim.flight.id, claim.flight.attempt))

    @precondition(lambda self: self.held)
    @rule(pick=PICK, identity=IDENTITIES)
    def enter(self, pick: int, identity: str) -> None:
        self.run(self.repo.enter_identity(*self.held[pick % len(self.held)], identity))

    @precondition(lambda self: self.held)
    @rule(pick=PICK)
    def complete(self, pick: int) -> None:
        flight_id, fence = self.held[pick % len(self.held)]
        ((identity, state, attempt),) = self.query(
            f"SELECT identity, state, attempt FROM flights WHERE id = '{flight_id}'"
        ) or [(None, None, None)]
        if identity is None:
            return
        medium = Medium(
            identity, f"ab/{identity[-1]}.mp4", "video/mp4", 1, 1.0, 1, 1, "t", "Site", "http://e/"
        )
        done = self.run(self.repo.complete(flight_id, fence, medium))
        assert (done is not None) == (state == "running" and attempt == fence)

    @precondition(lambda self: self.held)
    @rule(pick=PICK, code=st.sampled_from([Code.ORIGIN_RESET, Code.TOO_LARGE]))
    def fail(self, pick: int, code: Code) -> None:
        self.run(self.repo.fail(*self.held[pick % len(self.held)], Problem(code)))

    @precondition(lambda self: self.held)
    @rule(pick=PICK)
    def hand_back(self, pick: int) -> None:
        self.run(self.repo.hand_back(*self.held[pick % len(self.held)]))

    @precondition(lambda self: self.held)
    @rule(pick=PICK, urls=st.lists(URLS, max_size=3))
    def expand(self, pick: int, urls: list[str]) -> None:
        entries = [Entry(f"http://example.com/{url}", url, Options()) for url in urls]
        self.run(self.repo.expand_playlist(*self.held[pick % len(self.held)], "Mix", entries))

    @precondition(lambda self: self.jobs)
    @rule(pick=PICK)
    def cancel(self, pick: int) -> None:
        job_id, person = self.jobs[pick % len(self.jobs)]
        _, stopped = self.run(self.repo.cancel(job_id, person))
        for flight_id in stopped:
            assert self.query(f"SELECT state FROM flights WHERE id = '{flight_id}'") == [("cancelled",)]

    @rule(worker=WORKERS)
    def die(self, worker: str) -> None:
        self.shift(f"UPDATE flights SET claimed_at = claimed_at - 60 WHERE worker = '{worker}'")

    @rule()
    def sweep(self) -> None:
        swept = self.run(self.repo.sweep())
        assert all(flight.state == "queued" for flight in swept.dispatch)
        assert all(flight.state == "failed" for flight in swept.ended)

    @rule()
    def back_off_passes(self) -> None:
        self.shift("UPDATE flights SET not_before = not_before - 60")

    @rule()
    def hours_pass(self) -> None:
        self.shift("UPDATE flights SET finished_at = finished_at - 7200")
        self.shift("UPDATE jobs SET cancelled_at = cancelled_at - 7200")
        self.shift("UPDATE objects SET touched_at = touched_at - 7200")
        self.run(self.repo.purge())

    @invariant()
    def promises_hold(self) -> None:
        def broken(connection: Connection) -> list[str]:
            return [what for what, statement in NEVER.items() if connection.execute(text(statement)).first()]

        assert self.run(self.db.read(broken)) == []

    @invariant()
    def fences_only_rise(self) -> None:
        for flight_id, attempt in self.query("SELECT id, attempt FROM flights"):
            assert attempt >= self.fences.get(flight_id, 0)
            self.fences[flight_id] = attempt


TestStore = StoreMachine.TestCase
TestStore.settings = settings(
    max_examples=20,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
