"""``kubectl reelplane logs`` reads what real kubelets keep: of all pods at once, and of containers that died."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from loadtests.local import eventually
from tests.testbed.node.platform import Platform, wait

pytestmark = [pytest.mark.node, pytest.mark.timeout(1800)]

PLUGIN = Path(sys.executable).parent / "kubectl-reelplane"
STARTED = "Ready to accept connections"
"""What Valkey says once in each life."""


def logs(platform: Platform, *words: str) -> list[str]:
    done = subprocess.run(
        _command(platform, *words), env=_environment(platform), capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


@contextmanager
def following(platform: Platform, file: Path) -> Iterator[None]:
    """Within: ``logs --follow`` writes to ``file``."""
    with file.open("w") as out:
        command = _command(platform, "--follow", "--tail", "0")
        process = subprocess.Popen(command, env=_environment(platform), stdout=out, stderr=out)
        try:
            yield
        finally:
            process.terminate()
            process.wait(timeout=60)


def _command(platform: Platform, *words: str) -> list[str]:
    return [str(PLUGIN), "logs", platform.platform, "-n", platform.namespace, *words]


def _environment(platform: Platform) -> dict[str, str]:
    return {**os.environ, "KUBECONFIG": str(platform.kubeconfig), "PYTHONUNBUFFERED": "1"}


def test_the_lines_about_a_job_come_from_the_api_and_from_its_worker(running_platform: Platform) -> None:
    job = running_platform.download(seconds=1)["id"]
    # Before the worker is scaled away: what a pod said goes with it.
    lines = logs(running_platform, "--job", job, "--tail", "2000")
    (accepted,) = [line for line in lines if "accepted" in line]
    assert accepted.startswith(f"{running_platform.platform}-api-")
    told = [line for line in lines if line.startswith(f"{running_platform.pipeline}-download-")]
    assert any("claimed" in line for line in told), lines
    assert any("ended" in line for line in told), lines


def test_a_container_that_died_is_read_too_and_followed_into_its_next_life(
    running_platform: Platform, tmp_path: Path
) -> None:
    cache = f"{running_platform.platform}-cache-0"
    lives = started(logs(running_platform, "--tail", "2000"), cache)
    assert lives
    file = tmp_path / "followed"
    with following(running_platform, file):
        running_platform.kill(cache)
        eventually(
            lambda: started(file.read_text().splitlines(), cache),
            within=180,
            what="the next life's first words",
            every=1,
        )
    assert len(started(logs(running_platform, "--tail", "2000"), cache)) >= 2
    wait(running_platform.cluster, "-n", running_platform.namespace, f"pod/{cache}", "--for=condition=Ready")


def started(lines: list[str], pod: str) -> list[str]:
    return [line for line in lines if line.startswith(pod) and STARTED in line]
