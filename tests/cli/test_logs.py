"""Lines of the processes: none lost, none that stops the supervisor, and files that stay bounded."""

from __future__ import annotations

import io
import os
import threading

from hypothesis import given
from hypothesis import strategies as st

from reelplane_cli.local.backoff import Backoff
from reelplane_cli.local.logs import Console, LineSplitter, LogFile


@given(
    st.lists(st.text(st.characters(exclude_characters="\r\n", exclude_categories=("Cs",)))),
    st.integers(1, 50),
)
def test_lines_come_out_whole_however_the_pipe_cuts_them(lines, size):
    data = "".join(f"{line}\n" for line in lines).encode()
    splitter = LineSplitter()
    came = [line for start in range(0, len(data), size) for line in splitter.feed(data[start : start + size])]
    assert came + splitter.flush() == lines


def test_a_line_without_end_is_broken_instead_of_filling_the_memory():
    splitter = LineSplitter(limit=100)
    assert splitter.feed(b"x" * 101) == ["x" * 101]
    assert splitter.feed(b"y\n") == ["y"]


def test_log_files_turn_at_their_limit_keep_a_few_and_hold_no_colours(tmp_path):
    log = LogFile(tmp_path / "api-0.log", limit=100, keep=2)
    for number in range(60):
        log.line(f"\x1b[32mline {number}\x1b[0m")
    log.close()
    kept = sorted(path.name for path in tmp_path.iterdir())
    assert kept == ["api-0.log", "api-0.log.1", "api-0.log.2"]
    assert all(path.stat().st_size <= 120 for path in tmp_path.iterdir())
    assert "\x1b" not in (tmp_path / "api-0.log.1").read_text()
    assert (tmp_path / "api-0.log").read_text().splitlines()[-1:] in (["line 59"], [])


def test_a_terminal_that_is_held_never_holds_the_supervisor():
    reading, writing = os.pipe()
    held = os.fdopen(writing, "w")
    console = Console(held, colour=False)
    done = threading.Thread(target=lambda: [console.line("api-0", "x" * 200) for _ in range(20_000)])
    done.start()
    done.join(30)
    assert not done.is_alive()
    os.close(reading)


def test_names_are_aligned_and_coloured_only_when_asked():
    stream = io.StringIO()
    console = Console(stream, colour=False, width=8)
    console.line("api-0", "hello")
    console.line("worker-0", "hello")
    console.close()
    assert stream.getvalue() == "api-0    │ hello\nworker-0 │ hello\n"


@given(st.lists(st.floats(0, 100), max_size=40), st.floats(0, 0.999))
def test_back_off_grows_to_its_cap_and_starts_over_after_a_stable_run(runs, jitter):
    backoff, failures = Backoff(first=0.2, cap=30, stable=10), 0
    for ran_for in runs:
        failures = backoff.failures(failures, ran_for=ran_for)
        assert failures >= 1
        assert ran_for < 10 or failures == 1
        full = min(30, 0.2 * 2 ** (failures - 1))
        assert full / 2 <= backoff.delay(failures, jitter) <= full
