"""yt-dlp is told only what is on the list, and understands all of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from reelplane_workloads.download import options
from reelplane_workloads.download.protocol import Job, Limits, Tuning

EXTRACTOR = Path(sys.prefix) / "extractor"
LIMITS = Limits(max_size=10**6, max_duration=60, max_height=1080, playlist_items=7)
TUNING = Tuning(
    concurrent_fragments=4,
    http_chunk_size=10 * 2**20,
    buffer_size=16 * 2**10,
    retries=3,
    fragment_retries=3,
    socket_timeout=20,
    impersonate=True,
)


def build(job: Job | None = None, **changes: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "folder": Path("/jobs/f1"),
        "proxy": "http://job:token@127.0.0.1:1",
        "deno": Path("/x/deno"),
        "cookies": "# Netscape HTTP Cookie File\n",
        "logger": object(),
        "on_progress": print,
        **changes,
    }
    return options.build(job or Job(kind="download"), LIMITS, TUNING, **given)


JOBS = [
    Job(kind="download"),
    Job(kind="download", format="audio", max_height=360),
    Job(kind="download", playlist=True),
    Job(kind="download", playlist=True, item=3),
    Job(kind="info"),
]


@pytest.mark.parametrize("job", JOBS)
@pytest.mark.parametrize("impersonate", [False, True])
def test_no_option_outside_the_list_is_ever_passed(job: Job, impersonate: bool) -> None:
    assert set(build(job, impersonate=impersonate)) <= options.ALLOWED


def test_the_list_holds_nothing_that_is_not_used() -> None:
    used = {
        key for job in JOBS for impersonate in (False, True) for key in build(job, impersonate=impersonate)
    }
    assert used == options.ALLOWED


def test_every_option_is_known_to_the_installed_extractor() -> None:
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import yt_dlp.downloader.fragment as f, yt_dlp.downloader.common as c\n"
        "print(__import__('yt_dlp').YoutubeDL.__doc__, c.FileDownloader.__doc__, f.FragmentFD.__doc__)"
    )
    documented = subprocess.run(
        [sys.executable, "-I", "-c", script, str(EXTRACTOR)], capture_output=True, text=True, check=True
    ).stdout
    unknown = {key for key in options.ALLOWED if key not in documented}
    assert not unknown


def test_nothing_that_runs_programs_or_reads_the_users_files_is_on_the_list() -> None:
    dangerous = (
        "exec",
        "netrc",
        "cookiesfrombrowser",
        "postprocessors",
        "client_certificate",
        "plugin",
        "writ",
    )
    assert not [key for key in options.ALLOWED if any(key.startswith(word) for word in dangerous)]
    assert build()["remote_components"] == []
    assert build()["enable_file_urls"] is False
    assert build()["external_downloader"] == {"default": "native"}


def test_the_documents_figures_are_the_default() -> None:
    built = build()
    assert built["concurrent_fragment_downloads"] == 4
    assert built["http_chunk_size"] == 10 * 2**20
    assert built["buffersize"] == 16 * 2**10
    assert (built["retries"], built["fragment_retries"]) == (3, 3)


def test_a_job_can_lower_the_height_and_never_raise_it() -> None:
    assert build(Job(kind="download", max_height=360))["format_sort"][0] == "res:360"
    assert build(Job(kind="download", max_height=4320))["format_sort"][0] == "res:1080"


def test_playlists_are_listed_only_when_asked_and_only_so_far() -> None:
    assert build()["noplaylist"] is True
    asked = build(Job(kind="download", playlist=True))
    assert (asked["noplaylist"], asked["playlist_items"], asked["extract_flat"]) == (
        False,
        "1:7",
        "in_playlist",
    )
    one = build(Job(kind="download", playlist=True, item=3))
    assert (one["playlist_items"], one["extract_flat"]) == ("3", False)
