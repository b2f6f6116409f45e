"""What the local runtime promises about its processes, with real processes and a real supervisor."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from reelplane_cli.local.identity import ProcessId, start_mark, stop_leftovers


def served_by(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url, timeout=60) as answer:
        body: dict[str, Any] = json.load(answer)
        return body


def test_a_killed_process_comes_back_at_its_own_address_and_the_others_stay(platforms, wait_until):
    platform = platforms()
    platform.start([platform.workload("api", replicas=2), platform.workload("worker", after=["api"])])
    before = platform.ready("api-0", "api-1", "worker-0")
    os.kill(before["api-0"]["pid"], signal.SIGKILL)
    wait_until(lambda: platform.processes()["api-0"]["restarts"] == 1, what="restarted")
    after = platform.ready("api-0", "api-1", "worker-0")
    assert after["api-0"]["pid"] != before["api-0"]["pid"]
    assert after["api-0"]["address"] == before["api-0"]["address"]
    assert after["api-0"]["lastExit"] == "killed by SIGKILL"
    assert served_by(after["api-0"]["address"])["pid"] == after["api-0"]["pid"]
    assert after["api-1"] == before["api-1"]


def test_a_client_that_comes_while_the_only_api_process_restarts_waits_and_is_served(platforms):
    platform = platforms()
    platform.start([platform.workload("api")])
    pid = platform.ready("api-0")["api-0"]["pid"]
    os.kill(pid, signal.SIGKILL)
    assert served_by(platform.record()["url"])["pid"] != pid


def test_a_process_that_keeps_dying_is_started_less_and_less_often(platforms, wait_until):
    platform = platforms()
    platform.start([platform.workload("api"), platform.workload("worker", "--die", after=["api"])])
    wait_until(
        lambda: len([e for e in platform.journal("born") if e["instance"] == "worker-0"]) >= 5,
        what="5 starts",
    )
    born = [entry["at"] for entry in platform.journal("born") if entry["instance"] == "worker-0"]
    # The fourth pause is at least 0.8 s, whatever the jitter; the first is at most 0.2 s.
    assert born[4] - born[3] > 0.8
    assert platform.record()["state"] == "ready", "a worker that dies does not take the platform down"


def test_a_platform_that_cannot_start_says_why_in_the_words_of_the_process_and_leaves_nothing(
    platforms, is_alive
):
    platform = platforms()
    process = platform.start([platform.workload("worker", name="store"), platform.workload("api", "--die")])
    assert process.wait(60) == 1
    assert "api-0 cannot start: it exited with 1" in platform.said()
    assert "the moon is in the wrong house" in platform.said()
    assert platform.record()["state"] == "failed"
    assert not any(is_alive(entry["pid"]) for entry in platform.journal("born"))


def test_draining_goes_workers_then_api_then_stores_each_when_the_one_before_is_gone(platforms):
    platform = platforms()
    stages = [("store", 2), ("api", 1), ("worker", 0)]
    platform.start(
        [platform.workload("worker", "--drain", "0.3", name=name, drain_stage=n) for name, n in stages]
    )
    platform.ready("store-0", "api-0", "worker-0")
    assert platform.stop() == 0
    told = platform.journal("asked") + platform.journal("gone")
    at = {(each["instance"], each["event"]): each["at"] for each in told}
    assert at["worker-0", "gone"] < at["api-0", "asked"]
    assert at["api-0", "gone"] < at["store-0", "asked"]
    assert platform.record()["state"] == "stopped"


def test_running_work_is_given_its_time_when_drained_once(platforms):
    platform = platforms()
    platform.start([platform.workload("api", drain_stage=1), platform.workload("worker", "--drain", "2")])
    platform.ready("api-0", "worker-0")
    assert platform.stop(signal.SIGINT) == 0
    assert {entry["instance"] for entry in platform.journal("gone")} == {"api-0", "worker-0"}


def test_a_second_request_hurries_and_still_leaves_nothing(platforms, wait_until, is_alive):
    platform = platforms()
    platform.start(
        [platform.workload("api", drain_stage=1), platform.workload("worker", "--drain", "300", grace=300)]
    )
    before = platform.ready("api-0", "worker-0")
    platform.process.send_signal(signal.SIGINT)
    wait_until(lambda: platform.journal("asked"), what="the worker was asked")
    assert platform.stop(signal.SIGINT) == 0
    assert not any(is_alive(process["pid"]) for process in before.values())


def test_a_worker_that_does_not_stop_in_its_grace_is_killed(platforms):
    platform = platforms()
    platform.start(
        [platform.workload("worker", "--drain", "300", grace=1), platform.workload("api", drain_stage=1)]
    )
    platform.ready("api-0", "worker-0")
    assert platform.stop() == 0
    assert [entry["instance"] for entry in platform.journal("gone")] == ["api-0"]


@pytest.mark.skipif(
    sys.platform != "linux", reason="the kernel ends children with their parent on Linux only"
)
def test_a_killed_supervisor_leaves_no_process_behind(platforms, wait_until, is_alive):
    platform = platforms()
    platform.start(["valkey", platform.workload("api", replicas=2), platform.workload("worker")])
    before = platform.ready("valkey", "api-0", "api-1", "worker-0")
    platform.process.kill()
    platform.process.wait()
    wait_until(lambda: not any(is_alive(each["pid"]) for each in before.values()), what="all gone")


def test_what_a_dead_process_left_in_its_group_is_ended_with_it(platforms, wait_until, is_alive):
    platform = platforms()
    platform.start([platform.workload("api", "--litter")])
    platform.ready("api-0")
    (litter,) = [int(event.split()[1]) for event in platform.events() if event.startswith("litter")]
    assert is_alive(litter)
    os.kill(platform.processes()["api-0"]["pid"], signal.SIGKILL)
    wait_until(lambda: not is_alive(litter), what="the litter is gone")


def test_the_next_start_ends_what_an_earlier_supervisor_left_behind(platforms, wait_until):
    platform = platforms()
    platform.start([platform.workload("api")])
    platform.ready("api-0")
    assert platform.stop() == 0
    orphan = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    try:
        path = platform.folder / "supervisor.json"
        record = json.loads(path.read_text())
        process = dict.fromkeys(("address", "lastExit")) | {"name": "api-0", "group": "api", "role": "api"}
        process |= {"pid": orphan.pid, "started": start_mark(orphan.pid), "state": "ready", "restarts": 0}
        path.write_text(json.dumps(record | {"processes": [process | {"since": 0.0, "fingerprint": ""}]}))
        platform.start([platform.workload("api")])
        assert orphan.wait(60) == -signal.SIGTERM
        wait_until(lambda: f"left behind: {orphan.pid}" in platform.said(), what="it says what it stopped")
        wait_until(lambda: len(platform.journal("born")) == 2, what="then it started")
    finally:
        orphan.kill()
        orphan.wait()


def test_a_stranger_who_was_given_the_id_of_a_dead_process_is_left_alone():
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        assert (
            stop_leftovers(
                [ProcessId(stranger.pid, "another start"), ProcessId(stranger.pid, "")], patience=1
            )
            == []
        )
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_second_up_of_the_same_platform_is_refused_and_told_who_runs_it(platforms):
    first, second = platforms(), platforms()
    first.start([first.workload("api")])
    first.ready("api-0")
    assert second.start([second.workload("api")]).wait(60) == 4
    assert f"pid {first.process.pid}" in second.said()
    assert str(first.folder) in second.said()
    assert first.states() == {"api-0": "ready"}


def test_two_platforms_run_on_one_machine_and_the_second_takes_the_next_free_port(platforms):
    first, second = platforms("reels"), platforms("clips")
    first.start([first.workload("api")])
    first.ready("api-0")
    port = int(first.record()["url"].rpartition(":")[2])
    second.start([second.workload("api")], port=port)
    second.ready("api-0")
    assert f"port {port} is taken" in second.said()
    assert second.record()["url"] != first.record()["url"]
    pids = {served_by(each.record()["url"])["pid"] for each in (first, second)}
    assert pids == {each.processes()["api-0"]["pid"] for each in (first, second)}


def test_a_port_in_use_by_a_stranger_is_stepped_over(platforms):
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        platform = platforms()
        platform.start([platform.workload("api")], port=port)
        platform.ready("api-0")
        assert f"port {port} is taken by another program: using" in platform.said()


def test_workers_follow_the_backlog_and_only_idle_ones_are_taken(platforms, wait_until):
    platform = platforms()
    platform.report(20, {"worker-0": 0})
    rule = {"minimum": 1, "maximum": 4, "queue_length_per_worker": 5, "stabilisation": 1}
    platform.start([platform.workload("api"), platform.workload("worker", "--drain", "0.2", rule=rule)])
    platform.ready("api-0", "worker-0", "worker-1", "worker-2", "worker-3")
    platform.report(
        0, {"worker-0-77-ab": 0, "worker-1-78-cd": 2, "worker-2": 0, "worker-3": 0, "worker-11-9-f": 1}
    )
    platform.ready("api-0", "worker-1")
    assert {entry["instance"] for entry in platform.journal("asked")} == {"worker-0", "worker-2", "worker-3"}
    platform.report(6, {"worker-1": 2})
    platform.ready("api-0", "worker-0", "worker-1")


def test_workers_may_go_to_none_and_come_back_with_the_first_job(platforms):
    platform = platforms()
    platform.report(0, {})
    rule = {"minimum": 0, "maximum": 2, "queue_length_per_worker": 5, "stabilisation": 1}
    platform.start([platform.workload("api"), platform.workload("worker", rule=rule, replicas=0)])
    platform.ready("api-0")
    platform.report(1, {})
    platform.ready("api-0", "worker-0")
    platform.report(0, {"worker-0": 0})
    platform.ready("api-0")


def test_the_embedded_valkey_keeps_what_has_no_time_to_live_and_is_reached_by_its_owner_only(platforms):
    platform = platforms()
    platform.start(["valkey", platform.workload("api", after=["valkey"])])
    platform.ready("valkey", "api-0")
    path = platform.folder / "run" / "valkey.sock"
    assert path.parent.stat().st_mode & 0o077 == 0
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(str(path))
        client.sendall(b"CONFIG GET maxmemory-policy\r\nCONFIG GET appendonly\r\nSET kept forever\r\n")
        said = b""
        while not said.endswith(b"+OK\r\n"):
            said += client.recv(4096)
    assert b"volatile-lfu" in said
    assert b"appendonly\r\n$3\r\nyes" in said
    assert platform.stop() == 0
    platform.start(["valkey", platform.workload("api", after=["valkey"])])
    platform.ready("valkey", "api-0")
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(str(path))
        client.sendall(b"GET kept\r\n")
        assert b"forever" in client.recv(4096)


def test_documents_secrets_and_record_are_private_and_the_signing_key_outlives_a_restart(platforms):
    platform = platforms()
    keys = []
    for _ in range(2):
        platform.start([platform.workload("api")])
        platform.ready("api-0")
        keys.append((platform.folder / "secrets" / "signing-key").read_text())
        assert platform.stop() == 0
    assert keys[0] == keys[1]
    assert len(bytes.fromhex(keys[0])) == 32
    private = [
        platform.folder / "supervisor.json",
        *platform.folder.glob("secrets/*"),
        *platform.folder.glob("logs/*"),
    ]
    assert len(private) >= 3
    assert all(path.stat().st_mode & 0o077 == 0 for path in private)


def test_a_state_folder_with_a_long_path_still_gets_its_sockets(platforms, tmp_path):
    platform = platforms()
    platform.state = tmp_path / ("long" * 25)
    platform.folder = platform.state / platform.name
    platform.start(["valkey", platform.workload("api")])
    platform.ready("valkey", "api-0")
    assert not (platform.folder / "run").exists()


def test_every_line_of_every_process_is_shown_under_its_name_and_kept_in_its_file(platforms):
    platform = platforms()
    platform.start([platform.workload("api", replicas=2)])
    platform.ready("api-0", "api-1")
    assert platform.stop() == 0
    for name in ("api-0", "api-1"):
        assert f"{name} │ hello from {name}" in platform.said()
        assert Path(platform.folder / "logs" / f"{name}.log").read_text().startswith(f"hello from {name}\n")
