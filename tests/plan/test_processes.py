"""Processes of a plan, and what is said to change between what runs and what is planned."""

from __future__ import annotations

import pytest

from reelplane_plan.diff import Running, compare
from reelplane_plan.render.processes import render


@pytest.fixture
def specs(plan_text, resources, facts):
    def make(platform: str = "", pipeline: str = ""):
        return render(plan_text(resources(platform, pipeline)), facts())

    return make


def as_running(specs):
    return [
        Running(spec.name, spec.instance(slot), spec.fingerprint, spec.document or "")
        for spec in specs
        for slot in range(spec.replicas)
    ]


def said(changes):
    return [str(change) for change in changes]


def test_a_platform_becomes_stores_api_and_workers_started_in_that_order(specs):
    made = {spec.name: spec for spec in specs()}
    assert list(made) == ["valkey", "api", "worker"]
    assert made["api"].after == (), "it loads while Valkey starts, and is ready when Valkey answers"
    assert made["worker"].after == ("valkey", "api")
    assert made["worker"].drain_stage < made["api"].drain_stage < made["valkey"].drain_stage
    assert (made["valkey"].instance(0), made["api"].instance(1)) == ("valkey", "api-1")


def test_workloads_are_given_their_document_and_sockets_by_argument_only(specs):
    made = {spec.name: spec for spec in specs()}
    for name in ("api", "worker"):
        argv = made[name].argv
        assert argv[:4] == ("/usr/bin/python3", "-m", "reelplane_workloads", name)
        assert argv[argv.index("--document") + 1] == "{document}"
        assert argv[argv.index("--own-socket-fd") + 1] == "{own-fd}"
    assert "{listen-fd}" in made["api"].argv
    assert "{listen-fd}" not in made["worker"].argv


def test_the_embedded_valkey_listens_on_no_port(specs):
    argv = specs()[0].argv
    assert argv[argv.index("--port") + 1] == "0"
    assert argv[argv.index("--unixsocketperm") + 1] == "700"


def test_what_runs_as_planned_changes_nothing(specs):
    assert compare(specs(), as_running(specs())) == ()


def test_nothing_running_means_everything_starts(specs):
    assert [line[:8] for line in said(compare(specs(), []))] == ["+ valkey", "+ api   ", "+ worker"]


def test_a_changed_field_restarts_its_group_and_is_named_with_both_values(specs):
    changed = specs(pipeline="sources: {url: {maxHeight: 720}}")
    lines = said(compare(changed, as_running(specs())))
    assert lines == [
        "~ api      2 processes: sources.max_height 1080 -> 720",
        "~ worker   1 process: sources.max_height 1080 -> 720",
    ]


def test_a_smaller_api_stops_what_is_too_many_and_a_store_that_is_gone_is_stopped(specs):
    running = [*as_running(specs()), Running("cache", "cache", "x")]
    lines = said(compare(specs("api: {replicas: {min: 1}}"), running))
    assert lines == ["- api      1 process", "- cache    1 process"]
