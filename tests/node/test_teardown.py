"""A killed test leaves nothing behind, and nodes that run side by side do not meet."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from loadtests.local import eventually
from tests.testbed import warden
from tests.testbed.node import images, machine
from tests.testbed.node.machine import Machine
from tests.testbed.process import Bed
from tests.testbed.toolchain import Unavailable

pytestmark = [pytest.mark.node, pytest.mark.timeout(600)]

_HOLDER = """
import json, sys, time
from pathlib import Path
from tests.node.conftest import pod
from tests.testbed.node.cluster import NodeCluster
from tests.testbed.node.images import SHELL
cluster = NodeCluster.start(folder=Path(sys.argv[1]), addons=())
cluster.import_image("shell")
volume = {"volumes": [{"name": "scratch", "emptyDir": {"medium": "Memory"}}]}
cluster.kubectl("create", "-f", "-", input=json.dumps(pod("left", SHELL, "sleep", "infinity", **volume)))
cluster.kubectl("wait", "pod/left", "--for=condition=Ready", "--timeout=90s")
print(json.dumps({"number": cluster.machine.number, "cgroup": cluster.machine.cgroup}), flush=True)
time.sleep(600)
"""


@pytest.fixture(autouse=True)
def able() -> None:
    try:
        machine.require()
    except Unavailable as missing:
        pytest.skip(f"no test node: {missing}")


def mentions(text: str) -> list[str]:
    """Processes whose command line names ``text``."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if text in command:
            found.append(command)
    return found


def test_a_killed_test_leaves_no_process_no_mount_no_interface_and_no_cgroup(tmp_path: Path) -> None:
    try:
        for image in ("pause", "shell"):
            images.archive(image)
    except Unavailable as missing:
        pytest.skip(f"no test node: {missing}")
    folder = tmp_path / "cluster"
    holder = subprocess.Popen([sys.executable, "-c", _HOLDER, folder], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        said = holder.stdout.readline()
        assert said, "the cluster did not start"
        told = json.loads(said)
        inside = f"rpnode{told['number']}"
        cgroups = list(Path("/sys/fs/cgroup").glob(f"**/{told['cgroup']}"))
        assert Path(f"/sys/class/net/{inside}").exists()
        assert cgroups
        assert mentions(str(folder))
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.wait()

    eventually(lambda: not mentions(str(folder)), within=60, what="no process of the cluster")
    eventually(
        lambda: not Path(f"/sys/class/net/{inside}").exists(), within=30, what="no interface of the node"
    )
    eventually(lambda: not any(map(Path.exists, cgroups)), within=30, what="no cgroup of the node")
    assert str(folder) not in Path("/proc/mounts").read_text()


def test_what_runs_in_a_machine_ends_even_when_its_warden_is_killed(tmp_path: Path) -> None:
    bed = Bed(tmp_path)
    try:
        made = Machine(bed, tmp_path / "machine")
        # It leaves its parent, its session and its group, as the shim of a container does.
        made.run("sh", "-c", "setsid --fork sleep 1234.5 >/dev/null 2>&1")
        assert mentions("sleep 1234.5")
        record = json.loads((tmp_path / warden.RECORD).read_text())
        os.kill(record["warden"]["pid"], signal.SIGKILL)
        eventually(lambda: not mentions("sleep 1234.5"), within=10, what="no process of the machine")
    finally:
        bed.stop()


def test_what_a_killed_warden_left_is_removed_by_the_next_start(tmp_path: Path) -> None:
    bed = Bed(tmp_path / "one")
    made = Machine(bed, tmp_path / "one/machine")
    record = json.loads((tmp_path / "one" / warden.RECORD).read_text())
    (cgroup, *_) = Path("/sys/fs/cgroup").glob(f"**/{made.cgroup}")
    pod_cgroup = cgroup / "kubepods"
    pod_cgroup.mkdir()
    os.kill(record["warden"]["pid"], signal.SIGKILL)
    bed.stop()
    eventually(
        lambda: not Path(f"/sys/class/net/rpnode{made.number}").exists(), within=30, what="no interface"
    )
    assert pod_cgroup.exists()

    bed = Bed(tmp_path / "two")
    try:
        again = Machine(bed, tmp_path / "two/machine")
        assert again.number == made.number
        assert not pod_cgroup.exists()
    finally:
        bed.stop()
    assert not pod_cgroup.parent.exists()


def test_two_machines_have_different_addresses(tmp_path: Path) -> None:
    beds = [Bed(tmp_path / "one"), Bed(tmp_path / "two")]
    try:
        one, two = (Machine(bed, bed.folder / "machine") for bed in beds)
        assert {one.host, one.address, one.pod_cidr}.isdisjoint({two.host, two.address, two.pod_cidr})
        beds[0].stop()
        beds[0] = Bed(tmp_path / "three")
        assert Machine(beds[0], tmp_path / "three/machine").number != two.number
    finally:
        for bed in beds:
            bed.stop()


def test_a_machine_changes_neither_mounts_nor_packet_filter_around(tmp_path: Path) -> None:
    def around() -> tuple[str, str]:
        rules = subprocess.run(["iptables-save"], capture_output=True, text=True, check=True).stdout
        return Path("/proc/self/mounts").read_text(), "".join(x for x in rules.splitlines() if x[:1] != "#")

    before = around()
    bed = Bed(tmp_path)
    try:
        made = Machine(bed, tmp_path / "machine")
        made.run("iptables", "-t", "nat", "-A", "POSTROUTING", "-j", "MASQUERADE")
        made.run("mount", "-t", "tmpfs", "tmpfs", "/var/lib")
        assert around() == before
    finally:
        bed.stop()
