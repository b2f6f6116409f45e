"""Several clusters live side by side, take a component's death, and leave nothing; a person runs one by command."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from loadtests.local import eventually
from tests.testbed import toolchain
from tests.testbed.cluster import ControlPlane
from tests.testbed.given import MARK, Cluster, GivenCluster, given
from tests.testbed.process import ProcessError
from tests.testbed.state import State

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]


def traces(folder: Path) -> list[str]:
    """Command lines of processes that name the folder, and mounts below it: what a cluster there would leave."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.pid != os.getpid() and any(str(folder) in word for word in process.cmdline()):
                found.append(" ".join(process.cmdline()))
    if sys.platform == "linux":
        found += [line for line in Path("/proc/mounts").read_text().splitlines() if str(folder) in line]
    return found


@pytest.fixture
def built() -> None:
    """Skip where this machine cannot have the programs."""
    try:
        for command in ("etcd", "kube-apiserver", "kube-controller-manager", "kubectl"):
            toolchain.program(command)
    except toolchain.Unavailable as missing:
        pytest.skip(f"no test cluster: {missing}")


@pytest.fixture
def two_regions(built: None, short_tmp: Path) -> Iterator[ControlPlane]:
    """Two clusters on one etcd, the first with a controller manager, beside whatever else runs on this machine."""
    with ControlPlane.start("api", folder=short_tmp / "c", servers=2) as control:
        yield control


def test_two_api_servers_on_one_etcd_are_two_clusters_and_stop_leaves_neither(
    api_cluster: Cluster, two_regions: ControlPlane
) -> None:
    two_regions.kubectl("create", "namespace", "only-in-two", server=2)
    first, second = (two_regions.get("namespaces", server=number)["items"] for number in (1, 2))
    assert "only-in-two" not in {item["metadata"]["name"] for item in first}
    assert "only-in-two" in {item["metadata"]["name"] for item in second}
    assert "only-in-two" not in api_cluster.kubectl("get", "namespaces").stdout

    two_regions.kill("kube-apiserver-2")
    assert two_regions.kubectl("get", "namespaces", server=2, check=False).returncode != 0
    two_regions.kubectl("get", "namespaces")
    two_regions.restart("kube-apiserver-2")
    two_regions.kubectl("get", "namespace", "only-in-two", server=2)

    folder = two_regions.folder
    two_regions.stop()
    assert traces(folder) == []
    api_cluster.kubectl("get", "namespace", "default")


def test_a_kubeconfig_of_another_user_has_that_user_s_rights(two_regions: ControlPlane) -> None:
    somebody = two_regions.make_kubeconfig("somebody", ["readers"])
    assert two_regions.make_kubeconfig("somebody", ["readers"]) == somebody
    theirs = GivenCluster(somebody, "api")
    refused = theirs.kubectl("get", "secrets", check=False)
    assert 'User "somebody" cannot list resource "secrets"' in refused.stderr
    two_regions.kubectl("create", "clusterrolebinding", "readers", "--clusterrole=admin", "--group=readers")
    eventually(
        lambda: theirs.kubectl("get", "secrets", check=False).returncode == 0,
        within=30,
        what="the binding of its group counts",
    )


def test_a_component_that_cannot_start_is_named_and_leaves_nothing(built: None, short_tmp: Path) -> None:
    with pytest.raises(ProcessError, match=r"(?s)kube-apiserver ended with 1 .*no-such-flag"):
        ControlPlane.start("api", folder=short_tmp, extra_args=["--no-such-flag"])
    assert traces(short_tmp) == []


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.testbed", *arguments, "--folder", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_up_runs_one_cluster_that_down_ends_and_kill_9_too(
    built: None, short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    up = command(short_tmp, "up", "--detach")
    try:
        assert up.returncode == 0, up.stdout + up.stderr
        kubeconfig = re.search(r"export KUBECONFIG=(\S+)", up.stdout)
        assert kubeconfig, up.stdout
        again = command(short_tmp, "up")
        assert again.returncode == 0
        assert "runs already" in again.stdout
        assert kubeconfig[0] in again.stdout
        assert command(short_tmp, "up", "--profile", "scale").returncode == 1
        status = command(short_tmp, "status")
        assert status.returncode == 0
        assert re.search(r"kube-apiserver +\d+ +running", status.stdout)

        # It has marked the cluster as one for tests; without the mark nobody's cluster is used.
        monkeypatch.setenv("KUBECONFIG", kubeconfig[1])
        found, _ = given("api")
        assert found is not None
        assert found.profile == "api"
        assert given("scale")[0] is None
        found.kubectl("label", "namespace", "kube-system", f"{MARK}-")
        found, why = given("api", "scale", "node")
        assert found is None
        assert f"has no label {MARK}=api|scale|node" in why

        assert command(short_tmp, "down").returncode == 0
        assert traces(short_tmp) == []
        assert command(short_tmp, "status").returncode == 1

        assert command(short_tmp, "up", "--detach").returncode == 0
        running = State(short_tmp).read()
        assert running is not None
        os.kill(running.pid, signal.SIGKILL)
        eventually(lambda: not traces(short_tmp), within=30, what="nothing is left")
        assert "no cluster runs" in command(short_tmp, "status").stdout
    finally:
        command(short_tmp, "down")
