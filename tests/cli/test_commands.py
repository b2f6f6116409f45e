"""What a person sees of the commands: help, exit codes, and errors with a way out instead of tracebacks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from zipfile import ZipFile

import pytest
import yaml

Run = Callable[..., subprocess.CompletedProcess[str]]

GOOD = """
apiVersion: reelplane.io/v1alpha1
kind: VideoPlatform
metadata: {name: reels}
spec: {}
---
apiVersion: reelplane.io/v1alpha1
kind: VideoPipeline
metadata: {name: shorts}
spec:
  platform: reels
"""


@pytest.fixture
def reelplane(tmp_path: Path) -> Run:
    def run(*words: str, **files: str) -> subprocess.CompletedProcess[str]:
        for name, text in files.items():
            (tmp_path / f"{name}.yaml").write_text(text)
        result = subprocess.run(
            [sys.executable, "-m", "reelplane_cli.main", *words],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert "Traceback" not in result.stderr
        return result

    return run


def test_help_names_every_command_and_every_exit_code(reelplane):
    said = reelplane("--help").stdout
    assert all(word in said for word in ("up", "plan", "render", "status", "down", "extractor"))
    assert "2 wrong usage" in " ".join(said.split())


def test_an_invalid_file_is_refused_with_file_line_field_and_what_would_be_right(reelplane):
    wrong = GOOD.replace("platform: reels", "platform: reels\n  sources: {url: {maxDuration: 10 minutes}}")
    result = reelplane("up", "-f", "a.yaml", a=wrong)
    assert result.returncode == 2
    assert "a.yaml:12" in result.stderr
    assert "spec.sources.url.maxDuration" in result.stderr


def test_a_problem_of_the_plan_is_placed_at_its_file_and_line(reelplane):
    result = reelplane("plan", "-f", "a.yaml", a=GOOD.replace("platform: reels", "platform: rails"))
    assert result.returncode == 2
    assert (
        "a.yaml:11: VideoPipeline/shorts spec.platform: VideoPlatform 'rails' does not exist" in result.stderr
    )
    assert "declared are: reels" in result.stderr


def test_a_file_that_is_not_there_is_said(reelplane):
    result = reelplane("plan", "-f", "nowhere.yaml")
    assert result.returncode == 2
    assert "nowhere.yaml" in result.stderr


def test_dry_run_and_render_print_the_same_processes_and_start_nothing(reelplane, tmp_path):
    dry = reelplane("up", "-f", "a.yaml", "--dry-run", a=GOOD)
    rendered = reelplane("render", "-f", "a.yaml", "-o", "json", a=GOOD)
    assert yaml.safe_load(dry.stdout) == json.loads(rendered.stdout)
    assert [each["name"] for each in json.loads(rendered.stdout)] == ["valkey", "api", "worker"]
    assert not (tmp_path / ".reelplane").exists()


def test_render_to_manifests_runs_a_laptops_stores_as_servers_and_names_the_secrets_to_make(reelplane):
    result = reelplane("render", "-f", "a.yaml", "--to", "manifests", a=GOOD)
    assert result.returncode == 0
    names = {f"{each['kind']}/{each['metadata']['name']}" for each in yaml.safe_load_all(result.stdout)}
    assert {"StatefulSet/reels-database", "StatefulSet/reels-objects"} <= names
    assert "Secret/reels-signing-key" not in names
    assert (
        "# Secret reels-signing-key is not part of this: make it once, with 32 random bytes" in result.stdout
    )


def test_render_to_manifests_prints_objects_that_kubectl_takes(reelplane):
    spec = "database: {postgres: {urlFrom: {secret: db, key: url}}}, objects: {s3: {bucket: reels, region: us-west-2}}"
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\nstringData: {url: 'postgresql://a:b@h/d'}\n"
    text = GOOD.replace("spec: {}", f"spec: {{{spec}}}")
    result = reelplane("render", "-f", "a.yaml", "-f", "b.yaml", "--to", "manifests", a=text, b=secret)
    assert result.returncode == 0
    assert {"Deployment", "ConfigMap", "Service"} <= {
        each["kind"] for each in yaml.safe_load_all(result.stdout)
    }


def test_status_and_down_of_nothing_exit_with_3_and_say_how_to_start(reelplane):
    for command in ("status", "down"):
        result = reelplane(command)
        assert result.returncode == 3
        assert "no platform runs" in result.stderr
        assert "reelplane up" in result.stderr


def test_up_without_an_extractor_says_how_to_get_one(reelplane):
    result = reelplane("up", "-f", "a.yaml", "--extractor", "nowhere", a=GOOD)
    assert result.returncode == 1
    assert "reelplane extractor install" in result.stderr


def test_status_shows_url_processes_queue_workers_and_hit_rate_and_down_drains(reelplane, platforms):
    platform = platforms()
    platform.start(
        [platform.workload("api", replicas=2, drain_stage=1), platform.workload("worker", after=["api"])]
    )
    before = platform.ready("api-0", "api-1", "worker-0")
    screen = reelplane("status", "--state", str(platform.state)).stdout
    assert platform.record()["url"] in screen
    for name, process in before.items():
        assert any(
            name in line and str(process["pid"]) in line and "ready" in line for line in screen.splitlines()
        )
    assert "3 waiting, 2 running, 1 backing off" in screen
    assert "1 alive, 1 of 2 places busy" in screen
    assert "90.0 %" in screen
    (found,) = json.loads(reelplane("status", "--state", str(platform.state), "-o", "json").stdout)
    assert found["live"]["queue"]["waiting"] == 3
    assert {each["name"] for each in found["processes"]} == set(before)
    assert reelplane("down", "--state", str(platform.state)).stdout == "reels is down\n"
    assert platform.process.wait(60) == 0
    assert reelplane("status", "--state", str(platform.state)).returncode == 3


def test_plan_tells_a_running_platform_from_a_changed_file(reelplane, platforms):
    platform = platforms()
    platform.start(["valkey", platform.workload("api", replicas=2), platform.workload("worker")])
    platform.ready("valkey", "api-0", "api-1", "worker-0")
    said = reelplane(
        "plan", "-f", str(platform.file), "--state", str(platform.state), "--extractor", "/x"
    ).stdout
    # The stand-ins are not what the file asks for; the real Valkey is.
    assert "valkey" not in said
    assert "~ api      2 processes" in said
    assert "0 to start, 2 to restart, 0 to stop." in said


@pytest.fixture
def packages(tmp_path: Path) -> Callable[[str, str], dict[str, str]]:
    """``packages(version, code)``: environment in which pip finds that yt-dlp, and empty helpers, in a folder only."""

    def wheel(folder: Path, name: str, version: str, files: dict[str, str]) -> None:
        plain = name.replace("-", "_")
        info = f"{plain}-{version}.dist-info"
        with ZipFile(folder / f"{plain}-{version}-py3-none-any.whl", "w") as archive:
            for path, text in files.items():
                archive.writestr(path, text)
            archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
            archive.writestr(
                f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            )
            archive.writestr(f"{info}/RECORD", "")

    def make(version: str, code: str) -> dict[str, str]:
        folder = tmp_path / f"wheels-{version}"
        folder.mkdir()
        wheel(
            folder,
            "yt-dlp",
            version,
            {"yt_dlp/__init__.py": code, "yt_dlp/version.py": f"__version__ = {version!r}"},
        )
        for line in metadata.requires("reelplane") or ():
            name = line.partition(";")[0].partition(">")[0].strip()
            if "extractor" in line.partition(";")[2] and name != "yt-dlp":
                wheel(folder, name, "9999", {})
        return {**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder)}

    return make


def test_the_extractor_is_renewed_alone_and_a_broken_one_never_replaces_a_working_one(packages, tmp_path):
    folder = tmp_path / "extractor"

    def extractor(*words: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
        command = [
            sys.executable,
            "-m",
            "reelplane_cli.main",
            "extractor",
            *words,
            "--extractor",
            str(folder),
        ]
        return subprocess.run(command, capture_output=True, text=True, check=False, env=env, timeout=120)

    (folder / "yt_dlp").mkdir(parents=True)
    (folder / "yt_dlp" / "mark").write_text("the one before")
    newer = packages("2026.1.1", "")
    assert extractor("install", "latest", env=newer).stdout.startswith("yt-dlp 2026.1.1 is in")
    assert (tmp_path / "extractor.previous" / "yt_dlp" / "mark").exists()
    half = packages("2026.2.2", "raise RuntimeError('half a release')")
    broken = extractor("install", "2026.2.2", env=half)
    assert broken.returncode == 1
    assert "half a release" in broken.stderr
    assert "yt-dlp 2026.1.1" in extractor("list", env=newer).stdout
    assert [each.name for each in tmp_path.glob(".extractor-*")] == [], "no half-installed folder stays"


def test_a_word_that_is_no_version_is_refused_before_anything_is_fetched(reelplane):
    result = reelplane("extractor", "install", "git+https://example.com/x", "--extractor", "e")
    assert result.returncode == 1
    assert "is not a yt-dlp version" in result.stderr
