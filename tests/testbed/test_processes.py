"""Whatever happens to the program that started a test cluster, nothing of the cluster outlives it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from loadtests.local import eventually
from tests.testbed import warden
from tests.testbed.process import Bed, ProcessError
from tests.testbed.state import State

ROOT = Path(__file__).parents[2]
SLEEP = ["sleep", "600"]
# A daemon as containerd's shims are one: forked twice, in a session of its own, its parent gone.
DAEMON = ["sh", "-c", "setsid sh -c 'sleep 600 & sleep 600' & exec sleep 600"]
STUBBORN = ["sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"]


def living(folder: Path) -> list[psutil.Process]:
    """All processes whose working directory is a bed's folder: whatever it started, but not its warden."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.cwd() == str(folder) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def none_left(folder: Path) -> None:
    eventually(
        lambda: not living(folder) and not (folder / warden.RECORD).exists(),
        within=30,
        what="no process and no record is left",
    )


@pytest.fixture
def bed(tmp_path: Path) -> Iterator[Bed]:
    bed = Bed(tmp_path)
    yield bed
    bed.stop()


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another program that holds a bed with a plain process and a daemon, and then only waits."""
    code = f"""
    import sys, time
    from pathlib import Path
    from tests.testbed.process import Bed
    bed = Bed(Path(sys.argv[1]))
    bed.start("plain", {SLEEP!r})
    bed.start("daemon", {DAEMON!r})
    bed.run_at_end("touch", Path(sys.argv[1]) / "last")
    print("up", flush=True)
    time.sleep(600)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), str(tmp_path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    eventually(lambda: len(living(tmp_path)) >= 4, within=20, what="the daemon has left its parent")
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def record(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / warden.RECORD).read_text())
    return found


def test_stop_leaves_no_process_not_even_daemons_that_left_their_parent(bed: Bed) -> None:
    bed.start("daemon", DAEMON)
    eventually(lambda: len(living(bed.folder)) >= 4, within=20, what="the daemon runs")
    bed.stop()
    none_left(bed.folder)


def test_processes_end_in_the_reverse_order_of_their_start(bed: Bed) -> None:
    for name in ("first", "second"):
        said = f"echo {name} >> {bed.folder}/order; exit"
        bed.start(
            name, ["sh", "-c", f"trap '{said}' TERM; touch {name}; while :; do sleep 0.05; done"], patience=20
        )
        eventually((bed.folder / name).exists, within=20, what="the trap is set")
    bed.stop()
    assert (bed.folder / "order").read_text().split() == ["second", "first"]


def test_who_does_not_end_when_asked_is_killed(bed: Bed) -> None:
    bed.start("stubborn", STUBBORN, patience=0.5)
    bed.stop()
    none_left(bed.folder)


def test_kill_9_of_the_holder_leaves_nothing_and_the_last_commands_are_run(
    holder: subprocess.Popen[str], tmp_path: Path
) -> None:
    holder.send_signal(signal.SIGKILL)
    none_left(tmp_path)
    assert (tmp_path / "last").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
def test_kill_9_of_the_warden_ends_its_processes_and_down_does_the_rest(
    holder: subprocess.Popen[str], tmp_path: Path
) -> None:
    state = State(tmp_path)
    state.run.symlink_to(tmp_path, target_is_directory=True)
    known = record(tmp_path)
    os.kill(known["warden"]["pid"], signal.SIGKILL)
    plain, daemon = known["processes"]["plain"], known["processes"]["daemon"]
    eventually(
        lambda: not warden.is_alive(plain) and not warden.is_alive(daemon), within=20, what="both are gone"
    )
    assert state.sweep()
    assert (tmp_path / "last").exists()
    assert not (tmp_path / warden.RECORD).exists()
    for orphan in living(tmp_path):  # Of two kills at once no kernel keeps account: the test tidies up.
        orphan.kill()


def test_a_stranger_who_was_given_the_id_of_an_old_process_is_left_alone(tmp_path: Path) -> None:
    state = State(tmp_path)
    state.run.mkdir()
    with subprocess.Popen(SLEEP) as stranger:
        entry = {"pid": stranger.pid, "started": "1", "patience": 0, "argv": SLEEP}
        dead = {"pid": stranger.pid, "started": "2"}
        old = {"holder": dead, "warden": dead, "processes": {"old": entry}, "unmount": [], "at_end": []}
        (state.run / warden.RECORD).write_text(json.dumps(old))
        assert state.stop()
        assert stranger.poll() is None
        stranger.kill()


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Path]:
    """A folder on which something is mounted, below the test's own."""
    target = tmp_path / "a folder"
    target.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "none", target], capture_output=True, check=False).returncode:
        pytest.skip("mounting needs root")
    yield target
    subprocess.run(["umount", target], capture_output=True, check=False)


def test_what_a_process_left_mounted_is_unmounted_when_it_is_gone(bed: Bed, mounted: Path) -> None:
    bed.unmount_at_end(bed.folder)
    bed.start("busy", ["sh", "-c", f"cd '{mounted}' && exec sleep 600"])
    bed.stop()
    assert str(bed.folder) not in Path("/proc/mounts").read_text()


def test_a_process_that_does_not_start_is_named_with_the_end_of_its_log(bed: Bed) -> None:
    bed.start("broken", ["sh", "-c", "echo no such flag; exit 3"], is_ready=lambda: False)
    with pytest.raises(ProcessError, match=r"(?s)broken ended with 3 .*no such flag"):
        bed.wait_ready("broken")
    bed.start("absent", ["/nonexistent/program"], is_ready=lambda: False)
    with pytest.raises(ProcessError, match=r"(?s)absent ended with 127 .*No such file"):
        bed.wait_ready("absent")


def test_a_killed_process_starts_again_as_it_was_started(bed: Bed) -> None:
    bed.start("one", ["sh", "-c", "echo run >> runs; exec sleep 600"], is_ready=(bed.folder / "runs").exists)
    bed.wait_ready("one")
    bed.kill("one")
    assert bed.exit_code("one") == -signal.SIGKILL
    with pytest.raises(ProcessError, match="one ended with -9"):
        bed.check()
    bed.restart("one")
    eventually(lambda: (bed.folder / "runs").read_text() == "run\nrun\n", within=20, what="it ran twice")
    bed.check()


def test_a_process_outlives_the_thread_that_asked_for_it(bed: Bed) -> None:
    thread = threading.Thread(target=bed.start, args=("one", SLEEP))
    thread.start()
    thread.join()
    assert bed.exit_code("one") is None


def test_only_path_and_home_are_passed_on(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "x")
    bed.start("one", ["sh", "-c", "env > env.new; mv env.new env"], env={"GIVEN": "1"})
    eventually((bed.folder / "env").exists, within=20, what="it has run")
    names = {line.partition("=")[0] for line in (bed.folder / "env").read_text().splitlines()}
    assert names - {"PWD", "OLDPWD", "SHLVL", "_"} == {"PATH", "HOME", "GIVEN"}
