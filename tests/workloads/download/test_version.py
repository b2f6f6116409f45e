"""A worker knows its extractor's version from the folder, without running a line of it."""

from __future__ import annotations

import sys
from pathlib import Path

from reelplane_workloads.download.version import extractor_version


def test_the_code_says_its_version_and_is_not_run(tmp_path: Path) -> None:
    (tmp_path / "yt_dlp").mkdir()
    (tmp_path / "yt_dlp-2025.01.01.dist-info").mkdir()
    assert extractor_version(tmp_path) == "2025.01.01"
    version = tmp_path / "yt_dlp" / "version.py"
    version.write_text("raise SystemExit\n__version__ = '2026.10.26.dev0'\nRELEASE = 'x'\n")
    assert extractor_version(tmp_path) == "2026.10.26.dev0"
    version.write_text("no version\n")
    assert extractor_version(tmp_path) == "2025.01.01"


def test_a_folder_without_an_extractor_has_no_version(tmp_path: Path) -> None:
    assert extractor_version(tmp_path) == ""
    assert extractor_version(tmp_path / "missing") == ""


def test_the_embedded_extractor_has_one() -> None:
    assert extractor_version(Path(sys.prefix) / "extractor")[:2] == "20"
