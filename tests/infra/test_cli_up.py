"""``up`` and ``destroy``: the order, what failure stops and what it does not, and taking up a run that broke.

The engine of most tests is ``FakeEngine``, a fake that remembers what it was told. The last ones run Pulumi's real
Automation API against ``pulumi``, a script that stands in for the command and writes down how it was called: it shows
which commands would run, not that Pulumi would accept them.
"""

from __future__ import annotations

import json
import os
import stat
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from reelplane_infra.config import Environment
from reelplane_infra.deploy.automation import Automation
from reelplane_infra.deploy.engine import Done, EngineError
from reelplane_infra.deploy.journal import Journal, JournalError, fingerprint, sources
from reelplane_infra.deploy.schedule import MissingStackError, Outcome, Step, destroy, fingerprints, up
from reelplane_infra.stack import Layer, StackName


class FakeEngine:
    """A fake: every stack succeeds but those in ``broken``; ``calls`` is what it was told, in order."""

    def __init__(self, broken: tuple[str, ...] = ()) -> None:
        self.broken = set(broken)
        self.calls: list[tuple[str, str]] = []
        self.there: set[str] = set()
        self.configs: dict[str, Mapping[str, str]] = {}
        self._lock = threading.Lock()

    def exists(self, stack: StackName) -> bool:
        return str(stack) in self.there

    def up(self, stack: StackName, config: Mapping[str, str]) -> Done:
        self._called("up", stack)
        self.configs[str(stack)] = config
        self.there.add(str(stack))
        return Done({"create": 1})

    def destroy(self, stack: StackName, config: Mapping[str, str]) -> Done:
        self._called("destroy", stack)
        self.there.discard(str(stack))
        return Done({"delete": 1})

    def _called(self, word: str, stack: StackName) -> None:
        with self._lock:
            self.calls.append((word, str(stack)))
        if str(stack) in self.broken:
            raise EngineError(f"{stack}: no capacity")

    def told(self) -> list[str]:
        return [stack for _, stack in self.calls]


@pytest.fixture
def journal(tmp_path: Path) -> Callable[[], Journal]:
    return lambda: Journal(tmp_path, "global")


@pytest.fixture
def everything(environment: Callable[..., Environment]) -> Environment:
    return environment("global")


def outcomes(steps: tuple[Step, ...]) -> dict[str, Outcome]:
    return {str(each.stack): each.outcome for each in steps}


def test_every_stack_runs_after_all_that_it_reads(
    everything: Environment, journal: Callable[[], Journal]
) -> None:
    engine = FakeEngine()
    up(everything, engine, journal(), "s")
    names = [each.name for each in everything.regions]
    told = engine.told()
    assert len(told) == 4 + 2 * len(names)
    for stack in told:
        for read in StackName.parse(stack).reads(names):
            assert told.index(str(read)) < told.index(stack)


def test_the_regions_of_a_wave_run_at_the_same_time(
    everything: Environment, journal: Callable[[], Journal]
) -> None:
    meeting = threading.Barrier(5, timeout=30)

    class Meeting(FakeEngine):
        def up(self, stack: StackName, config: Mapping[str, str]) -> Done:
            if stack.layer is Layer.REGION:
                meeting.wait()
            return super().up(stack, config)

    assert set(outcomes(up(everything, Meeting(), journal(), "s")).values()) == {Outcome.DONE}


def test_a_failed_region_stops_what_reads_it_and_no_other_region(
    everything: Environment, journal: Callable[[], Journal]
) -> None:
    engine = FakeEngine(broken=("global.region.eu-west-1",))
    found = outcomes(up(everything, engine, journal(), "s"))
    assert found["global.region.eu-west-1"] is Outcome.FAILED
    assert {
        found[f"global.region.{each.name}"] for each in everything.regions if each.name != "eu-west-1"
    } == {Outcome.DONE}
    for stack in ("global.data", "global.edge", "global.platform.us-west-2", "global.fleet"):
        assert found[stack] is Outcome.BLOCKED
        assert stack not in engine.told()


def test_a_run_that_broke_goes_on_where_it_stopped(
    everything: Environment, journal: Callable[[], Journal]
) -> None:
    engine = FakeEngine(broken=("global.data",))
    up(everything, engine, journal(), "s")
    engine.broken.clear()
    engine.calls.clear()
    found = outcomes(up(everything, engine, journal(), "s"))
    assert found["global.region.us-east-1"] is Outcome.UNCHANGED
    assert found["global.data"] is Outcome.DONE
    assert "global.foundation" not in engine.told()


def test_a_changed_region_runs_again_and_so_does_what_reads_it(
    everything: Environment, environment: Callable[..., Environment]
) -> None:
    marks = fingerprints(everything, "s")
    changed = fingerprints(everything, "other programs")
    assert all(marks[stack] != changed[stack] for stack in marks)
    assert fingerprint({"a": "1", "b": "2"}, "s", ["x", "y"]) == fingerprint(
        {"b": "2", "a": "1"}, "s", ["y", "x"]
    )
    assert fingerprint({}, "s", ["x"]) != fingerprint({}, "s", ["y"])


def test_a_stack_in_the_journal_that_is_not_there_runs_again(
    everything: Environment, journal: Callable[[], Journal]
) -> None:
    engine = FakeEngine()
    up(everything, engine, journal(), "s")
    engine.there.discard("global.edge")
    engine.calls.clear()
    up(everything, engine, journal(), "s")
    assert engine.told() == ["global.edge"]


def test_a_stack_that_failed_is_no_longer_in_the_journal(
    everything: Environment, journal: Callable[[], Journal]
) -> None:
    engine = FakeEngine()
    up(everything, engine, journal(), "s")
    engine.broken.add("global.edge")
    up(everything, engine, journal(), "s", again=True)
    assert "global.edge" not in json.loads(journal().path.read_text())
    assert "global.data" in json.loads(journal().path.read_text())


def test_one_layer_alone_needs_those_that_it_reads(
    everything: Environment, journal: Callable[[], Journal]
) -> None:
    engine = FakeEngine()
    with pytest.raises(MissingStackError, match=r"global\.foundation.* never carried out"):
        up(everything, engine, journal(), "s", layers=[Layer.REGION])
    assert engine.calls == []
    up(everything, engine, journal(), "s", layers=[Layer.FOUNDATION])
    up(everything, engine, journal(), "s", layers=[Layer.REGION])
    assert len(engine.calls) == 6


def test_destroy_goes_backwards_and_keeps_what_is_still_read(
    everything: Environment, journal: Callable[[], Journal]
) -> None:
    engine = FakeEngine(broken=("global.platform.eu-west-1",))
    found = outcomes(destroy(everything, engine, journal()))
    assert engine.told()[0] == "global.fleet"
    assert found["global.platform.us-east-1"] is Outcome.DONE
    assert found["global.region.eu-west-1"] is found["global.foundation"] is Outcome.BLOCKED


def test_the_config_of_a_stack_is_its_environment_and_its_account(
    everything: Environment, journal: Callable[[], Journal]
) -> None:
    engine = FakeEngine()
    up(everything, engine, journal(), "s")
    config = engine.configs["global.region.eu-west-1"]
    assert Environment.model_validate_json(config["reelplane:environment"]) == everything
    assert config["aws:region"] == "eu-west-1"
    assert json.loads(config["aws:allowedAccountIds"]) == [everything.account]


def test_a_journal_that_is_no_json_says_what_to_do(journal: Callable[[], Journal]) -> None:
    path = journal().path
    path.write_text("{")
    with pytest.raises(JournalError, match="without the file every stack runs again"):
        journal()


def test_the_digest_of_the_programs_changes_with_any_of_them(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("1")
    before = sources(tmp_path)
    (tmp_path / "b.yaml").write_text("")
    with_file = sources(tmp_path)
    (tmp_path / "a.py").write_text("2")
    assert len({before, with_file, sources(tmp_path)}) == 3


STUB = """#!/bin/sh
# Stands in for Pulumi's command: writes down its arguments, answers what the Automation API reads.
echo "$*" >> "$PULUMI_STUB_CALLS"
case "$*" in
  version) echo v3.210.0 ;;
  *"stack output"*) echo '{"vpc_id": "vpc-1"}' ;;
  *"stack select"*) [ -z "$PULUMI_STUB_NEW" ] || { echo "error: no stack named 'x' found" >&2; exit 255; } ;;
  *"stack history"*) echo '[{"kind": "update", "message": "", "environment": {}, "config": {},
    "startTime": "2026-11-21T10:00:00.000Z", "result": "succeeded", "endTime": "2026-11-21T10:01:00.000Z", "version": 1,
    "resourceChanges": {"create": 3}}]' ;;
  *" up "*|"up "*) [ -z "$PULUMI_STUB_FAILS" ] || { echo "error: no capacity in us-west-2a" >&2; exit 255; } ;;
esac
"""


@pytest.fixture
def stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stub of the command ``pulumi`` on the PATH, and the file of its calls."""
    folder = tmp_path / "bin"
    folder.mkdir()
    command = folder / "pulumi"
    command.write_text(STUB)
    command.chmod(command.stat().st_mode | stat.S_IEXEC)
    calls = tmp_path / "calls"
    calls.write_text("")
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PULUMI_STUB_CALLS", str(calls))
    return calls


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    (root / "Pulumi.yaml").write_text("name: reelplane\nruntime: python\nmain: pulumi/\n")
    return root


STACK = StackName.parse("dev.region.us-west-2")


def test_the_stub_sees_select_config_and_up_for_a_stack(stub: Path, project: Path) -> None:
    done = Automation(project).up(STACK, {"aws:region": "us-west-2"})
    calls = stub.read_text()
    assert done.changes == {"create": 3}
    assert "stack select" in calls
    assert "dev.region.us-west-2" in calls
    assert "aws:region=us-west-2" in calls
    assert " up --yes --skip-preview" in calls
    assert calls.index("stack select") < calls.index("config set-all") < calls.index(" up --yes")


def test_the_stub_sees_a_new_stack_made_with_its_secrets_provider(
    stub: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_STUB_NEW", "yes")
    Automation(project, secrets_provider="awskms://alias/reelplane?region=us-west-2").up(STACK, {})
    (init,) = [line for line in stub.read_text().splitlines() if "stack init" in line]
    assert "--secrets-provider awskms://alias/reelplane?region=us-west-2" in init


def test_a_stack_that_is_not_there_does_not_exist(
    stub: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Automation(project)
    assert engine.exists(STACK)
    monkeypatch.setenv("PULUMI_STUB_NEW", "yes")
    assert not engine.exists(STACK)


def test_the_stub_sees_a_destroy(stub: Path, project: Path) -> None:
    Automation(project).destroy(STACK, {})
    assert "destroy --skip-preview --yes" in stub.read_text()


def test_a_failure_is_told_in_the_engines_own_error_lines(
    stub: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_STUB_FAILS", "yes")
    with pytest.raises(EngineError, match=r"^dev\.region\.us-west-2: error: no capacity in us-west-2a$"):
        Automation(project).up(STACK, {})


def test_without_the_command_the_error_says_where_to_get_it(
    project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        EngineError, match=r"pulumi is not on the PATH.*https://www\.pulumi\.com/docs/install/"
    ):
        Automation(project)
