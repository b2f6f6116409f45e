"""A page does what it promises: its fault is injected, Diagnosis shows it, Mitigation ends it, block by block.

Needs a platform on a real node with the operator installed: fixture ``running_platform``, faults.RunningPlatform.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from tests.runbooks import harness
from tests.runbooks.faults import FAULTS, RunningPlatform
from tests.testbed import toolchain

_SPREADS = 180.0
"""Seconds within which a fault shows: leases, back-off and probes have to notice it first."""


@pytest.fixture
def platform(request: pytest.FixtureRequest) -> RunningPlatform:
    try:
        found: RunningPlatform = request.getfixturevalue("running_platform")
    except pytest.FixtureLookupError:
        pytest.skip("no fixture running_platform here: a platform on a real node is needed")
    return found


@pytest.fixture
def runner(platform: RunningPlatform, tmp_path: Path) -> harness.Runner:
    variables = {
        "NAMESPACE": platform.namespace,
        "PLATFORM": platform.platform,
        "PIPELINE": platform.pipeline,
        "REGION": platform.region,
    }
    programs = (toolchain.program("kubectl").parent, Path(sys.executable).parent)
    return harness.Runner(platform.kubeconfig, variables, programs, tmp_path)


def test_each_page_has_its_fault():
    assert set(FAULTS) == set(harness.names())


@pytest.mark.node
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", sorted(FAULTS))
def test_diagnosis_shows_the_fault_and_mitigation_ends_it(platform, runner, name):
    page, fault = harness.read(name), FAULTS[name]
    try:
        fault.inject(platform)
        for block in page.of("Diagnosis"):
            result = until_it_shows(runner, block)
            assert result.code == 0, result
            assert result.missing is None, f"{result.missing!r} is not in\n{result}"
        fault.mend(platform)
        for block in page.of("Mitigation"):
            result = runner.run(block)
            assert result.code == 0, result
            assert result.missing is None, f"{result.missing!r} is not in\n{result}"
    finally:
        fault.undo(platform)


def until_it_shows(runner: harness.Runner, block: harness.Block) -> harness.Result:
    deadline = time.monotonic() + _SPREADS
    while True:
        result = runner.run(block)
        if (result.code == 0 and result.missing is None) or time.monotonic() > deadline:
            return result
        time.sleep(2)
