"""Programs are taken from where a person has them, else built once; what cannot be had says what would help."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.testbed import toolchain

ROOT = Path(__file__).parents[2]
SMALL = "kubeconform"
"""The part that builds fastest."""


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    # Only the programs' place moves: what Go has compiled and downloaded is kept where it was.
    if go := shutil.which("go"):
        for name in ("GOCACHE", "GOMODCACHE"):
            asked = subprocess.run([go, "env", name], capture_output=True, text=True, check=True)
            monkeypatch.setenv(name, asked.stdout.strip())
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    return toolchain.cache()


def test_given_programs_come_first(
    empty_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assets = tmp_path / "assets"
    assets.mkdir()
    (assets / "etcd").touch()
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(assets))
    assert toolchain.program("etcd") == assets / "etcd"


def test_without_go_the_reason_names_the_program_and_what_would_help(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(toolchain.Unavailable, match=r"kube-apiserver .* no 'go' .*KUBEBUILDER_ASSETS"):
        toolchain.program("kube-apiserver")
    with pytest.raises(toolchain.Unavailable, match=r"sigs.k8s.io/kwok .* no 'go'"):
        toolchain.source("kwok")
    assert not empty_cache.exists()


@pytest.mark.cluster
@pytest.mark.skipif(shutil.which("go") is None, reason="the Go toolchain is not installed")
@pytest.mark.timeout(600)
def test_two_who_want_the_same_program_build_it_once_and_note_how_long_it_took(empty_cache: Path) -> None:
    part = toolchain.PARTS[[each.name for each in toolchain.PARTS].index(SMALL)]
    killed = toolchain.folder_of(part) / "work-of-a-killed-build"
    killed.mkdir(parents=True)
    command = [sys.executable, "-m", "tests.testbed.toolchain", SMALL]
    both = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=dict(os.environ))
        for _ in range(2)
    ]
    said = "".join(process.communicate()[0] for process in both)
    assert [process.returncode for process in both] == [0, 0], said
    assert said.count(f"built {SMALL}") == 1
    assert subprocess.run([toolchain.program(SMALL), "-v"], check=False).returncode == 0
    assert toolchain.build_seconds().keys() == {SMALL}
    assert sorted(path.name for path in toolchain.folder_of(part).iterdir()) == ["built.json", SMALL, "lock"]


def test_a_build_that_fails_says_what_go_said(empty_cache: Path) -> None:
    if shutil.which("go") is None:
        pytest.skip("the Go toolchain is not installed")
    wrong = toolchain.Part("sigs.k8s.io/kwok", "v0.0.0-not-a-version", {"kwok": "cmd/kwok"})
    with pytest.raises(toolchain.Unavailable, match=r"(?s)go mod download failed: .*v0.0.0-not-a-version"):
        toolchain.source(wrong)


def test_tests_that_need_a_cluster_are_skipped_with_that_reason(empty_cache: Path) -> None:
    """A pytest of its own, on a machine without Go: the skip is stated in its summary."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-rs",
        "-p",
        "no:cacheprovider",
        "tests/testbed/test_api_profile.py",
    ]
    environment = {"PATH": "/nonexistent", "HOME": str(empty_cache), "XDG_CACHE_HOME": str(empty_cache)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "no test cluster: etcd is built with the Go toolchain, and no 'go' is on the PATH" in done.stdout
    assert " passed" not in done.stdout
