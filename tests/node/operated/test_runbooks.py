"""A page does what it promises: its fault is injected, Diagnosis shows it, Mitigation ends it, block by block."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from tests.runbooks import harness
from tests.runbooks.faults import FAULTS
from tests.testbed import toolchain
from tests.testbed.node.platform import Platform

pytestmark = [pytest.mark.node, pytest.mark.timeout(1800)]

_SPREADS = 180.0
"""Seconds within which a fault shows: leases, back-off and probes have to notice it first."""


def runner(platform: Platform, home: Path) -> harness.Runner:
    variables = {
        "NAMESPACE": platform.namespace,
        "PLATFORM": platform.platform,
        "PIPELINE": platform.pipeline,
        "REGION": platform.region,
    }
    programs = (toolchain.program("kubectl").parent, Path(sys.executable).parent)
    return harness.Runner(platform.kubeconfig, variables, programs, home)


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_diagnosis_shows_the_fault_and_mitigation_ends_it(
    running_platform: Platform, tmp_path: Path, name: str
) -> None:
    play(name, running_platform, runner(running_platform, tmp_path))


def play(name: str, platform: Platform, commands: harness.Runner) -> None:
    """Inject the fault of a page and do what the page says; at its end the platform is well again."""
    page, fault = harness.read(name), FAULTS[name]
    try:
        fault.inject(platform)
        for block in page.of("Diagnosis"):
            expect(until_it_shows(commands, block))
        fault.mend(platform)
        for block in page.of("Mitigation"):
            expect(commands.run(block))
    finally:
        fault.undo(platform)
    well(platform)


def expect(result: harness.Result) -> None:
    print(result)
    assert result.code == 0, result
    assert result.missing is None, f"{result.missing!r} is not in\n{result}"


def until_it_shows(commands: harness.Runner, block: harness.Block) -> harness.Result:
    deadline = time.monotonic() + _SPREADS
    while True:
        result = commands.run(block)
        if (result.code == 0 and result.missing is None) or time.monotonic() > deadline:
            return result
        time.sleep(2)


def well(platform: Platform) -> None:
    """Everything is Ready, and a job is done from its beginning to its end."""
    platform.wait_ready()
    assert platform.download(seconds=1)["state"] == "done"
