"""Promises of the runner: a platform that keeps its word passes, one that breaks it fails, and both get their page."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
VIDEOS = [f"http://site.example/v{number}.mp4" for number in range(40)]


def load(
    scenario: str, host: str, output: Path, *, users: int = 6, seconds: float = 2, more: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    argv = [
        sys.executable,
        "-m",
        "loadtests.run",
        "--scenario",
        scenario,
        "--host",
        host,
        "--output",
        str(output),
    ]
    argv += ["--users", str(users), "--minutes", str(seconds / 60)]
    # How fast a busy machine is proves nothing.
    argv += ["--objective", "p99_ms=60000", "--objective", "job_p95_s=60"]
    argv += [part for url in VIDEOS for part in ("--video", url)]
    return subprocess.run([*argv, *more], cwd=ROOT, capture_output=True, text=True, timeout=90, check=False)


def test_a_platform_that_keeps_its_word_passes(contract: Any, tmp_path: Path) -> None:
    done = load("mixed", contract[1], tmp_path / "page.html")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PASS  error_rate" in done.stdout
    assert "----  extractions" in done.stdout
    assert "FAIL" not in done.stdout
    assert 'class="badge pass"' in (tmp_path / "page.html").read_text()


def test_the_viral_reel_is_one_video_for_many_people(contract: Any, tmp_path: Path) -> None:
    knobs, host = contract
    done = load("viral", host, tmp_path / "page.html", users=20)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(knobs.asked) == 20
    assert {url for urls in knobs.asked.values() for url in urls} == {VIDEOS[0]}


def test_a_downloader_brings_something_new_each_time(contract: Any, tmp_path: Path) -> None:
    knobs, host = contract
    load("downloads", host, tmp_path / "page.html", users=4)
    asked = [url for urls in knobs.asked.values() for url in urls]
    assert len(knobs.asked) >= 2
    assert len(asked) == len(set(asked))


@pytest.mark.parametrize(
    ("knob", "value", "said"),
    [
        ("fail_every", 10, "503 unavailable"),
        ("fail_jobs", True, "failed: origin_not_found"),
        ("cut_media", True, "206 with"),
    ],
)
def test_a_platform_that_breaks_its_word_fails(
    knob: str, value: Any, said: str, contract: Any, tmp_path: Path
) -> None:
    knobs, host = contract
    setattr(knobs, knob, value)
    done = load("viral", host, tmp_path / "page.html")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "FAIL  error_rate" in done.stdout
    assert said in done.stdout
    assert said in (tmp_path / "page.html").read_text()


def test_a_platform_that_cannot_bring_in_what_viewers_watch_is_no_test(contract: Any, tmp_path: Path) -> None:
    knobs, host = contract
    knobs.fail_jobs = True
    done = load("viewers", host, tmp_path / "page.html")
    assert done.returncode == 2
    assert "origin_not_found" in done.stderr
    assert not (tmp_path / "page.html").exists()


def test_an_objective_of_ones_own_takes_the_place_of_the_scenarios(contract: Any, tmp_path: Path) -> None:
    done = load("viral", contract[1], tmp_path / "page.html", more=["--objective", "rps=1e9"])
    assert done.returncode == 1
    assert "FAIL  rps" in done.stdout
    assert "at most 6e+04 ms" in done.stdout


@pytest.mark.parametrize("text", ["p98_ms=5", "p99_ms=fast", "p99_ms"])
def test_an_objective_that_is_none_is_refused_at_once(text: str, tmp_path: Path) -> None:
    done = load("viral", "http://127.0.0.1:9", tmp_path / "page.html", more=["--objective", text])
    assert done.returncode == 2
    assert "argument --objective" in done.stderr


def test_a_platform_that_nobody_reaches_fails(tmp_path: Path) -> None:
    done = load("viral", "http://127.0.0.1:9", tmp_path / "page.html", users=2, seconds=2)
    assert done.returncode == 1
    assert "FAIL  error_rate" in done.stdout


def test_a_remote_platform_needs_videos_named() -> None:
    argv = [sys.executable, "-m", "loadtests.run", "--host", "http://127.0.0.1:9"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "--video" in done.stderr
