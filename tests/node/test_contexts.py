"""A build's context holds the wheels that the image's Python asks for, not those of the Python that fetched them."""

from __future__ import annotations

from images.context import selected

_LOCK = """\
# made by uv
async-timeout==5.0.1 ; python_full_version < '3.11.3' \\
    --hash=sha256:aa \\
    --hash=sha256:bb
    # via redis
colorama==0.4.6 ; sys_platform == 'win32' \\
    --hash=sha256:cc
psycopg[binary]==3.3.9 \\
    --hash=sha256:dd
uvloop==0.23.0 ; sys_platform != 'win32' and platform_machine == 'aarch64' \\
    --hash=sha256:ee
"""


def test_markers_are_judged_for_the_python_of_the_image() -> None:
    assert "async-timeout==5.0.1" in selected(_LOCK, "3.11.2", "x86_64")
    assert "async-timeout" not in selected(_LOCK, "3.11.7", "x86_64")


def test_markers_are_judged_for_the_machine_of_the_image() -> None:
    assert "uvloop" in selected(_LOCK, "3.11.2", "aarch64")
    assert "uvloop" not in selected(_LOCK, "3.11.2", "x86_64")
    assert "colorama" not in selected(_LOCK, "3.11.2", "x86_64")


def test_every_requirement_keeps_its_hashes_and_loses_its_marker() -> None:
    lines = selected(_LOCK, "3.11.2", "x86_64").splitlines()

    assert lines == [
        "async-timeout==5.0.1 \\",
        "    --hash=sha256:aa \\",
        "    --hash=sha256:bb",
        "psycopg==3.3.9 \\",
        "    --hash=sha256:dd",
    ]
