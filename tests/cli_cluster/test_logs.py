"""Logs of all workloads in one stream: merged by time, filtered by what a person knows, readable."""

from __future__ import annotations

import json

import pytest

from reelplane_cli.cluster.logs import Filter, Format, Line, seconds
from reelplane_cli.cluster.paint import Paint
from reelplane_cli.cluster.podlogs import sources
from reelplane_cli.errors import Failure
from tests.cli_cluster.stage import WHOLE


def line(time: str, pod: str, message: str, **fields: str) -> Line:
    text = json.dumps({"time": time, "level": "info", "logger": "x", "message": message, **fields})
    return Line(f"2026-11-21T10:00:{time}Z", pod, text)


def test_a_jobs_lines_are_found_where_workers_know_only_its_flight():
    accepted = line("01.0", "reels-api-1", "accepted", job="j-1", flight="f-9")
    claimed = line("00.9", "shorts-download-1", "claimed", flight="f-9")
    other = line("02.0", "shorts-download-1", "claimed", flight="f-8")
    chosen = Filter("j-1")
    chosen.learn([claimed, accepted, other])
    assert [each for each in (claimed, accepted, other) if chosen.passes(each)] == [claimed, accepted]


def test_without_an_id_all_lines_pass():
    assert Filter(None).passes(line("01.0", "a", "x"))


def test_a_line_shows_time_pod_level_message_and_fields_and_raw_is_as_written():
    form = Format(Paint(), raw=False)
    shown = form(line("01.250000000", "shorts-1", "claimed", flight="f-9"))
    assert shown == "shorts-1  10:00:01.250  info     claimed  flight=f-9"
    assert Format(Paint(), raw=True)(Line("t", "p", '{"a": 1}')) == 'p  {"a": 1}'
    assert form(Line("2026-11-21T10:00:02.000000000Z", "cache-0", "Ready to accept")).endswith(
        "Ready to accept"
    )


def test_each_pod_has_its_colour_and_keeps_it():
    form = Format(Paint(colour=True), raw=False)
    first, second, again = (form(line("01.0", pod, "x")).partition("m")[0] for pod in ("a", "b", "a"))
    assert first == again != second


def test_errors_stand_out_and_their_traces_stand_below():
    shown = Format(Paint(), raw=False)(
        Line("2026-11-21T10:00:02.0Z", "p", '{"level": "error", "message": "m", "exception": "Traceback: x"}')
    )
    assert shown.splitlines()[1] == "Traceback: x"


def test_containers_that_never_began_have_no_log_and_those_that_ended_before_have_two():
    def state(name: str, restarts: int = 0, **states: object) -> dict[str, object]:
        return {"name": name, "restartCount": restarts, **states}

    pod = {
        "metadata": {"name": "w-1", "namespace": "n"},
        "spec": {
            "initContainers": [{"name": "extractor"}],
            "containers": [{"name": "worker"}, {"name": "side"}],
        },
        "status": {
            "initContainerStatuses": [state("extractor", state={"terminated": {}})],
            "containerStatuses": [
                state("worker", 2, state={"running": {}}, lastState={"terminated": {"exitCode": 137}}),
                state("side", state={"waiting": {"reason": "ImagePullBackOff"}}, lastState={}),
            ],
        },
    }
    assert [(each.container, each.restarts, each.ended_before) for each in sources(pod)] == [
        ("extractor", 0, False),
        ("worker", 2, True),
    ]


def test_lengths_of_time_are_read_as_people_write_them():
    assert [seconds(text) for text in ("90s", "15m", "2h", "1h30m", "1d")] == [90, 900, 7200, 5400, 86400]
    for wrong in ("", "15", "m", "5 m", "1w"):
        with pytest.raises(Failure, match="length of time"):
            seconds(wrong)


@pytest.mark.cluster
@pytest.mark.timeout(600)
def test_a_log_that_cannot_be_read_is_said_in_its_place(stage):
    stage.apply(WHOLE)
    with stage.lost_pod() as name:
        done = stage.cli("logs", "reels", "--tail", "10")
    print(done.stdout)
    assert done.returncode == 0
    assert done.stdout.startswith(name)
    assert "its log cannot be read: get Pod" in done.stdout
