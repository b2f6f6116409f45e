"""Rendered installs: by kubectl's kustomize and by Helm, both the real programs."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.testbed.toolchain import Unavailable, program

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "operator/deploy"

Objects = list[dict[str, Any]]


def _run(*command: str | Path) -> str:
    done = subprocess.run([str(each) for each in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _need(command: str) -> Path:
    try:
        return program(command)
    except Unavailable as why:
        pytest.skip(str(why))


@pytest.fixture(scope="session")
def kustomize() -> Callable[[str], Objects]:
    """``kustomize("cluster")``: the objects of that base."""
    kubectl = _need("kubectl")
    return lambda folder: list(yaml.safe_load_all(_run(kubectl, "kustomize", DEPLOY / folder)))


@pytest.fixture(scope="session")
def helm() -> Callable[..., str]:
    """``helm("template", …)``: what the command prints; it must succeed."""
    binary = _need("helm")
    return lambda *arguments: _run(binary, *arguments)


@pytest.fixture(scope="session")
def template(helm: Callable[..., str]) -> Callable[..., Objects]:
    """``template("--set", "replicas=3")``: the chart's objects."""

    def render(*arguments: str) -> Objects:
        text = helm("template", "r", str(DEPLOY / "chart"), "--namespace", "reelplane-system", *arguments)
        return [each for each in yaml.safe_load_all(text) if each]

    return render
