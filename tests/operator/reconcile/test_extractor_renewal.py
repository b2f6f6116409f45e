"""A new extractor goes to one worker, is judged by failures per site, then goes to all or back."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from reelplane_operator.reconcile.extractor import Canary, Renewal, Tally, Verdict, read, step, write

OLD, NEW = "2026.10.01", "2026.10.26"


def _step(
    renewal: Renewal,
    *,
    wanted: str | None = NEW,
    tallies: Iterable[Tally] = (),
    first: bool = False,
    idle: bool = False,
    ready: bool = True,
    now: float = 1000.0,
) -> tuple[Renewal, Verdict]:
    return step(
        renewal,
        wanted=wanted,
        first=first,
        idle=idle,
        least=20,
        window=900,
        ready=ready,
        tallies=tallies,
        now=now,
    )


def _trial(since: float = 1000.0) -> Renewal:
    return Renewal(OLD, Canary(NEW, since))


def test_the_first_version_of_a_new_platform_needs_no_trial() -> None:
    assert _step(Renewal(), first=True)[0] == Renewal(NEW)


def test_another_version_begins_on_one_worker() -> None:
    renewal, verdict = _step(Renewal(OLD))
    assert renewal == Renewal(OLD, Canary(NEW, 1000.0))
    assert (renewal.stage.current, renewal.stage.canary) == (OLD, NEW)
    assert verdict.reason == "CanaryStarted"


def test_a_drained_pipeline_judges_nobody_and_the_trial_begins_anew_afterwards() -> None:
    drained, verdict = _step(_trial(), idle=True, ready=False, now=5000.0)
    assert (drained, verdict) == (Renewal(OLD), Verdict())
    assert _step(drained, idle=True, now=5030.0)[0] == drained
    assert _step(drained, now=6000.0)[0] == Renewal(OLD, Canary(NEW, 6000.0))


def test_it_is_not_judged_before_it_had_enough_jobs_or_time() -> None:
    renewal, verdict = _step(_trial(), tallies=[Tally(NEW, "a.example", 3, 5)])
    assert renewal.canary == Canary(NEW, 1000.0, jobs=8, failed=5)
    assert not verdict.reason


def test_as_good_as_before_goes_to_all() -> None:
    tallies = [Tally(OLD, "a.example", 90, 10), Tally(NEW, "a.example", 18, 2)]
    renewal, verdict = _step(_trial(), tallies=tallies)
    assert renewal == Renewal(NEW)
    assert verdict.reason == "ExtractorPromoted"


def test_one_broken_site_among_healthy_ones_sends_it_back() -> None:
    tallies = [
        Tally(OLD, "a.example", 500, 5),
        Tally(OLD, "b.example", 40, 1),
        Tally(NEW, "a.example", 90, 1),
        Tally(NEW, "b.example", 0, 6),
    ]
    renewal, verdict = _step(_trial(), tallies=tallies)
    assert renewal == Renewal(OLD, None, (NEW,))
    assert "6 of 6 jobs failed at b.example, where 1 of 41 did before" in verdict.message


def test_a_site_that_fails_for_the_running_version_too_is_no_evidence() -> None:
    tallies = [Tally(OLD, "b.example", 1, 30), Tally(NEW, "b.example", 0, 20)]
    assert _step(_trial(), tallies=tallies)[0].current == NEW


def test_a_rejected_version_is_not_tried_again_until_another_is_named() -> None:
    rejected = Renewal(OLD, None, (NEW,))
    assert _step(rejected)[0] == rejected
    renewal, _ = _step(rejected, wanted="2026.11.02")
    assert renewal.canary == Canary("2026.11.02", 1000.0)


def test_without_jobs_the_end_of_the_window_decides_by_whether_its_worker_came_up() -> None:
    assert _step(_trial(), now=1899.0)[0].canary is not None
    assert _step(_trial(), now=1900.0)[0].current == NEW
    renewal, verdict = _step(_trial(), now=1900.0, ready=False)
    assert renewal == Renewal(OLD, None, (NEW,))
    assert "did not become ready" in verdict.message


def test_naming_no_version_goes_back_to_the_image() -> None:
    assert _step(_trial(), wanted=None)[0].stage.current is None


@given(
    done=st.integers(0, 200),
    failed=st.integers(0, 200),
    before_done=st.integers(0, 200),
    before_failed=st.integers(0, 200),
    more=st.integers(1, 50),
)
def test_more_failures_never_turn_a_rejection_into_a_promotion(
    done: int, failed: int, before_done: int, before_failed: int, more: int
) -> None:
    def verdict(failures: int) -> str | None:
        tallies = [Tally(OLD, "a", before_done, before_failed), Tally(NEW, "a", done, failures)]
        return _step(_trial(), tallies=tallies, now=5000.0)[0].current

    if verdict(failed) == OLD:
        assert verdict(failed + more) == OLD


def test_the_stage_survives_the_status() -> None:
    for renewal in (
        Renewal(),
        Renewal(OLD),
        Renewal(OLD, Canary(NEW, 1000.0, 7, 2), ("2026.09.01",)),
    ):
        assert read({"extractor": write(renewal)} if write(renewal) else {}) == renewal
