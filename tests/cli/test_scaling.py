"""What the scaling loop reads of the platform, and what it refuses to guess."""

from __future__ import annotations

import pytest

from reelplane_cli.local.scaling import Report, loads_of

STATUS = {
    "queue": {"waiting": 4, "running": 3, "delayed": 9},
    "workers": [{"id": "worker-0-4711-ab12cd", "busy": 2}, {"id": "worker-10", "busy": 1}],
}


def busy(*members: tuple[str, bool, bool]) -> dict[str, int]:
    report = Report.parse(STATUS)
    assert report is not None
    return {load.instance: load.busy for load in loads_of(list(members), report)}


def test_jobs_that_back_off_are_not_counted_as_backlog():
    report = Report.parse(STATUS)
    assert report is not None
    assert (report.waiting, report.running) == (4, 3)


@pytest.mark.parametrize(
    "status", [{}, {"queue": {}}, {"queue": {"waiting": None, "running": 1}, "workers": []}]
)
def test_an_answer_that_cannot_be_read_is_no_report_and_so_no_decision(status):
    assert Report.parse(status) is None


def test_a_worker_is_known_by_its_instance_whatever_tells_its_runs_apart():
    assert busy(("worker-0", True, False), ("worker-10", True, False)) == {"worker-0": 2, "worker-10": 1}


def test_a_ready_worker_that_nobody_lists_counts_as_busy_and_one_that_starts_as_idle():
    assert busy(("worker-1", True, False), ("worker-2", False, False)) == {"worker-1": 1, "worker-2": 0}
