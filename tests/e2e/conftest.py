"""A whole platform as its users start it, and an origin on loopback, for tests that look at it from outside."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from loadtests.local import LocalPlatform
from loadtests.origin import Origin, make_clip
from tests.e2e.visitor import Client, write_platform


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)
            item.add_marker(pytest.mark.timeout(240))


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="rpe"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="module")
def origin() -> Iterator[Origin]:
    with Origin() as server:
        yield server


@pytest.fixture(scope="module")
def clip(folder: Path) -> Path:
    return make_clip(folder / "clip.mp4", seconds=4)


@pytest.fixture(scope="module")
def platform(folder: Path) -> Iterator[LocalPlatform]:
    """One platform for the tests of a module that do not break it."""
    file = write_platform(folder / "platform.yaml", "e2e")
    with LocalPlatform([file], folder / "state", log=folder / "up.log") as running:
        yield running


@pytest.fixture
def client(platform: LocalPlatform) -> Client:
    return Client(platform.url)
