"""A cluster for a whole pytest session: started with its progress shown, its logs kept when a test failed."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeVar

import pytest

from tests.testbed import toolchain

T = TypeVar("T")
Say = Callable[[str], None]


def say_to(request: pytest.FixtureRequest) -> Say:
    """Prints on the terminal, past pytest's capture: a first run builds for minutes and must not look hung."""
    manager = request.config.pluginmanager.getplugin("capturemanager")

    def say(line: str) -> None:
        with manager.global_and_fixture_disabled() if manager else contextlib.nullcontext():
            print(f"testbed: {line}", flush=True)

    return say


def until_the_end(
    request: pytest.FixtureRequest, what: str, start: Callable[[Path, Say], AbstractContextManager[T]]
) -> Iterator[T]:
    """Yield what ``start`` starts in a folder of its own; what it needs and this machine lacks is a stated skip."""
    say = say_to(request)
    folder = Path(tempfile.mkdtemp(prefix=f"rp-{what}-"))
    failed_before = request.session.testsfailed
    try:
        running = start(folder, say)
    except toolchain.Unavailable as missing:
        shutil.rmtree(folder, ignore_errors=True)
        pytest.skip(f"no test {what}: {missing}")
    with running as started:
        yield started
    if request.session.testsfailed > failed_before:
        say(f"the logs of the {what} are kept in {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)
